import { type NoticeFacts, outboxNotice } from '../answer/notice.ts';
import { limits } from '../limits.ts';
import type { OutboxNotice } from '../record/outbox.ts';
import type { NoticeWrite, RollbackRecord, StoreChange } from '../record/record.ts';
import { type AlarmWatch, Recovery, type RecoveryCheck, WatchEnd } from '../record/trigger.ts';
import { next } from '../revision.ts';
import type { ModelState } from '../state/model-state.ts';

/** When an alarm is checked again, and what follows from it. Changes of the record alone. */

/**
 * A refused alarm is checked again when its guards end, at most an hour away.
 * @param clearing when each guard ends (epoch ms); null where only a person ends it
 */
export function watchAfterRefusal(clearing: readonly (number | null)[], nowMs: number): AlarmWatch {
  const latestMs = nowMs + limits.watchIntervalMs;
  const ends = clearing.map((atMs) => atMs ?? latestMs);
  const dueAtMs = ends.length === 0 ? latestMs : Math.min(Math.max(...ends, nowMs), latestMs);
  return { kind: 'pending', dueAtMs, looks: 0 };
}

/** Something was down: again after a minute, then two, at most an hour. */
export function watchAfterFailure(looks: number, nowMs: number): AlarmWatch & { kind: 'pending' } {
  return { kind: 'pending', dueAtMs: nowMs + backoffMs(looks), looks };
}

/** The record with its alarm due again: it could not be read, or nothing has changed. */
export function postponeWatch(
  record: RollbackRecord,
  nowMs: number,
  why: 'unreadable' | 'waiting',
): RollbackRecord {
  const looks = record.watch.kind === 'pending' ? record.watch.looks : 0;
  const isOver = nowMs - record.createdAtMs > limits.watchDurationMaxMs;
  if (why === 'unreadable' && isOver) return closeWatch(record, WatchEnd.UNREADABLE, nowMs);
  const watch: AlarmWatch =
    why === 'waiting' ? watchAfterRefusal([], nowMs) : watchAfterFailure(looks + 1, nowMs);
  return next({ ...record, watch });
}

/** The record with its alarm not checked any more. */
export function closeWatch(record: RollbackRecord, why: WatchEnd, nowMs: number): RollbackRecord {
  return next({ ...record, watch: { kind: 'closed', atMs: nowMs, why } });
}

/** The same where another pointer is configured for its model since, which people are notified of. */
export function closeForOtherPointer(
  record: RollbackRecord,
  previous: OutboxNotice | undefined,
  { nowMs, token }: { readonly nowMs: number; readonly token: string },
): StoreChange & { readonly record: RollbackRecord; readonly notice: NoticeWrite } {
  const closed = closeWatch(record, WatchEnd.POINTER_CHANGED, nowMs);
  return announced(closed, { previous, nowMs, token });
}

/** The record with its rollback rejected by a person, which people are notified of. */
export function closeRejected(
  record: RollbackRecord,
  { by, reason }: { readonly by: string | null; readonly reason: string | null },
  facts: Pick<NoticeFacts, 'previous' | 'nowMs' | 'token'>,
): StoreChange & { readonly record: RollbackRecord; readonly notice: NoticeWrite } {
  const why = { why: WatchEnd.REJECTED, by, ...(reason === null ? {} : { reason }) };
  const watch = { kind: 'closed', atMs: facts.nowMs, ...why } as const;
  return announced(next({ ...record, watch }), facts);
}

/** The record with its alarm approved by a person. */
export function closeApprovedWatch(
  record: RollbackRecord,
  by: string | null,
  nowMs: number,
): RollbackRecord {
  return next({
    ...record,
    watch: { kind: 'closed', atMs: nowMs, why: WatchEnd.APPROVED, by } as const,
  });
}

/** The record with its recovery check due again: CloudWatch could not be reached. */
export function postponeRecovery(record: RollbackRecord, nowMs: number): RollbackRecord {
  const looks = record.recovery.kind === 'pending' ? record.recovery.looks + 1 : 0;
  const recovery: RecoveryCheck = { kind: 'pending', dueAtMs: nowMs + backoffMs(looks), looks };
  return next({ ...record, recovery });
}

/**
 * The state of the alarm at the end of the bake time. Still in ALARM: automation of the model stops, since
 * the next older version would be a guess. No notice when the pointer was moved again before.
 */
export function afterRecovery(
  record: RollbackRecord,
  state: ModelState | undefined,
  found: Recovery,
  { nowMs, token }: { readonly nowMs: number; readonly token: string },
): StoreChange & { readonly record: RollbackRecord } {
  const checked = next({ ...record, recovery: { kind: found, atMs: nowMs } as const });
  if (found === Recovery.SUPERSEDED) return { record: checked };
  // One check per rollback: there was no notice of this topic before.
  const facts = { previous: undefined, nowMs, token, isSending: true };
  const notice = outboxNotice(checked, 'recovery', facts);
  if (found !== Recovery.NOT_RECOVERED || state === undefined || state.pause !== null) {
    return { record: checked, notice };
  }
  const message = `The alarm ${record.alarm?.transition.ref.name ?? ''} was still in ALARM after the rollback ${record.id}.`;
  const pause = { atMs: nowMs, why: 'recovery', message, rollbackId: record.id } as const;
  return { record: checked, notice, state: next({ ...state, pause }) };
}

/** True when a person may approve, or approve again. */
export function isApprovable(record: RollbackRecord, nowMs: number): boolean {
  const { progress, watch } = record;
  return (
    progress.status === 'AWAITING_APPROVAL' &&
    (watch.kind !== 'closed' || watch.why === WatchEnd.APPROVED) &&
    nowMs - progress.endedAtMs <= limits.approvalMs
  );
}

// ---------------------------------------------------------------------------------------------------

/** A notice that release 0.1.0 left in the record is replaced by the new one. */
function announced(
  closed: RollbackRecord,
  facts: Pick<NoticeFacts, 'previous' | 'nowMs' | 'token'>,
): StoreChange & { readonly record: RollbackRecord; readonly notice: NoticeWrite } {
  const record = { ...closed, notice: { kind: 'none' } as const };
  const all = { ...facts, embedded: closed.notice, isSending: true };
  return { record, notice: outboxNotice(record, 'end', all) };
}

function backoffMs(looks: number): number {
  return Math.min(limits.watchBackoffMs * 2 ** looks, limits.watchIntervalMs);
}
