import { newsOf } from '../domain/answer/news.ts';
import { messageOf } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import type { Notice } from '../domain/record/notice-content.ts';
import {
  afterSending,
  isInOrder,
  isSent,
  isUnsent,
  leaseNotice,
  type OutboxNotice,
  openChannels,
} from '../domain/record/outbox.ts';
import type { RollbackRecord } from '../domain/record/record.ts';
import { isoTime } from '../domain/registry/model.ts';
import type { Warning } from '../domain/request/request.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { NoticeResult, Notifier } from '../ports/notifier.ts';
import type { RollbackDeps } from './deps.ts';

/** What sending takes. */
export type SendingDeps = Pick<
  RollbackDeps,
  'store' | 'notifiers' | 'clock' | 'identity' | 'logger'
>;

/** A record with the notice of its end. */
export interface RecordWithNotice {
  readonly record: RollbackRecord;
  readonly notice: OutboxNotice | undefined;
}

/**
 * Sends a notice that we hold the lease on to every channel that did not take it yet, and marks it.
 * Whatever is cut off here is found again, by a replay or by the sweep. Never throws.
 * @param isTried false for a channel that is not used this time
 */
export async function announce(
  deps: SendingDeps,
  notice: OutboxNotice,
  deadline: Deadline,
  isTried: (channel: string) => boolean = () => true,
): Promise<OutboxNotice> {
  const { content } = notice;
  if (content === null || deadline.leftMs() <= 0) return notice;
  const names = deps.notifiers.map(({ channel }) => channel);
  const end = await earlierNotice(deps, notice, deadline);
  const open = openChannels(notice, names).filter((name) => isTried(name) && isInOrder(end, name));
  const sentAt = isoTime(deps.clock.nowMs());
  const copy = { ...content, message: { ...content.message, sent_at: sentAt } };
  const results = await send(deps, notice.rollbackId, copy, open, deadline);
  const time = { nowMs: deps.clock.nowMs(), token: deps.identity.random() };
  const marked = afterSending(notice, results, names, time);
  try {
    await deps.store.write({ notice: { item: marked, over: notice.token } }, deadline);
  } catch (error) {
    // At worst it is sent twice; it carries the rollback id.
    deps.logger.log('warn', 'the notice could not be marked as sent', {
      rollback_id: notice.rollbackId,
      error: messageOf(error),
    });
  }
  return marked;
}

/**
 * Takes the lease on an unsent notice, sends it and marks it.
 * @returns the notice as it is then; null when another sender has it, or was quicker
 */
export async function leaseAndAnnounce(
  deps: SendingDeps,
  notice: OutboxNotice,
  deadline: Deadline,
  isTried?: (channel: string) => boolean,
): Promise<OutboxNotice | null> {
  const leased = leaseNotice(notice, deps.clock.nowMs(), deps.identity.random());
  if (leased === null) return null;
  const write = { item: leased, over: notice.token };
  if ((await deps.store.write({ notice: write }, deadline)) === 'conflict') return null;
  return await announce(deps, leased, deadline, isTried);
}

/**
 * For a replay: sends the notice of the end when nobody else holds the lease on it, else waits for the sender.
 * @returns the record as it is then; null when it is gone
 */
export async function announceIfUnsent(
  deps: SendingDeps,
  modelName: string,
  rollbackId: string,
  deadline: Deadline,
): Promise<RecordWithNotice | null> {
  for (;;) {
    const { record, notice } = await deps.store.read(modelName, rollbackId, deadline);
    if (record === undefined) return null;
    const isInTime = deadline.leftMs() > limits.noticeTimeoutMs;
    if (notice === undefined || !isUnsent(notice) || !isInTime) return { record, notice };
    const sent = await leaseAndAnnounce(deps, notice, deadline);
    if (sent !== null) return { record, notice: sent };
    const waitMs = Math.max(1, notice.leaseEndsAtMs - deps.clock.nowMs());
    await deps.clock.sleep(Math.min(pollMs, waitMs));
  }
}

/** True when every channel took the notice of the end; also one that release 0.1.0 sent. */
export function isNotified({ record, notice }: RecordWithNotice): boolean {
  return isSent(notice) || record.notice.kind === 'sent';
}

/** The caller is informed too when people could not be notified, whatever the outcome. */
export function noticeWarnings({ record, notice }: RecordWithNotice): Warning[] {
  if (!isUnsent(notice) && record.notice.kind !== 'pending') return [];
  const message = 'The notice could not be sent yet. It is kept, and the sweep tries again.';
  return [{ code: 'NOTICE_NOT_SENT', message }];
}

// ---------------------------------------------------------------------------------------------------

const pollMs = 250;

/** The notice that a recovery waits for; undefined where it is gone or unreadable, and for every other notice. */
async function earlierNotice(
  { store }: SendingDeps,
  { content, rollbackId, topic }: OutboxNotice,
  deadline: Deadline,
): Promise<OutboxNotice | undefined> {
  // A rejection stands in place of the notice that it resolves.
  if (content === null || topic === 'end') return undefined;
  if (newsOf(content.message).level !== 'resolved') return undefined;
  return await store.readNotice(rollbackId, 'end', deadline).catch(() => undefined);
}

/** Whether each channel took it; one that fails keeps no other from it. */
async function send(
  deps: SendingDeps,
  rollbackId: string,
  content: Notice,
  channels: readonly string[],
  deadline: Deadline,
): Promise<ReadonlyMap<string, boolean>> {
  const results = new Map<string, boolean>();
  const notifiers = deps.notifiers.filter(({ channel }) => channels.includes(channel));
  await Promise.all(
    notifiers.map(async (notifier) => {
      const result = await sendOne(notifier, content, deadline);
      results.set(notifier.channel, result.kind === 'sent');
      if (result.kind === 'sent') return;
      deps.logger.log('error', 'the notice was not sent', {
        rollback_id: rollbackId,
        channel: notifier.channel,
        error: result.message,
      });
    }),
  );
  return results;
}

/** A channel never throws; one that does all the same has failed, as any other. */
async function sendOne(
  notifier: Notifier,
  content: Notice,
  deadline: Deadline,
): Promise<NoticeResult> {
  try {
    return await notifier.send(content, deadline);
  } catch (error) {
    return { kind: 'failed', message: messageOf(error) };
  }
}
