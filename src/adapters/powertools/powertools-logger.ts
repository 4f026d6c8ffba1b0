import { Logger as BaseLogger, type LogItem, LogLevel } from '@aws-lambda-powertools/logger';
import type { ConstructorOptions } from '@aws-lambda-powertools/logger/types';
import { escapeText } from '../../domain/escape.ts';
import { limits } from '../../domain/limits.ts';
import type { LogFields, Logger } from '../../ports/logger.ts';

export interface PowertoolsLoggerOptions {
  readonly service: string;
  /** The least level, in any case; what is no level of Powertools counts as INFO. */
  readonly level: string | undefined;
  /** Takes one line, without its end. */
  readonly write: (line: string) => void;
}

/**
 * Lines in the form of Powertools for AWS Lambda, which dashboards and queries know. One instance serves
 * all invocations of a process, also several at once: what belongs to one is bound to a logger of its own
 * by `forInvocation`, and nothing is kept here.
 */
export class PowertoolsLogger implements Logger {
  readonly #base: LineLogger;

  constructor({ service, level, write }: PowertoolsLoggerOptions) {
    const wanted = level?.trim().toUpperCase();
    const logLevel = Object.values(LogLevel).find((known) => known === wanted);
    this.#base = lineLogger(write, {
      serviceName: service,
      ...(logLevel === undefined ? {} : { logLevel }),
    });
  }

  log(level: Parameters<Logger['log']>[0], message: string, fields: LogFields = {}): void {
    this.#base[level](message, bounded(fields));
  }

  /** The first one of a process is its cold start, unless Lambda started it ahead. */
  forInvocation(requestId: string): Logger {
    const bound = { function_request_id: requestId, cold_start: this.#base.isColdStart() };
    return {
      log: (level, message, fields = {}) => this.log(level, message, { ...bound, ...fields }),
    };
  }
}

// ---------------------------------------------------------------------------------------------------

/** A line that is too long for CloudWatch loses its end, which makes it JSON. */
function bounded(fields: LogFields): Record<string, LogFields[string]> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' && value.length > limits.messageLengthMax
        ? `${value.slice(0, limits.messageLengthMax).toWellFormed()}…`
        : value,
    ]),
  );
}

/**
 * Powertools' logger on a writer of ours. `write` is a parameter and no field, since the constructor of
 * the base class may write already, before there are fields.
 */
function lineLogger(write: (line: string) => void, options: ConstructorOptions): LineLogger {
  class WritingLogger extends BaseLogger {
    isColdStart(): boolean {
      return this.getColdStart();
    }

    protected override printLog(_level: number, item: LogItem): void {
      item.prepareForPrint();
      write(escapeText(JSON.stringify(item.getAttributes())));
    }
  }
  // Without a console of its own: that one opens the streams of stdout and stderr, 2 ms of a cold start.
  // The method is private to the base class; where another version has none of the name, nothing breaks.
  Object.defineProperty(WritingLogger.prototype, 'setConsole', { value: () => undefined });
  return new WritingLogger(options);
}

interface LineLogger extends Pick<BaseLogger, 'debug' | 'info' | 'warn' | 'error'> {
  /** True once, for the first invocation of a process that Lambda started for it. */
  isColdStart(): boolean;
}
