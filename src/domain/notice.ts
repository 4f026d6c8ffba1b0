import { assertNever } from './assert.ts';
import { limits } from './limits.ts';
import { isoTime } from './model.ts';
import { responseOf } from './response.ts';
import { Outcome, type RollbackRecord, type RollbackStatus } from './rollback.ts';

/** A message about one end. The seven first fields of `message` and the subject are fixed. */
export interface Notice {
  readonly subject: string;
  readonly message: NoticeMessage;
  /** For filter policies of subscribers. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface NoticeMessage {
  readonly model_name: string;
  readonly from_version: string | null;
  readonly to_version: string | null;
  readonly reason: string;
  /** Alarm name, else requester, else `manual`. */
  readonly triggered_by: string;
  readonly timestamp: string;
  readonly outcome: string;
  /** For de-duplication: a notice is sent at least once. */
  readonly rollback_id: string;
  readonly text: string;
  readonly requested_by: string | null;
  readonly live_versions: readonly string[];
  readonly refusals: readonly { code: string; message: string; clears_at: string | null }[];
  readonly warnings: readonly { code: string; message: string }[];
  readonly sent_at: string;
}

/** The notice of a record that ended. */
export function noticeOf(record: RollbackRecord, nowMs: number): Notice {
  const answer = responseOf(record);
  const { request } = record;
  return {
    subject: subjectOf(record),
    message: {
      model_name: answer.model_name,
      from_version: answer.from_version,
      to_version: answer.to_version,
      reason: answer.reason,
      triggered_by: request.alarmName ?? request.requestedBy ?? 'manual',
      timestamp: answer.timestamp,
      outcome: answer.outcome,
      rollback_id: record.id,
      text: answer.message,
      requested_by: request.requestedBy,
      live_versions: answer.live_versions,
      refusals: answer.refusals.map(({ code, message, clears_at }) => ({
        code,
        message,
        clears_at,
      })),
      warnings: answer.warnings,
      sent_at: isoTime(nowMs),
    },
    attributes: {
      model_name: answer.model_name,
      outcome: answer.outcome,
      reason: answer.reason,
      schema: 'model-rollback/1',
    },
  };
}

// ---------------------------------------------------------------------------------------------------

/** SNS: below 100 characters, no control characters; ASCII so that every mail client shows it. */
function subjectOf(record: RollbackRecord): string {
  const isDifference = record.pointerCheck.kind === 'differs';
  const words = isDifference ? ' pointer differs' : subjectWords(record.progress.status);
  const subject = `Model Rollback${words}: ${record.modelName}`.replaceAll(/[^\x20-\x7e]/g, '?');
  return subject.length <= limits.subjectLengthMax
    ? subject
    : `${subject.slice(0, limits.subjectLengthMax - 3)}...`;
}

function subjectWords(status: RollbackStatus): string {
  switch (status) {
    case Outcome.ROLLED_BACK:
      return '';
    case Outcome.REFUSED:
      return ' refused';
    case Outcome.NO_TARGET:
      return ' no target';
    case Outcome.ALREADY_LIVE:
      return ' already live';
    case Outcome.CONTESTED:
      return ' contested';
    case Outcome.FAILED:
      return ' failed';
    case 'IN_PROGRESS':
      return ' in progress';
    default:
      return assertNever(status);
  }
}
