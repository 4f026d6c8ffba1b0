import type { RollbackDeps } from '../app/deps.ts';
import { isModelRollbackError, type ModelRollbackError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import { answerEvent, anyCall, type EventAnswer, type Invocation } from './answer-event.ts';
import { metricsOf } from './metrics.ts';
import { type CallReport, logError } from './serve-call.ts';

/** What one invocation has to itself. */
export interface Serving extends Omit<Invocation, 'report'> {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Takes one line of metrics. */
  readonly write: (line: string) => void;
}

/**
 * Answers one event, and writes a line of the log for each call in it, and its metrics, also when it
 * throws.
 * @param started what the process was composed to, or why it could not be
 * @throws what `answerEvent` throws, or `started`
 */
export async function serveEvent(
  started: RollbackDeps | ModelRollbackError,
  event: unknown,
  serving: Serving,
): Promise<EventAnswer> {
  const { logger, clock, invocationId } = serving;
  const reports: CallReport[] = [];
  const report = (one: CallReport): number => reports.push(one);
  try {
    if (isModelRollbackError(started)) throw started;
    return await answerEvent({ ...started, logger }, event, { ...serving, report });
  } catch (error) {
    const isReported = reports.some(
      ({ result }) => result.kind === 'thrown' && result.error === error,
    );
    if (!isReported) {
      logError(logger, error);
      report(notBegun(error));
    }
    throw error;
  } finally {
    const properties = { function_request_id: invocationId };
    for (const line of metricsOf(reports, clock.nowMs(), properties)) {
      serving.write(JSON.stringify(line));
    }
  }
}

// ---------------------------------------------------------------------------------------------------

/** It failed before a call began: the event, or the configuration, is wrong. */
function notBegun(error: unknown): CallReport {
  return {
    call: anyCall,
    result: { kind: 'thrown', error },
    isStale: false,
    seen: { ends: [], noticesSent: 0, noticesFailed: 0, channelsFailed: [], registryMs: null },
  };
}
