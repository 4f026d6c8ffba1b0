import { limits } from '../limits.ts';
import type { OutboxNotice } from './outbox.ts';
import { isFinal, type RollbackRecord } from './record.ts';

/** What a record may have to do later. Each is due by itself: none waits for another. */
export const DueTask = {
  /** A run whose lease has expired is resumed. */
  RESUME: 'resume',
  /** A notice that release 0.1.0 left in the record is taken over into the outbox. */
  NOTICE: 'notice',
  POINTER: 'pointer',
  /** Servers are asked again to load the version that is live. */
  SERVING: 'serving',
  RECOVERY: 'recovery',
  ALARM: 'alarm',
} as const;
export type DueTask = (typeof DueTask)[keyof typeof DueTask];

/** What is still to be done for the record, each with its time (epoch ms). */
export function dueTasks(record: RollbackRecord): readonly [DueTask, number][] {
  const { progress, notice, pointerCheck, recovery, watch, serving = none } = record;
  if (progress.status === 'IN_PROGRESS') return [[DueTask.RESUME, progress.leaseEndsAtMs]];
  const tasks = [
    [DueTask.NOTICE, notice],
    [DueTask.POINTER, pointerCheck],
    [DueTask.SERVING, serving],
    [DueTask.RECOVERY, recovery],
    [DueTask.ALARM, watch],
  ] as const;
  return tasks.flatMap(([task, state]): [DueTask, number][] =>
    state.kind === 'pending' ? [[task, state.dueAtMs]] : [],
  );
}

const none = { kind: 'none' } as const;

/** Items that are due, the longest due first: the order of a page and of the next one. */
export function compareDue(a: DuePlace, b: DuePlace): number {
  if (a.dueAtMs !== b.dueAtMs) return a.dueAtMs - b.dueAtMs;
  if (a.id !== b.id) return a.id < b.id ? -1 : 1;
  const [first, second] = [a.topic ?? '', b.topic ?? ''];
  return first < second ? -1 : first > second ? 1 : 0;
}

interface DuePlace {
  readonly id: string;
  readonly topic: string | null;
  readonly dueAtMs: number;
}

/** When the record has something to do next (epoch ms), or null. */
export function dueAtMs(record: RollbackRecord): number | null {
  const times = dueTasks(record).map(([, atMs]) => atMs);
  return times.length === 0 ? null : Math.min(...times);
}

/**
 * When a record may be forgotten (epoch ms), or null for never: rollbacks are kept, and so is whatever
 * still has something due.
 */
export function expiresAtMs(record: RollbackRecord): number | null {
  const { progress } = record;
  if (progress.status === 'IN_PROGRESS' || isFinal(record) || dueAtMs(record) !== null) return null;
  return progress.endedAtMs + limits.recordRetentionMs;
}

/** When the sweep sends it (epoch ms); null when every channel took it. */
export function noticeDueAtMs(notice: OutboxNotice): number | null {
  return notice.content === null ? null : notice.dueAtMs;
}

/** When a sent notice may be forgotten (epoch ms): with its record, as far as that is known. */
export function noticeExpiresAtMs({ content, channels, isKept }: OutboxNotice): number | null {
  if (content !== null || isKept) return null;
  const times = Object.values(channels).map(({ atMs }) => atMs);
  return Math.max(0, ...times) + limits.recordRetentionMs;
}
