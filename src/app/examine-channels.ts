import { testNotice } from '../domain/answer/brief.ts';
import { type Check, failed, ok, problem, warning } from '../domain/answer/check.ts';
import { limits } from '../domain/limits.ts';
import { isUnsent } from '../domain/record/outbox.ts';
import { isoTime } from '../domain/registry/model.ts';
import { type Deadline, deadlineWithin } from '../ports/deadline.ts';
import type { Surroundings } from '../ports/surroundings.ts';
import type { RollbackDeps } from './deps.ts';
import { inParallel } from './in-parallel.ts';

/** The set-up of each channel beside the topic, and, where it is asked for, whether each one takes a notice. */
export async function examineChannels(
  deps: RollbackDeps,
  around: Surroundings,
  { isNotifying }: { readonly isNotifying: boolean },
  deadline: Deadline,
): Promise<readonly Check[]> {
  const [setUp, tested] = await Promise.all([
    around.channels(deadline).catch((error: unknown) => [failed('channels', error)]),
    isNotifying
      ? notifyAll(deps, around, deadline).catch((error: unknown) => [failed('notify', error)])
      : [],
  ]);
  return [...setUp, ...tested];
}

/** Channels that take no notice, try after try. @returns no check of one try that failed: it is repeated */
export async function examineUnsent(deps: RollbackDeps, deadline: Deadline): Promise<Check> {
  try {
    const failing = await failingChannels(deps, deadline);
    if (failing.size === 0) return ok('unsent', 'No channel has failed several times in a row.');
    const texts = [...failing].map(
      ([channel, { count, sinceMs, id }]) =>
        `${channel} did not take ${count === 1 ? 'a notice' : `${count} notices`}, the first (${id}) since ${isoTime(sinceMs)}`,
    );
    return problem(
      'unsent',
      `Notices do not arrive: ${texts.join('; ')}.`,
      'The log says why (`the notice was not sent`). Fix the settings of the channel, or remove it from ROLLBACK_CHANNELS.',
    );
  } catch (error) {
    return failed('unsent', error);
  }
}

// ---------------------------------------------------------------------------------------------------

interface Failing {
  readonly count: number;
  readonly sinceMs: number;
  /** The rollback whose notice has waited longest. */
  readonly id: string;
}

async function failingChannels(
  { store, clock }: RollbackDeps,
  deadline: Deadline,
): Promise<ReadonlyMap<string, Failing>> {
  // One that failed is due again within this time.
  const untilMs = clock.nowMs() + limits.noticeBackoffMaxMs;
  const page = { limit: limits.overdueCountMax, after: null };
  const failing = new Map<string, Failing>();
  await inParallel(
    await store.listDue('notice', untilMs, page, deadline),
    deadline,
    async (item) => {
      const notice =
        item.topic === null ? undefined : await store.readNotice(item.id, item.topic, deadline);
      if (notice === undefined || !isUnsent(notice)) return;
      for (const [channel, state] of Object.entries(notice.channels)) {
        if (state.kind !== 'failed' || state.attempts < limits.noticeAttemptsFewMax) continue;
        const { count = 0, ...first } = failing.get(channel) ?? {};
        const own = { sinceMs: notice.createdAtMs, id: notice.rollbackId };
        const older = 'sinceMs' in first && first.sinceMs <= own.sinceMs ? first : own;
        failing.set(channel, { ...older, count: count + 1 });
      }
    },
  );
  return failing;
}

const noChannel = warning(
  'notify',
  'No test notice was sent: neither ALERT_SNS_TOPIC_ARN nor ROLLBACK_CHANNELS is set.',
  'Set ALERT_SNS_TOPIC_ARN to the topic that people are subscribed to.',
);

/** What only a notice shows. */
async function notifyAll(
  { clock }: RollbackDeps,
  around: Surroundings,
  deadline: Deadline,
): Promise<readonly Check[]> {
  const { notifiers, close } = await around.openNotifiers();
  if (notifiers.length === 0) return [noChannel];
  try {
    const notice = testNotice(isoTime(clock.nowMs()));
    return await Promise.all(
      notifiers.map(async (notifier) => {
        const name = `notify-${notifier.channel}`;
        const within = deadlineWithin(clock, limits.noticeTimeoutMs, deadline);
        const result = await notifier.send(notice, within);
        return result.kind === 'sent'
          ? ok(name, 'It took a test notice. Check that it arrived where people see it.')
          : problem(name, result.message, 'Fix the settings of the channel.');
      }),
    );
  } finally {
    close();
  }
}
