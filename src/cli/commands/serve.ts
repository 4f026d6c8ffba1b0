import { readFileSync, statSync } from 'node:fs';
import { type Composed, clock, jsonLogger } from '../../assemble.ts';
import { compose } from '../../compose.ts';
import { openEvidence, storeLabel } from '../../compose-store.ts';
import { commandConfig } from '../../config/command-config.ts';
import type { Config } from '../../config/config-from-env.ts';
import { ConfigurationError, InvalidRequestError, messageOf } from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import { isoTime } from '../../domain/registry/model.ts';
import { httpLimits } from '../../http/http-limits.ts';
import { isLoopback, type Listener, listen, loopbackHosts } from '../../http/listen.ts';
import { makeService, type Service, type ServiceOptions } from '../../http/service.ts';
import { parseTokens, type Token } from '../../http/tokens.ts';
import { type Deadline, deadlineAfter } from '../../ports/deadline.ts';
import type { Logger } from '../../ports/logger.ts';
import { type Command, type CommandContext, type Interrupt, textOption } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';

export const serveCommand: Command = {
  name: 'serve',
  usage: '',
  summary:
    'run the service: a JSON API, the console, and alerts of Alertmanager and Grafana; it sweeps every minute',
  options: {
    host: { type: 'string' },
    port: { type: 'string' },
    'token-file': { type: 'string' },
  },
  optionHelp: {
    host: 'address to listen on (default: 127.0.0.1); any address but a loopback one needs --token-file',
    port: 'port to listen on (default: 0, which takes a free one)',
    'token-file':
      'file with a token for each caller, one per line: ROLE TOKEN [NAME], ROLE is viewer or operator',
  },
  arity: [0, 0],
  examples: [
    'model-rollback serve --port 8080',
    'model-rollback serve --host 0.0.0.0 --port 8080 --token-file /etc/model-rollback/tokens',
  ],
  run: async (context) => {
    const address = addressOf(context);
    const tokens = readTokens(context);
    if (tokens === null && !isLoopback(address.host)) {
      throw new InvalidRequestError(
        `Other machines can reach the service on ${address.host}, so each caller needs a token. Pass --token-file ` +
          'with a file that has one line per caller, such as: operator TOKEN ci',
      );
    }
    const config = commandConfig(context.env);
    const logger = serviceLogger(context);
    for (const { code, message } of config.warnings) logger.log('warn', message, { code });
    context.showState(await storeLabel(config.store));
    const evidence = await openEvidence(config.store, config.registry.workspace);
    const composed = await compose(config, {
      logger,
      writeNotice: (_, { subject, message }) =>
        logger.log('info', 'notice', { subject, text: message.text }),
      isService: true,
    });
    try {
      await serveUntilStopped(context, composed, {
        address,
        tokens,
        sweeps: true,
        evidence,
        announce: (url) => context.print(`listening on ${url}`, { listening: url }),
        ...sendersOf(config),
      });
      return ExitCode.DONE;
    } finally {
      composed.close();
      evidence.close();
    }
  },
};

/** How the service is run. */
interface Serving extends Pick<ServiceOptions, 'grafanaSecret' | 'mlflow' | 'evidence'> {
  readonly address: Address;
  /** Null: whoever can reach it may do everything. */
  readonly tokens: readonly Token[] | null;
  /** Who that is, for the record. @default not known */
  readonly name?: string | null;
  /** Whether it does what is due. */
  readonly sweeps: boolean;
  /** Once it listens. */
  announce(url: string): void;
}

/** Who needs no token, since it signs what it sends. */
function sendersOf({
  senders,
  registry: { workspace },
}: Config): Pick<ServiceOptions, 'grafanaSecret' | 'mlflow'> {
  const secret = senders?.mlflowSecret ?? null;
  return {
    grafanaSecret: senders?.grafanaSecret ?? null,
    mlflow: secret === null ? null : { secret, workspace },
  };
}

/** Until Ctrl-C, or the end by the system. @throws ConfigurationError when the address cannot be used */
export async function serveUntilStopped(
  context: CommandContext,
  { deps }: Pick<Composed, 'deps'>,
  { address, tokens, name = null, sweeps: isSweeping, announce, ...options }: Serving,
): Promise<void> {
  const interrupt = context.listen();
  const { signal } = interrupt;
  let hosts: readonly string[] = [];
  const service = makeService({
    ...options,
    deps,
    access:
      tokens === null ? { kind: 'open', hosts: () => hosts, name } : { kind: 'tokens', tokens },
    isStopping: () => signal.aborted,
  });
  let listener: Listener;
  try {
    listener = await listen((request) => service.fetch(request), address);
  } catch (error) {
    interrupt.close();
    throw error;
  }
  hosts = loopbackHosts(address.host, listener.port);
  announce(listener.url);
  const sweeps = isSweeping ? sweepUntil(interrupt, service) : null;
  await aborted(signal);
  // A second signal ends the process at once.
  interrupt.close();
  deps.logger.log('info', 'service stops');
  await Promise.all([listener.drain(httpLimits.drainMs), service.end(httpLimits.drainMs), sweeps]);
}

// ---------------------------------------------------------------------------------------------------

interface Address {
  readonly host: string;
  readonly port: number;
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}

/** What is due is done here too: resumed runs, second attempts, notices. */
async function sweepUntil(interrupt: Interrupt, service: Service): Promise<void> {
  while (!interrupt.signal.aborted) {
    await service.sweep(stoppable(interrupt.signal));
    await interrupt.wait(httpLimits.serviceSweepMs);
  }
}

/** A deadline that comes nearer once the service is to stop. */
function stoppable(signal: AbortSignal): Deadline {
  const whole = deadlineAfter(clock, httpLimits.httpBudgetMs);
  let atStop: Deadline | null = null;
  return {
    leftMs: () => {
      if (signal.aborted) atStop ??= deadlineAfter(clock, httpLimits.drainMs);
      return Math.min(whole.leftMs(), atStop?.leftMs() ?? Number.POSITIVE_INFINITY);
    },
  };
}

/** Lines of JSON with their time; what reads them does not want times of this zone. */
function serviceLogger(context: CommandContext): Logger {
  const lines = jsonLogger((line) => context.log(line));
  return {
    log: (level, message, fields = {}) =>
      lines.log(level, message, { timestamp: isoTime(clock.nowMs()), ...fields }),
  };
}

function addressOf(context: CommandContext): Address {
  const host = textOption(context, 'host') ?? '127.0.0.1';
  const port = textOption(context, 'port') ?? '0';
  if (!/^[\w.:-]{1,253}$/.test(host)) {
    throw new InvalidRequestError(
      `--host: ${escapeText(JSON.stringify(host))} is no address. Pass one such as 127.0.0.1 or 0.0.0.0.`,
    );
  }
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new InvalidRequestError(
      `--port: ${escapeText(JSON.stringify(port))} is not a number from 0 to 65535.`,
    );
  }
  return { host, port: Number(port) };
}

/** @throws ConfigurationError */
function readTokens(context: CommandContext): readonly Token[] | null {
  const file = textOption(context, 'token-file');
  if (file === undefined) return null;
  const shown = escapeText(file);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
    if ((statSync(file).mode & 0o077) !== 0) {
      context.say(
        `warning: other users of this machine may read the tokens in ${shown}. Set its mode to 600.`,
      );
    }
  } catch (cause) {
    throw new ConfigurationError(
      `The token file ${shown} cannot be read: ${messageOf(cause)}. Pass another --token-file.`,
      { cause },
    );
  }
  return parseTokens(text, shown);
}
