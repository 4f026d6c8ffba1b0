import { beforeEach, describe, expect, test } from 'vitest';
import { examineChannels, examineUnsent } from '../../../src/app/examine-channels.ts';
import { sweep } from '../../../src/app/sweep.ts';
import { ok } from '../../../src/domain/answer/check.ts';
import { StateStoreUnavailableError } from '../../../src/domain/errors.ts';
import { limits } from '../../../src/domain/limits.ts';
import type { Notice } from '../../../src/domain/record/notice-content.ts';
import type { Notifier } from '../../../src/ports/notifier.ts';
import type { Surroundings } from '../../../src/ports/surroundings.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

let world: World;

beforeEach(() => {
  world = makeWorld();
  world.seed('m', ['Archived', 'Production']);
  world.seed('n', ['Archived', 'Production']);
});

describe('examineUnsent', () => {
  const broken: Notifier = {
    channel: 'slack',
    send: async () => ({ kind: 'failed', message: '404' }),
  };
  const examine = () => examineUnsent(world.deps, world.deadline());

  test('finds nothing while notices arrive, or are tried again', async () => {
    expect(await examine()).toMatchObject({ name: 'unsent', verdict: 'ok' });
    const deps = { ...world.deps, notifiers: [world.notifier, broken] };
    await world.ask({ model_name: 'm' }, { deps });
    expect(await examine()).toMatchObject({ verdict: 'ok' });
  });

  test('reports a channel that fails for ever, with how many wait and since when', async () => {
    const deps = { ...world.deps, notifiers: [world.notifier, broken] };
    const first = await world.ask({ model_name: 'm' }, { deps });
    world.clock.advance(1_000);
    await world.ask({ model_name: 'n' }, { deps });
    for (let round = 0; round < 4; round += 1) {
      await sweep(deps, world.deadline());
      world.clock.advance(limits.noticeBackoffMaxMs);
    }
    await sweep(deps, world.deadline());
    const check = await examine();
    expect(check).toMatchObject({
      verdict: 'problem',
      message: expect.stringMatching(
        new RegExp(
          `^Notices do not arrive: slack did not take 2 notices, the first \\(${first.rollback_id}\\) since 2026-01-01T`,
        ),
      ),
      fix: expect.stringContaining('remove it from ROLLBACK_CHANNELS'),
    });
    // Removed from the settings, it is done with at the next sweep.
    world.clock.advance(limits.noticeBackoffMaxMs);
    await sweep(world.deps, world.deadline());
    expect(await examine()).toMatchObject({ verdict: 'ok' });
    expect(world.notifier.sent).toHaveLength(2);
  });

  test('reports why it could not look', async () => {
    world.store.listDue = () =>
      Promise.reject(new StateStoreUnavailableError('No answer. Try again.'));
    expect(await examineUnsent(world.deps, world.deadline())).toMatchObject({
      name: 'unsent',
      verdict: 'problem',
    });
  });
});

describe('examineChannels', () => {
  const sent: Notice[] = [];
  let closed = 0;
  const around = (notifiers: readonly Notifier[]): Surroundings =>
    ({
      channels: async () => [ok('slack', 'fine')],
      openNotifiers: async () => ({
        notifiers,
        close: () => {
          closed += 1;
        },
      }),
    }) as Partial<Surroundings> as Surroundings;
  const examine = (notifiers: readonly Notifier[], isNotifying: boolean) =>
    examineChannels(world.deps, around(notifiers), { isNotifying }, world.deadline());
  const takes: Notifier = {
    channel: 'slack',
    send: async (notice) => {
      sent.push(notice);
      return { kind: 'sent' };
    },
  };
  const refuses: Notifier = {
    channel: 'webhook',
    send: async () => ({ kind: 'failed', message: 'The webhook did not take the notice.' }),
  };

  test('sends nothing unless it is asked to', async () => {
    expect(await examine([takes], false)).toEqual([ok('slack', 'fine')]);
    expect(sent).toEqual([]);
  });

  test('sends a test notice to each, and reports what each did', async () => {
    const checks = await examine([takes, refuses], true);
    expect(checks.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['slack', 'ok'],
      ['notify-slack', 'ok'],
      ['notify-webhook', 'problem'],
    ]);
    expect(sent).toMatchObject([{ subject: 'Model Rollback test: doctor' }]);
    expect(closed).toBe(1);
  });

  test('reports that there is nobody to notify', async () => {
    const [, none] = await examine([], true);
    expect(none).toMatchObject({ name: 'notify', verdict: 'warning' });
  });
});
