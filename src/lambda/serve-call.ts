import type { RollbackDeps } from '../app/deps.ts';
import type { OperationAnswer } from '../app/run-operation.ts';
import type { SweepReport } from '../app/sweep-report.ts';
import type { RollbackResponse } from '../domain/answer/response.ts';
import { isModelRollbackError, messageOf } from '../domain/errors.ts';
import type { FleetPlan } from '../domain/request/fleet-request.ts';
import type { LogFields, Logger } from '../ports/logger.ts';
import { type Seen, watchPorts } from './watch-ports.ts';

/** What a call asks for. An event is one call, or one for each message of a topic or a queue. */
export interface Call {
  readonly kind: 'request' | 'alarm' | 'sweep' | 'fleet' | 'operation' | 'promotion';
  /** Names what asked: a request's own id, the invocation, or an alarm and when it went to ALARM. */
  readonly triggerId: string | null;
  /** As far as the event itself says. */
  readonly modelName: string | null;
  readonly alarmName: string | null;
  /** Of the message of a topic or a queue that it came by. */
  readonly messageId: string | null;
  /** Other than `sound`, it does not count as a requested rollback: it cannot be read, or is a preview. */
  readonly quality: 'sound' | 'unreadable' | 'dry-run';
  /** When the alarm went to ALARM (epoch ms). */
  readonly alarmAtMs: number | null;
}

export type CallAnswer = RollbackResponse | SweepReport | FleetPlan | OperationAnswer;

/** How a call went, for the metrics. */
export interface CallReport {
  readonly call: Call;
  readonly result:
    | { readonly kind: 'answered'; readonly answer: CallAnswer }
    | { readonly kind: 'thrown'; readonly error: unknown };
  /** True for an alarm that was ignored, and older than alarms may be. */
  readonly isStale: boolean;
  readonly seen: Seen;
}

/**
 * Runs one call: binds what names it to each of its lines, says in one line how it ended, and reports.
 * @throws what `work` throws
 */
export async function serveCall<Answer extends CallAnswer>(
  deps: RollbackDeps,
  call: Call,
  work: (deps: RollbackDeps) => Promise<Answer>,
  report: ((report: CallReport) => void) | undefined,
): Promise<Answer> {
  const startedMs = deps.clock.monotonicMs();
  const bound = callFields(call);
  const watched = watchPorts(deps, bound);
  const timing = (): LogFields => ({
    duration_ms: Math.round(deps.clock.monotonicMs() - startedMs),
    registry_ms: Math.round(watched.seen().registryMs ?? 0),
  });
  try {
    const answer = await work(watched.deps);
    deps.logger.log(levelOf(answer), 'request answered', {
      ...bound,
      ...answerFields(answer),
      ...timing(),
    });
    const isStale = isStaleAnswer(deps, call, answer);
    report?.({ call, result: { kind: 'answered', answer }, isStale, seen: watched.seen() });
    return answer;
  } catch (error) {
    logError(deps.logger, error, { ...bound, ...timing() });
    report?.({ call, result: { kind: 'thrown', error }, isStale: false, seen: watched.seen() });
    throw error;
  }
}

/** Whatever was thrown, as one line of the log. */
export function logError(logger: Logger, error: unknown, fields: LogFields = {}): void {
  logger.log('error', 'request not answered', {
    ...fields,
    error: error instanceof Error ? error.name : 'unknown',
    code: isModelRollbackError(error) ? error.code : null,
    why: messageOf(error),
  });
}

// ---------------------------------------------------------------------------------------------------

function callFields(call: Call): LogFields {
  const { kind, triggerId, modelName, alarmName, messageId } = call;
  return {
    trigger: kind,
    ...(triggerId === null ? {} : { trigger_id: triggerId }),
    ...(modelName === null ? {} : { model_name: modelName }),
    ...(alarmName === null ? {} : { alarm_name: alarmName }),
    ...(messageId === null ? {} : { message_id: messageId }),
  };
}

function answerFields(answer: CallAnswer): LogFields {
  if ('due' in answer) {
    const { failed, ...counts } = answer;
    return { ...counts, failed: failed.length };
  }
  if ('operation' in answer) {
    const { operation, changed, message, requested_by } = answer;
    return { operation, changed, requested_by, why: message };
  }
  if ('models' in answer) return { models: answer.models.length, dry_run: answer.dry_run };
  return {
    outcome: answer.outcome,
    rollback_id: answer.rollback_id,
    ...(answer.model_name === null ? {} : { model_name: answer.model_name }),
    ...(answer.alarm_name === null ? {} : { alarm_name: answer.alarm_name }),
    from_version: answer.from_version,
    to_version: answer.to_version,
    refusals: answer.refusals.map(({ code }) => code).join(' '),
    replayed: answer.replayed,
    notified: answer.notified,
    why: answer.message,
  };
}

/** What a person should see stays in the log when its level is set to warnings. */
function levelOf(answer: CallAnswer): 'info' | 'warn' {
  if ('due' in answer) return answer.failed.length > 0 ? 'warn' : 'info';
  if ('models' in answer || 'operation' in answer) return 'info';
  return ['CONTESTED', 'FAILED', 'DEFERRED'].includes(answer.outcome) ? 'warn' : 'info';
}

function isStaleAnswer(
  { clock, settings }: RollbackDeps,
  { alarmAtMs }: Call,
  answer: CallAnswer,
): boolean {
  if (alarmAtMs === null || !('outcome' in answer) || answer.outcome !== 'IGNORED') return false;
  return clock.nowMs() - alarmAtMs > settings.alarms.eventAgeMaxMs;
}
