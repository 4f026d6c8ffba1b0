import { outboxNotice } from '../answer/notice.ts';
import { assert } from '../assert.ts';
import { replacedWarning } from '../decide/verify.ts';
import { limits } from '../limits.ts';
import type { RollbackRecord, StoreChange } from '../record/record.ts';
import { isSameVersions } from '../registry/model.ts';
import type { Warning } from '../request/request.ts';
import { next } from '../revision.ts';
import type { LiveLogEntry } from '../state/live-log.ts';
import type { LiveEntry } from '../state/model-state.ts';

/** What the later check of a pointer found. */
export interface PointerFacts {
  /** Null when the registry could not be read: later again. */
  readonly liveVersions: readonly string[] | null;
  /** The latest move of ours; one after the record's end explains any difference. */
  readonly lastMove: Pick<LiveEntry, 'version' | 'atMs'> | undefined;
  /** What our move replaced unseen; null when nothing shows that. */
  readonly replaced: LiveLogEntry | null;
}

/**
 * The later check of the pointer: a difference from what the end left is announced with a notice of its
 * own. After a contested end too: a move of ours whose answer was lost may have come late.
 */
export function afterPointerCheck(
  record: RollbackRecord,
  { liveVersions, lastMove, replaced }: PointerFacts,
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
    lastMove !== undefined &&
    lastMove.version !== record.plan?.to?.version &&
    lastMove.atMs >= progress.endedAtMs;
  // One check per end: there was no notice of this topic before.
  const facts = { previous: undefined, nowMs, token, isSending: true };
  if (isAsLeft || isSuperseded) {
    const asLeft = next<RollbackRecord>({
      ...record,
      pointerCheck: { kind: 'as-left', atMs: nowMs },
      warnings: [...record.warnings, ...unseenWarnings(record, replaced)],
    });
    const isNews = asLeft.warnings.length > record.warnings.length;
    return isNews
      ? { record: asLeft, notice: outboxNotice(asLeft, 'pointer', facts) }
      : { record: asLeft };
  }
  const pointerCheck = { kind: 'differs', atMs: nowMs, liveVersions } as const;
  const differs = next({ ...record, pointerCheck });
  return { record: differs, notice: outboxNotice(differs, 'pointer', facts) };
}

function unseenWarnings(
  { modelName, plan }: RollbackRecord,
  replaced: LiveLogEntry | null,
): readonly Warning[] {
  if (plan === null || replaced === null || replaced.version === null) return [];
  return [replacedWarning(modelName, plan.pointer, replaced.version)];
}
