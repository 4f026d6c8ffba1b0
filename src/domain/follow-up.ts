import { assert } from './assert.ts';
import { limits } from './limits.ts';
import { isSameVersions } from './model.ts';
import { next } from './revision.ts';
import type { LastCommit, NoticeState, NoticeTopic, RollbackRecord } from './rollback.ts';

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
  const about = record.notice.kind === 'none' ? 'end' : record.notice.about;
  if (isSent) return withNotice(record, { kind: 'sent', about, sentAtMs: nowMs, attempts });
  const backoffMs = limits.noticeBackoffMs * (2 ** (attempts - 1) - 1);
  const dueAtMs = nowMs + Math.min(backoffMs, limits.noticeBackoffMaxMs);
  return withNotice(record, { kind: 'pending', about, dueAtMs, leaseEndsAtMs: nowMs, attempts });
}

/** One sender takes a pending notice in hand; null when another has it, or when it is sent. */
export function leaseNotice(record: RollbackRecord, nowMs: number): RollbackRecord | null {
  const { notice } = record;
  if (notice.kind !== 'pending' || notice.leaseEndsAtMs > nowMs) return null;
  const leaseEndsAtMs = nowMs + limits.noticeTimeoutMs;
  return withNotice(record, { ...notice, leaseEndsAtMs });
}

/**
 * The later look at the pointer: a difference from what the end left is announced with a notice of its
 * own. After a contested end too: a move of ours whose answer was lost may have come late.
 * @param liveVersions null when the registry could not be read: later again
 * @param lastCommit the latest move of ours; a newer one than this record's explains any difference
 */
export function afterPointerCheck(
  record: RollbackRecord,
  liveVersions: readonly string[] | null,
  lastCommit: LastCommit | null,
  nowMs: number,
): RollbackRecord {
  const { progress } = record;
  assert(progress.status !== 'IN_PROGRESS', 'only an end is looked at again');
  if (liveVersions === null) {
    const dueAtMs = nowMs + limits.pointerCheckMs;
    return next({ ...record, pointerCheck: { kind: 'pending', dueAtMs } });
  }
  const isAsLeft = isSameVersions(liveVersions, progress.liveVersions);
  const isSuperseded =
    lastCommit !== null &&
    lastCommit.rollbackId !== record.id &&
    lastCommit.atMs >= progress.endedAtMs;
  if (isAsLeft || isSuperseded) {
    return next({ ...record, pointerCheck: { kind: 'as-left', atMs: nowMs } });
  }
  return next({
    ...record,
    pointerCheck: { kind: 'differs', atMs: nowMs, liveVersions },
    notice: laterNotice('pointer', nowMs),
  });
}

/** A notice that its writer is about to send. */
export function pendingNotice(nowMs: number): Extract<NoticeState, { kind: 'pending' }> {
  return {
    kind: 'pending',
    about: 'end',
    dueAtMs: nowMs + limits.noticeDueMs,
    leaseEndsAtMs: nowMs + limits.noticeTimeoutMs,
    attempts: 0,
  };
}

/** A notice of what a later look found; whoever comes first sends it. */
export function laterNotice(about: NoticeTopic, nowMs: number): NoticeState {
  return { ...pendingNotice(nowMs), about, dueAtMs: nowMs, leaseEndsAtMs: nowMs };
}
