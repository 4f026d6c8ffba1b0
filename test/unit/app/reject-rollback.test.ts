import { beforeEach, describe, expect, test } from 'vitest';
import { approveRollback } from '../../../src/app/approve-rollback.ts';
import type { RollbackDeps } from '../../../src/app/deps.ts';
import { handleAlarm } from '../../../src/app/handle-alarm.ts';
import { explainRollback } from '../../../src/app/operate.ts';
import { rejectRollback } from '../../../src/app/reject-rollback.ts';
import { rollBack } from '../../../src/app/roll-back.ts';
import type { OperationAnswer } from '../../../src/app/run-operation.ts';
import { sweep } from '../../../src/app/sweep.ts';
import { parseAlarmPayload } from '../../../src/domain/alarm/alarm-payload.ts';
import { defaultAlarmSettings } from '../../../src/domain/alarm/alarm-settings.ts';
import { briefOf } from '../../../src/domain/answer/brief.ts';
import { type RollbackResponse, responseOf } from '../../../src/domain/answer/response.ts';
import { InvalidRequestError, RollbackInProgressError } from '../../../src/domain/errors.ts';
import { isoTime } from '../../../src/domain/registry/model.ts';
import { directAlarm } from '../../fakes/alarm-events.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

let world: World;
let waiting: RollbackResponse;
let alarm: object;

const send = async (): Promise<RollbackResponse> => {
  const payload = parseAlarmPayload(alarm);
  if (payload === undefined) throw new Error('the event is no alarm');
  return await handleAlarm(world.deps, payload, null, world.deadline());
};

const start = async (): Promise<void> => {
  world = makeWorld({ alarms: { ...defaultAlarmSettings, mode: 'ask' } });
  world.seed('m', ['Archived', 'Archived', 'Production']);
  alarm = directAlarm({ model: 'm', atMs: world.clock.nowMs() });
  waiting = await send();
  expect(waiting.outcome).toBe('AWAITING_APPROVAL');
  world.clock.advance(60_000);
};

beforeEach(start);

const reject = (deps: RollbackDeps = world.deps): Promise<OperationAnswer> => {
  const rollbackId = waiting.rollback_id ?? '';
  return rejectRollback(
    deps,
    { rollbackId, by: 'bob', reason: 'the feed was late' },
    world.deadline(),
  );
};

const approve = async (deps: RollbackDeps = world.deps): Promise<RollbackResponse> => {
  const approval = { rollbackId: waiting.rollback_id ?? '', overrides: [], requestedBy: 'ann' };
  const run = async (call: Parameters<Parameters<typeof approveRollback>[2]>[0]) => {
    const deadline = world.deadline();
    const answer = await rollBack(deps, { ...call, invocationId: 'i', deadline });
    return { answer, isRolledBack: answer.rolled_back };
  };
  return (await approveRollback(deps, approval, run, () => world.deadline())).answer;
};

const live = async (): Promise<string[]> =>
  (await world.deps.registry.read('m', [], world.deadline())).live.map(({ version }) => version);
const recordNow = async () =>
  (await explainRollback(world.store, waiting.rollback_id ?? '', world.deadline())).record;

/** A store that does something in front of its nth call. */
const inFrontOf = (nth: number, work: () => Promise<unknown>): RollbackDeps => {
  let calls = 0;
  const counted = async <T>(next: () => Promise<T>): Promise<T> => {
    calls += 1;
    if (calls === nth) await work();
    return await next();
  };
  return withCalls(world.deps, { store: { read: counted, write: counted } });
};

