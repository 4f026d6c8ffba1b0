import { isOfCloudWatch } from '../alarm/alarm.ts';
import { assertNever } from '../assert.ts';
import { commandText } from '../command-line.ts';
import { movesPointer, Outcome } from '../decide/outcome.ts';
import { limits } from '../limits.ts';
import { notUndone, unreachedText } from '../pointer/alias.ts';
import type { Notice, RecordTopic } from '../record/notice-content.ts';
import { isUnsent, type OutboxNotice } from '../record/outbox.ts';
import {
  type EmbeddedNotice,
  isFinal,
  type NoticeWrite,
  type RollbackRecord,
} from '../record/record.ts';
import { Recovery, rejectionText, WatchEnd } from '../record/trigger.ts';
import { isDrillModel } from '../registry/drill-model.ts';
import { isoTime } from '../registry/model.ts';
import { resumeText } from '../state/fleet.ts';
import { kindOf, responseOf } from './response.ts';
import { servingText } from './serving.ts';

/** A notice for the outbox, in place of the one of its topic that stands there. */
export function outboxNotice(
  record: RollbackRecord,
  topic: RecordTopic,
  { previous, embedded, nowMs, token, isSending }: NoticeFacts,
): NoticeWrite {
  const unsent = isUnsent(previous) ? (previous?.replaces ?? 0) + 1 : 0;
  const replaces = unsent + (embedded?.kind === 'pending' ? 1 : 0);
  const item: OutboxNotice = {
    rollbackId: record.id,
    topic,
    token,
    createdAtMs: nowMs,
    isKept: isFinal(record),
    replaces,
    content: noticeOf(record, topic, replaces, nowMs),
    dueAtMs: isSending ? nowMs + limits.noticeDueMs : nowMs,
    leaseEndsAtMs: isSending ? nowMs + limits.noticeTimeoutMs : nowMs,
    attempts: 0,
    channels: {},
  };
  return { item, over: previous?.token ?? null };
}

export interface NoticeFacts {
  /** The notice of this topic that stands in the outbox. */
  readonly previous: OutboxNotice | undefined;
  /** The one in the record that an earlier attempt left, if release 0.1.0 wrote it. */
  readonly embedded?: EmbeddedNotice | undefined;
  readonly nowMs: number;
  /** Unguessable. */
  readonly token: string;
  /** True when its writer sends it at once; else whoever comes first does. */
  readonly isSending: boolean;
}

/** Takes the notice that release 0.1.0 left in a record over into the outbox; null when there is none. */
export function adoptedNotice(
  record: RollbackRecord,
  facts: Pick<NoticeFacts, 'previous' | 'nowMs' | 'token'>,
): NoticeWrite | null {
  if (record.notice.kind !== 'pending') return null;
  return outboxNotice(record, record.notice.about, { ...facts, isSending: false });
}

