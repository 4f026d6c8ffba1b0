import { outboxNotice } from '../answer/notice.ts';
import { assert } from '../assert.ts';
import { limits } from '../limits.ts';
import type { RollbackRecord, StoreChange } from '../record/record.ts';
import { isSameVersions } from '../registry/model.ts';
import { next } from '../revision.ts';
import type { LastCommit } from '../state/model-state.ts';

/**
 * The later check of the pointer: a difference from what the end left is announced with a notice of its
 * own. After a contested end too: a move of ours whose answer was lost may have come late.
 * @param liveVersions null when the registry could not be read: later again
 * @param lastCommit the latest move of ours; a newer one than this record's explains any difference
 */
export function afterPointerCheck(
  record: RollbackRecord,
  liveVersions: readonly string[] | null,
  lastCommit: LastCommit | null,
  { nowMs, token }: { readonly nowMs: number; readonly token: string },
): StoreChange & { readonly record: RollbackRecord } {
  const { progress } = record;
  assert(progress.status !== 'IN_PROGRESS', 'only an end is checked again');
  if (liveVersions === null) {
    const dueAtMs = nowMs + limits.pointerCheckMs;
    return { record: next({ ...record, pointerCheck: { kind: 'pending', dueAtMs } }) };
  }
  const isAsLeft = isSameVersions(liveVersions, progress.liveVersions);
  const isSuperseded =
    lastCommit !== null &&
    lastCommit.rollbackId !== record.id &&
    lastCommit.atMs >= progress.endedAtMs;
  if (isAsLeft || isSuperseded) {
    return {
      record: next<RollbackRecord>({ ...record, pointerCheck: { kind: 'as-left', atMs: nowMs } }),
    };
  }
  const pointerCheck = { kind: 'differs', atMs: nowMs, liveVersions } as const;
  const differs = next({ ...record, pointerCheck });
  // One check per end: there was no notice of this topic before.
  const facts = { previous: undefined, nowMs, token, isSending: true };
  return { record: differs, notice: outboxNotice(differs, 'pointer', facts) };
}