describe('rejectRollback', () => {
  test('ends the wait: nothing moves, and it is on record who, when and why', async () => {
    const at = isoTime(world.clock.nowMs());
    const answer = await reject();
    expect(answer).toMatchObject({
      operation: 'reject',
      rollback_id: waiting.rollback_id,
      model_name: 'm',
      changed: true,
      requested_by: 'bob',
      reason: 'the feed was late',
    });
    const text = `The rollback was rejected by bob at ${at} (reason: the feed was late).`;
    expect(answer.message).toContain(`${text} Nothing was moved.`);
    expect(await live()).toEqual(['3']);
    const record = await recordNow();
    expect(responseOf(record)).toMatchObject({
      outcome: 'AWAITING_APPROVAL',
      message: answer.message,
      alarm: { watch: 'rejected', rejected_by: 'bob', approved_by: null, next_look_at: null },
    });
  });

  test('is announced, and resolves what the request for approval began', async () => {
    await reject();
    const notice = world.notifier.sent.at(-1);
    if (notice === undefined) throw new Error('no notice');
    expect(notice.subject).toBe('Model Rollback rejected: m');
    expect(notice.message.text).toContain('rejected by bob');
    expect(notice.message.text).not.toContain('approve');
    expect(briefOf(notice)).toMatchObject({
      event: 'Rollback Rejected',
      level: 'resolved',
      steps: [
        { command: 'model-rollback plan m' },
        { command: `model-rollback explain ${waiting.rollback_id}` },
      ],
    });
  });

  test('is announced later where the channel fails', async () => {
    world.notifier.isBroken = true;
    expect(await reject()).toMatchObject({ changed: true });
    world.notifier.isBroken = false;
    world.clock.advance(10 * 60_000);
    await sweep(world.deps, world.deadline());
    expect(world.notifier.sent.at(-1)?.subject).toBe('Model Rollback rejected: m');
  });

  test('changes nothing the second time, and says who was first', async () => {
    const first = await reject();
    const sent = world.notifier.sent.length;
    const again = await reject();
    expect(again).toMatchObject({ changed: false, rollback_id: waiting.rollback_id });
    expect(again.message).toMatch(/rejected by bob at \S+ \(reason: .*\)\. Nothing was done\./);
    expect(first.changed).toBe(true);
    expect(world.notifier.sent).toHaveLength(sent);
  });

  test('ends approvals, and the alarm does not ask again until it goes to ALARM again', async () => {
    await reject();
    await expect(approve()).rejects.toThrow(/was rejected by bob .*To roll back now/);
    const copy = await send();
    expect(copy).toMatchObject({ replayed: true, alarm: { watch: 'rejected' } });
    world.clock.advance(3_600_000);
    await sweep(world.deps, world.deadline());
    expect(await live()).toEqual(['3']);
    alarm = directAlarm({ model: 'm', atMs: world.clock.nowMs() });
    expect(await send()).toMatchObject({ outcome: 'AWAITING_APPROVAL', replayed: false });
  });

  test('is no longer what a repeat of the alarm asks for, once it is approved', async () => {
    await approve();
    const again = await send();
    expect(again).toMatchObject({ rollback_id: waiting.rollback_id, replayed: true });
    expect(again.message).toMatch(/^The rollback was approved by ann at /);
  });

  test('refuses what does not wait: approved, too late, or never asked for', async () => {
    const done = await approve();
    await expect(reject()).rejects.toThrow('does not wait for approval (closed: approved)');
    const other = { rollbackId: done.rollback_id ?? '', by: null, reason: null };
    await expect(rejectRollback(world.deps, other, world.deadline())).rejects.toThrow(
      'it has been ROLLED_BACK since',
    );
    await start();
    world.clock.advance(12 * 3_600_000);
    await expect(reject()).rejects.toThrow('an approval is possible for 12 h');
    const unknown = { ...other, rollbackId: 'm/0123456789abcdef' };
    await expect(rejectRollback(world.deps, unknown, world.deadline())).rejects.toThrow(
      'There is no record',
    );
  });

  test('says that it was approved where the approval was cut off after its move', async () => {
    const cut = withCalls(world.deps, {
      store: {
        write: async (next, { record }) => {
          if (record?.watch.kind === 'closed') throw new Error('killed');
          return await next();
        },
      },
    });
    await expect(approve(cut)).rejects.toThrow('killed');
    expect(await live()).toEqual(['2']);
    await expect(reject()).rejects.toThrow(/was approved: m\/\w+ moved stage:Production to .* 2/);
    expect((await recordNow()).watch.kind).toBe('pending');
  });

  test('waits for a run that holds the model', async () => {
    const inMove = withCalls(world.deps, {
      registry: {
        movePointer: async (next) => {
          await expect(reject()).rejects.toThrow(RollbackInProgressError);
          return await next();
        },
      },
    });
    expect(await approve(inMove)).toMatchObject({ rolled_back: true });
    expect(await live()).toEqual(['2']);
  });
});

describe('an approval and a rejection at the same time', () => {
  const outcomeOf = async (work: () => Promise<unknown>): Promise<string> => {
    try {
      await work();
      return 'done';
    } catch (error) {
      if (error instanceof InvalidRequestError) return 'refused';
      if (error instanceof RollbackInProgressError) return 'in progress';
      throw error;
    }
  };
  const steps = Array.from({ length: 14 }, (_, index) => index + 1);

  test.each(steps)('exactly one wins when the rejection comes before call %i', async (nth) => {
    let rejected = 'never';
    const deps = inFrontOf(nth, async () => {
      rejected = await outcomeOf(() => reject());
    });
    const approved = await outcomeOf(() => approve(deps));
    const isRejected = (await recordNow()).watch;
    if (rejected === 'done') {
      expect(approved).toBe('refused');
      expect(isRejected).toMatchObject({ kind: 'closed', why: 'rejected' });
      expect(await live()).toEqual(['3']);
    } else {
      expect(approved).toBe('done');
      expect(isRejected).toMatchObject({ kind: 'closed', why: 'approved' });
      expect(await live()).toEqual(['2']);
    }
  });

  test.each(steps)('exactly one wins when the approval comes before call %i', async (nth) => {
    let approved = 'never';
    const deps = inFrontOf(nth, async () => {
      approved = await outcomeOf(() => approve());
    });
    const rejected = await outcomeOf(() => reject(deps));
    const hasMoved = (await live()).join() === '2';
    expect(hasMoved).toBe(approved === 'done');
    expect(rejected === 'done').toBe(!hasMoved);
    const why = hasMoved ? 'approved' : 'rejected';
    expect((await recordNow()).watch).toMatchObject({ kind: 'closed', why });
  });
});
