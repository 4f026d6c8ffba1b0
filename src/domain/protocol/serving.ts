import { outboxNotice } from '../answer/notice.ts';
import { assert } from '../assert.ts';
import type { Confirmation } from '../hook.ts';
import { limits } from '../limits.ts';
import type { OutboxNotice } from '../record/outbox.ts';
import type { RollbackRecord, StoreChange } from '../record/record.ts';
import type { Serving } from '../record/serving.ts';
import { next } from '../revision.ts';
import type { EndTime } from './transition.ts';

/** What follows a commit on the side of the servers. A failing hook never undoes a rollback. */

/** A commit calls it at once; whoever finds it due later does it again. */
export function servingAfterCommit(nowMs: number): Serving {
  return { kind: 'pending', dueAtMs: nowMs + limits.servingBackoffMs, tries: 0, why: null };
}

/** One caller takes the next call; the others find it due only when that one is long over. */
export function leaseServing(record: RollbackRecord, nowMs: number): RollbackRecord {
  const { serving } = record;
  assert(serving?.kind === 'pending', 'only what is pending is called');
  const dueAtMs = nowMs + limits.servingBackoffMs;
  return next<RollbackRecord>({ ...record, serving: { ...serving, dueAtMs } });
}

/** The pointer was moved again: nobody is to load the version of this rollback any more. */
export function supersedeServing(record: RollbackRecord, nowMs: number): RollbackRecord {
  return next<RollbackRecord>({ ...record, serving: { kind: 'superseded', atMs: nowMs } });
}

/**
 * What a call brought. People are notified when servers do not confirm again and again, when they do so after all, and
 * when nobody asks them any more.
 * @param previous the notice of this topic that stands in the outbox
 */
export function afterReload(
  record: RollbackRecord,
  found: Confirmation,
  { nowMs, token, previous }: EndTime & { readonly previous: OutboxNotice | undefined },
): StoreChange & { readonly record: RollbackRecord } {
  const serving = servingAfter(record, found, nowMs);
  const after = next<RollbackRecord>({ ...record, serving });
  if (!isNews(record, serving)) return { record: after };
  return {
    record: after,
    notice: outboxNotice(after, 'serving', { previous, nowMs, token, isSending: true }),
  };
}

// ---------------------------------------------------------------------------------------------------

function servingAfter(record: RollbackRecord, found: Confirmation, nowMs: number): Serving {
  const { serving, progress } = record;
  assert(serving?.kind === 'pending', 'only what is pending is called');
  assert(progress.status !== 'IN_PROGRESS', 'servers reload after the end');
  const { tries } = serving;
  if (found.kind === 'confirmed') {
    return { kind: 'confirmed', atMs: nowMs, tries: tries + 1, version: found.version };
  }
  const { why } = found;
  if (nowMs - progress.endedAtMs >= limits.servingTimeMaxMs) {
    return { kind: 'given-up', atMs: nowMs, tries: tries + 1, why };
  }
  const backoffMs = Math.min(limits.servingBackoffMs * 2 ** tries, limits.servingBackoffMaxMs);
  return { kind: 'pending', dueAtMs: nowMs + backoffMs, tries: tries + 1, why };
}

function isNews({ serving: before }: RollbackRecord, after: Serving): boolean {
  const failures = before?.kind === 'pending' ? before.tries : 0;
  if (after.kind === 'given-up') return true;
  if (after.kind === 'confirmed') return failures >= limits.servingTriesQuiet;
  return after.kind === 'pending' && after.tries === limits.servingTriesQuiet;
}
