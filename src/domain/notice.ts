import { limits } from './limits.ts';
import { isoTime } from './model.ts';
import { type AlarmSummary, responseOf } from './response.ts';
import { type NoticeTopic, Outcome, type RollbackRecord, type RollbackStatus } from './rollback.ts';
import { Recovery } from './trigger.ts';

/** A message about one end. The seven first fields of `message` and the subject are fixed. */
export interface Notice {
  readonly subject: string;
  readonly message: NoticeMessage;
  /** For filter policies of subscribers. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface NoticeMessage {
  /** Null for an alarm that names no model. */
  readonly model_name: string | null;
  readonly from_version: string | null;
  readonly to_version: string | null;
  readonly reason: string;
  /** Alarm name, else requester, else `manual`. */
  readonly triggered_by: string;
  readonly timestamp: string;
  readonly outcome: string;
  /** For de-duplication: a notice is sent at least once. */
  readonly rollback_id: string;
  /** What it tells: the end, or what a later look at the pointer or the alarm found. */
  readonly about: NoticeTopic;
  readonly text: string;
  readonly requested_by: string | null;
  readonly live_versions: readonly string[];
  readonly refusals: readonly { code: string; message: string; clears_at: string | null }[];
  readonly warnings: readonly { code: string; message: string }[];
  readonly alarm: AlarmSummary | null;
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
      about: topicOf(record),
      text: textOf(record, answer.message),
      requested_by: request.requestedBy,
      live_versions: answer.live_versions,
      refusals: answer.refusals.map(({ code, message, clears_at }) => ({
        code,
        message,
        clears_at,
      })),
      warnings: answer.warnings,
      alarm: answer.alarm,
      sent_at: isoTime(nowMs),
    },
    attributes: {
      // SNS takes no empty attribute.
      ...(answer.model_name === null ? {} : { model_name: answer.model_name }),
      outcome: answer.outcome,
      reason: answer.reason,
      schema: 'model-rollback/1',
    },
  };
}

// ---------------------------------------------------------------------------------------------------

function topicOf({ notice }: RollbackRecord): NoticeTopic {
  return notice.kind === 'none' ? 'end' : notice.about;
}

/** What the recovery check found comes first, since it is the news. */
function textOf(record: RollbackRecord, message: string): string {
  return topicOf(record) === 'recovery' ? `${recoveryText(record)} ${message}` : message;
}

function recoveryText({ recovery, alarm }: RollbackRecord): string {
  const name = alarm?.transition.name ?? '';
  switch (recovery.kind) {
    case Recovery.RECOVERED:
      return `The alarm ${name} is not red any more.`;
    case Recovery.NOT_RECOVERED:
      return (
        `The alarm ${name} is still red: another cause, or consumers have not reloaded the model. ` +
        'Automation for this model is paused; it is not rolled back any further. ' +
        'When it is settled, run: model-rollback resume.'
      );
    case Recovery.NO_DATA:
      return `The alarm ${name} has no data, so nobody knows whether the rollback helped. Please look.`;
    default:
      return '';
  }
}

/** SNS: below 100 characters, no control characters; ASCII so that every mail client shows it. */
function subjectOf(record: RollbackRecord): string {
  const name = record.subject === 'model' ? record.modelName : nameOfSource(record);
  const subject = `Model Rollback${wordsOf(record)}: ${name}`.replaceAll(/[^\x20-\x7e]/g, '?');
  return subject.length <= limits.subjectLengthMax
    ? subject
    : `${subject.slice(0, limits.subjectLengthMax - 3)}...`;
}

function nameOfSource({ request, modelName }: RollbackRecord): string {
  return request.alarmName ?? modelName;
}

function wordsOf(record: RollbackRecord): string {
  switch (topicOf(record)) {
    case 'end':
      return subjectWords(record.progress.status);
    case 'pointer':
      return ' pointer differs';
    case 'recovery':
      return ` ${record.recovery.kind.replaceAll('-', ' ')}`;
    default:
      return '';
  }
}

function subjectWords(status: RollbackStatus): string {
  return status === Outcome.ROLLED_BACK ? '' : ` ${status.toLowerCase().replaceAll('_', ' ')}`;
}
