import { limits } from '../limits.ts';
import type { Notice, NoticeTopic } from './notice-content.ts';

/**
 * The outbox: a notice is written with the end that it announces, in one transaction, and sent after it.
 * It is an item of its own, so that sending it never touches the record, and a notice that cannot be sent
 * holds back nothing else.
 *
 *   (none | sent | pending) ──end──> pending ──lease──> pending ──every channel took it──> sent
 *                                       ^                  │
 *                                       └─── some failed ──┘ due again later
 */
export interface OutboxNotice {
  /** Names the record. */
  readonly rollbackId: string;
  readonly topic: NoticeTopic;
  /** Another one with every write: who marks a notice marks the one that it read. */
  readonly token: string;
  readonly createdAtMs: number;
  /** True when its record never expires. */
  readonly isKept: boolean;
  /** Earlier notices that this one replaced before they were sent. */
  readonly replaces: number;
  /** Null once every channel took it: then only the marks are kept. */
  readonly content: Notice | null;
  /** When the sweep sends it (epoch ms); of no meaning once it is sent. */
  readonly dueAtMs: number;
  /** Until then one sender holds the lease on it (epoch ms). */
  readonly leaseEndsAtMs: number;
  readonly attempts: number;
  /** By the name of the channel; one that is not here was not tried yet. */
  readonly channels: Readonly<Record<string, ChannelState>>;
}

export type ChannelState =
  | { readonly kind: 'sent'; readonly atMs: number }
  | { readonly kind: 'failed'; readonly atMs: number; readonly attempts: number };

/** True when every channel took it. */
export function isSent(notice: OutboxNotice | undefined): boolean {
  return notice !== undefined && notice.content === null;
}

/** True when some channel did not take it yet. */
export function isUnsent(notice: OutboxNotice | undefined): boolean {
  return notice !== undefined && notice.content !== null;
}

/** One sender takes the lease on a notice; null when another has it, or when it is sent. */
export function leaseNotice(
  notice: OutboxNotice,
  nowMs: number,
  token: string,
): OutboxNotice | null {
  if (notice.content === null || notice.leaseEndsAtMs > nowMs) return null;
  return { ...notice, token, leaseEndsAtMs: nowMs + limits.noticeTimeoutMs };
}

/** The channels of `names` that did not take it yet. */
export function openChannels({ channels }: OutboxNotice, names: readonly string[]): string[] {
  return names.filter((name) => channels[name]?.kind !== 'sent');
}

/**
 * True when a channel may take the notice that all is well again: not before it took the one of the rollback. A pager
 * that gets them the other way round would page for ever.
 * @param end the notice of the rollback
 */
export function isInOrder(end: OutboxNotice | undefined, channel: string): boolean {
  return !isUnsent(end) || end?.channels[channel]?.kind === 'sent';
}

/**
 * A try to send it ended: one mark for all channels that were tried. Those that failed are due again, the
 * later the more often they failed.
 * @param results whether each channel that was tried took it
 * @param names every channel that is set up now
 */
export function afterSending(
  notice: OutboxNotice,
  results: ReadonlyMap<string, boolean>,
  names: readonly string[],
  { nowMs, token }: { readonly nowMs: number; readonly token: string },
): OutboxNotice {
  const attempts = notice.attempts + 1;
  const channels = { ...notice.channels };
  for (const [name, isTaken] of results) {
    const before = channels[name];
    const failures = before?.kind === 'failed' ? before.attempts : 0;
    channels[name] = isTaken
      ? { kind: 'sent', atMs: nowMs }
      : { kind: 'failed', atMs: nowMs, attempts: failures + 1 };
  }
  const marked = { ...notice, token, channels, leaseEndsAtMs: nowMs };
  if (openChannels(marked, names).length === 0) return { ...marked, attempts, content: null };
  // Nothing was sent: it waits for an earlier notice of the same record.
  if (results.size === 0) return { ...marked, dueAtMs: nowMs + limits.noticeBackoffMs };
  const backoffMs = limits.noticeBackoffMs * (2 ** (attempts - 1) - 1);
  return { ...marked, attempts, dueAtMs: nowMs + Math.min(backoffMs, limits.noticeBackoffMaxMs) };
}
