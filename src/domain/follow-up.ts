import { limits } from './limits.ts';
import { type NoticeState, next, type RollbackRecord } from './rollback.ts';

/** What follows an end: its notice, and one more look at the pointer. Changes of the record alone. */

/** The record with another state of its notice. */
export function withNotice(record: RollbackRecord, notice: NoticeState): RollbackRecord {
  return next({ ...record, notice });
}

/** A try to send the notice ended: sent, or due again, the later the more often it failed. */
export function afterNotice(
  record: RollbackRecord,
  isSent: boolean,
  nowMs: number,
): RollbackRecord {
  const attempts = (record.notice.kind === 'none' ? 0 : record.notice.attempts) + 1;
  if (isSent) return withNotice(record, { kind: 'sent', sentAtMs: nowMs, attempts });
  const backoffMs = limits.noticeBackoffMs * (2 ** (attempts - 1) - 1);
  const dueAtMs = nowMs + Math.min(backoffMs, limits.noticeBackoffMaxMs);
  return withNotice(record, { kind: 'pending', dueAtMs, leaseEndsAtMs: nowMs, attempts });
}

/** One sender takes a pending notice in hand; null when another has it, or when it is sent. */
export function leaseNotice(record: RollbackRecord, nowMs: number): RollbackRecord | null {
  const { notice } = record;
  if (notice.kind !== 'pending' || notice.leaseEndsAtMs > nowMs) return null;
  const leaseEndsAtMs = nowMs + limits.noticeTimeoutMs;
  return withNotice(record, { ...notice, leaseEndsAtMs });
}

/**
 * The look at the pointer after a commit. A difference is announced with a notice of its own.
 * @param liveVersions null when the registry could not be read: later again
 * @param isLatest false when a newer rollback of ours has moved the pointer since
 */
export function afterPointerCheck(
  record: RollbackRecord,
  liveVersions: readonly string[] | null,
  isLatest: boolean,
  nowMs: number,
): RollbackRecord {
  if (liveVersions === null) {
    const dueAtMs = nowMs + limits.pointerCheckMs;
    return next({ ...record, pointerCheck: { kind: 'pending', dueAtMs } });
  }
  const isAsCommitted = liveVersions.length === 1 && liveVersions[0] === record.plan.to?.version;
  if (isAsCommitted || !isLatest) {
    return next({ ...record, pointerCheck: { kind: 'as-committed', atMs: nowMs } });
  }
  return next({
    ...record,
    pointerCheck: { kind: 'differs', atMs: nowMs, liveVersions },
    notice: { ...pendingNotice(nowMs), dueAtMs: nowMs, leaseEndsAtMs: nowMs },
  });
}

/** A notice that its writer is about to send. */
export function pendingNotice(nowMs: number): Extract<NoticeState, { kind: 'pending' }> {
  return {
    kind: 'pending',
    dueAtMs: nowMs + limits.noticeDueMs,
    leaseEndsAtMs: nowMs + limits.noticeTimeoutMs,
    attempts: 0,
  };
}