/** What a notice says. */
export function noticeOf(
  record: RollbackRecord,
  topic: RecordTopic,
  replaces: number,
  nowMs: number,
): Notice {
  const answer = responseOf(record);
  const { request } = record;
  return {
    subject: subjectOf(record, topic),
    message: {
      model_name: answer.model_name,
      from_version: answer.from_version,
      to_version: answer.to_version,
      reason: answer.reason,
      triggered_by: request.alarmName ?? request.requestedBy ?? 'manual',
      timestamp: answer.timestamp,
      outcome: answer.outcome,
      rollback_id: record.id,
      about: topic,
      ...kindOf(request),
      text: textOf(record, topic, replaces, answer.message),
      requested_by: request.requestedBy,
      live_versions: answer.live_versions,
      pointer: answer.pointer,
      refusals: answer.refusals.map(({ code, message, clears_at }) => ({
        code,
        message,
        clears_at,
      })),
      warnings: answer.warnings,
      alarm: answer.alarm,
      replaces,
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

/** What a later check found comes first, since it is the news. */
function textOf(
  record: RollbackRecord,
  topic: RecordTopic,
  replaces: number,
  message: string,
): string {
  const drill = isDrillModel(record.modelName) ? drillText : '';
  const isMove = topic === 'end' && movesPointer(record.progress.status);
  const reach = isMove ? ` ${unreachedText}${undoText(record)}` : '';
  return `${drill}${newsOf(record, topic)}${message}${reach}${replaces === 0 ? '' : ` ${replacesText(replaces)}`}`;
}

const drillText = 'This is a drill: no model that anybody loads was moved. ';

/** How a rollback is undone, and what stays as it is then. */
function undoText({ id, plan, request }: RollbackRecord): string {
  if (request.undoes !== undefined || plan?.from == null) return '';
  if (request.promotes) {
    const back = { to: plan.from.version, pointer: plan.pointer };
    return ` To go back, run ${commandText('apply', [request.modelName], back)}.`;
  }
  return ` To undo it, run ${commandText('undo', [id])}. ${notUndone}`;
}

function newsOf(record: RollbackRecord, topic: RecordTopic): string {
  if (topic === 'recovery') return `${recoveryText(record)} `;
  if (topic === 'serving') return `${servingText(record)} `;
  if (topic === 'pointer' && record.pointerCheck.kind === 'as-left') {
    return `${record.warnings.findLast(({ code }) => code === 'DISPLACED_NEWER')?.message ?? ''} `;
  }
  return isClosedByPointer(record) ? `${closedText(record)} ` : '';
}

function replacesText(replaces: number): string {
  return replaces === 1
    ? 'An earlier notice of this attempt could not be sent.'
    : `${replaces} earlier notices of this attempt could not be sent.`;
}

/** An alarm that ended without effect before, and is not tried again: another pointer is configured now. */
function isClosedByPointer({ watch }: RollbackRecord): boolean {
  return watch.kind === 'closed' && watch.why === WatchEnd.POINTER_CHANGED;
}

function closedText({ alarm, plan, modelName }: RollbackRecord): string {
  const name = alarm?.transition.ref.name ?? '';
  return (
    `The alarm ${name} is closed, and nothing was moved: it arrived when the pointer of ${modelName} was ` +
    `${plan?.pointer ?? 'another one'}, and another pointer is configured since. To see what a rollback would ` +
    `do now, run ${commandText('plan', [modelName])}. The result before:`
  );
}

function recoveryText({ recovery, alarm, modelName }: RollbackRecord): string {
  const name = alarm?.transition.ref.name ?? '';
  switch (recovery.kind) {
    case Recovery.RECOVERED:
      return `The alarm ${name} is no longer in ALARM.`;
    case Recovery.NOT_RECOVERED:
      return (
        `The alarm ${name} is still in ALARM: it has another cause, or consumers have not reloaded the model. ` +
        'Automation of this model is paused: alarms do not roll it back any further. ' +
        `When the cause is fixed, run ${resumeText(modelName)}.`
      );
    case Recovery.NO_DATA:
      return (
        `${noDataText(alarm, name)}, so it is not known whether the rollback helped. ` +
        `To see what is live, run ${commandText('status', [modelName])}.`
      );
    default:
      return '';
  }
}

/** Of an alert nothing is known but what its messages say. */
function noDataText(alarm: RollbackRecord['alarm'], name: string): string {
  return alarm === null || isOfCloudWatch(alarm.transition.ref)
    ? `The alarm ${name} has no data`
    : `No message said whether the alert ${name} is resolved`;
}

function subjectOf(record: RollbackRecord, topic: RecordTopic): string {
  const name = record.subject === 'model' ? record.modelName : nameOfSource(record);
  return subjectText(wordsOf(record, topic), name);
}

/** SNS: below 100 characters, no control characters; ASCII so that every mail client shows it. */
export function subjectText(words: string, name: string): string {
  const subject = `Model Rollback${words}: ${name}`.replaceAll(/[^\x20-\x7e]/g, '?');
  return subject.length <= limits.subjectLengthMax
    ? subject
    : `${subject.slice(0, limits.subjectLengthMax - 3)}...`;
}

function nameOfSource({ request, modelName }: RollbackRecord): string {
  return request.alarmName ?? modelName;
}

function wordsOf(record: RollbackRecord, topic: RecordTopic): string {
  switch (topic) {
    case 'end':
      if (rejectionText(record.watch) !== null) return ' rejected';
      return isClosedByPointer(record) ? ' alarm closed' : endWords(record);
    case 'pointer':
      return record.pointerCheck.kind === 'differs'
        ? ' pointer differs'
        : ' replaced newer version';
    case 'serving':
      return record.serving?.kind === 'confirmed' ? ' serving confirmed' : ' serving not confirmed';
    case 'recovery':
      return ` ${record.recovery.kind.replaceAll('-', ' ')}`;
    default:
      return assertNever(topic);
  }
}

/** Nothing for a rollback that happened: its subject never changes. */
function endWords({ progress: { status }, request, modelName }: RollbackRecord): string {
  if (isDrillModel(modelName))
    return ` drill${status === Outcome.ROLLED_BACK ? '' : ` ${lowerWords(status)}`}`;
  if (status === Outcome.ROLLED_BACK) return request.undoes === undefined ? '' : ' undone';
  const promotion = request.promotes && status !== Outcome.PROMOTED ? ' promotion' : '';
  return `${promotion} ${lowerWords(status)}`;
}

function lowerWords(status: string): string {
  return status.toLowerCase().replaceAll('_', ' ');
}
