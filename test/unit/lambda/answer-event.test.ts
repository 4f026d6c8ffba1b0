import { beforeEach, describe, expect, test } from 'vitest';
import type { RollbackResponse } from '../../../src/domain/answer/response.ts';
import { InvalidRequestError, StateStoreUnavailableError } from '../../../src/domain/errors.ts';
import {
  answerEvent,
  type EventAnswer,
  type TopicAnswer,
} from '../../../src/lambda/answer-event.ts';
import {
  type JsonObject,
  messageId,
  snsEvent,
  snsMessage,
  sqsEvent,
} from '../../fakes/alarm-events.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { putKnownAlarm } from '../../fakes/known-alarms.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

let world: World;
let logged: string[];

beforeEach(() => {
  world = makeWorld();
  for (const model of ['a', 'b', 'c']) world.seed(model, ['Archived', 'Production']);
  logged = [];
});

/** With a store that is down for these models. */
const answer = (event: unknown, down: readonly string[] = []): Promise<EventAnswer> => {
  const deps = withCalls(
    {
      ...world.deps,
      logger: {
        log: (level, _message, fields) => {
          if (level === 'error') logged.push(String(fields?.['why']));
        },
      },
    },
    {
      store: {
        read: async (next, modelName) => {
          if (down.includes(modelName))
            throw new StateStoreUnavailableError(`${modelName} is down`);
          return await next();
        },
      },
    },
  );
  return answerEvent(deps, event, { invocationId: 'invocation', deadline: world.deadline() });
};
/** Of alarms that CloudWatch knows. */
const messages = (...models: string[]): JsonObject[] =>
  models.map((model) => {
    const parts = { model, name: `${model}-alarm`, atMs: world.clock.nowMs() };
    putKnownAlarm(world.alarms, parts);
    return snsMessage(parts);
  });
const rolledBack = (model: string): unknown =>
  expect.objectContaining({ model_name: model, outcome: 'ROLLED_BACK', replayed: false });

describe('answerEvent', () => {
  test('answers a request; the invocation is the key of one that brings none', async () => {
    const request = { model_name: 'a', reason: 'TEST_FAILURE' };
    expect(await answer(request)).toMatchObject({ outcome: 'ROLLED_BACK', alarm: null });
    expect(await answer(request)).toMatchObject({ outcome: 'ROLLED_BACK', replayed: true });
    await expect(answer({})).rejects.toThrow(InvalidRequestError);
  });

  test('answers a sweep', async () => {
    expect(await answer({ sweep: true })).toMatchObject({ outcome: 'SWEPT', due: 0 });
  });

  test('undoes the latest rollback of a model, or the one with an id, once', async () => {
    const done = (await answer({ model_name: 'a', request_id: 'r' })) as RollbackResponse;
    const undo = { operation: 'undo', rollback_id: done.rollback_id, requested_by: 'ana' };
    const undone = { outcome: 'ROLLED_BACK', from_version: '1', to_version: '2' };
    expect(await answer(undo)).toMatchObject({ ...undone, replayed: false });
    expect(await answer(undo)).toMatchObject({ ...undone, replayed: true });

    await answer({ model_name: 'b' });
    const byModel = { operation: 'undo', model_name: 'b', pointer: 'stage:Production' };
    expect(await answer(byModel)).toMatchObject({ ...undone, model_name: 'b' });
  });

  test('approves what an alarm waits for, as it was shown', async () => {
    const alarms = { ...world.deps.settings.alarms, mode: 'ask' as const };
    world = { ...world, deps: { ...world.deps, settings: { ...world.deps.settings, alarms } } };
    const [waiting] = ((await answer(snsEvent(messages('a')))) as TopicAnswer).results;
    expect(waiting).toMatchObject({ outcome: 'AWAITING_APPROVAL' });
    const approval = { operation: 'approve', rollback_id: waiting?.rollback_id };
    expect(await answer({ ...approval, requested_by: 'ana' })).toMatchObject({
      outcome: 'ROLLED_BACK',
      from_version: '2',
      to_version: '1',
      alarm_name: 'a-alarm',
    });
    expect(await answer(approval)).toMatchObject({ rolled_back: true, replayed: true });
  });

  test('rejects what an alarm waits for, once', async () => {
    const alarms = { ...world.deps.settings.alarms, mode: 'ask' as const };
    world = { ...world, deps: { ...world.deps, settings: { ...world.deps.settings, alarms } } };
    const [waiting] = ((await answer(snsEvent(messages('a')))) as TopicAnswer).results;
    const id = waiting?.rollback_id;
    const rejection = { operation: 'reject', rollback_id: id, requested_by: 'ana', reason: 'late' };
    expect(await answer(rejection)).toMatchObject({
      operation: 'reject',
      rollback_id: id,
      model_name: 'a',
      changed: true,
      requested_by: 'ana',
      reason: 'late',
    });
    expect(await answer(rejection)).toMatchObject({ changed: false });
    await expect(answer({ operation: 'approve', rollback_id: id })).rejects.toThrow(
      'was rejected by ana',
    );
  });

  test.each([
    [{ operation: 'undo' }, 'undo needs either rollback_id, or model_name'],
    [
      { operation: 'undo', model_name: 'a', rollback_id: 'a/0123456789abcdef' },
      'undo needs either',
    ],
    [{ operation: 'undo', rollback_id: 'a' }, 'rollback_id must be the id of a rollback'],
    [{ operation: 'undo', model_name: 'a', dry_run: true }, '"dry_run" is no field of undo'],
    [{ operation: 'undo', model_name: 'a' }, 'there is nothing to undo'],
    [{ operation: 'approve', model_name: 'a' }, 'approve needs rollback_id'],
    [{ operation: 'reject', model_name: 'a' }, 'reject needs rollback_id'],
    [
      { operation: 'reject', rollback_id: 'a/0123456789abcdef', overrides: [] },
      '"overrides" is no field of reject',
    ],
    [
      { operation: 'approve', rollback_id: 'a/0123456789abcdef', reason: 'r' },
      '"reason" is no field of approve',
    ],
    [{ operation: 'reject', rollback_id: 'a/0123456789abcdef' }, 'There is no record of'],
    [{ operation: 'approve', rollback_id: 'a/0123456789abcdef' }, 'There is no record of'],
    [{ operation: 'aprove', rollback_id: 'a/0123456789abcdef' }, 'did you mean "approve"?'],
  ])('refuses %j', async (event, message) => {
    await expect(answer(event)).rejects.toThrow(message);
    expect((await world.registry.read('a')).live).toMatchObject([{ version: '2' }]);
  });

  test('answers which models a fleet run is for, and changes nothing', async () => {
    const before = JSON.stringify(await world.registry.read('a'));
    const input = { models: ['b', 'a', 'b'], reason: 'DRIFT_SEVERE', requested_by: 'ana' };
    expect(await answer({ plan_fleet: input })).toEqual({
      models: ['b', 'a'],
      reason: 'DRIFT_SEVERE',
      dry_run: false,
      requested_by: 'ana',
      max_concurrency: 10,
      tolerated_failures: 10,
    });
    expect(JSON.stringify(await world.registry.read('a'))).toBe(before);
  });

  test.each([
    [null, 'this one is null'],
    [[], 'this one is an array'],
    [{ models: ['a'], dryrun: true }, '"dry_run"'],
    [{ models: ['a'], preview: true }, '"dry_run"'],
  ])('refuses the fleet run %j', async (input, message) => {
    await expect(answer({ plan_fleet: input })).rejects.toThrow(InvalidRequestError);
    await expect(answer({ plan_fleet: input })).rejects.toThrow(message);
  });

  test('answers an alarm message that is sent as it is', async () => {
    expect(await answer(messages('a')[0])).toEqual(rolledBack('a'));
  });

  test('gives a queue back exactly the messages that a retry can help', async () => {
    const event = sqsEvent([...messages('a', 'b', 'c'), 'no alarm'], 'raw');
    const unreadable = expect.objectContaining({ model_name: null, outcome: 'FAILED' });
    expect(await answer(event, ['b'])).toEqual({
      batchItemFailures: [{ itemIdentifier: messageId(1) }],
      results: [rolledBack('a'), rolledBack('c'), unreadable],
    });
    expect(logged).toEqual(['b is down']);
  });

  test('throws for a whole topic event; its retry finds the answered messages answered', async () => {
    const event = snsEvent(messages('a', 'b', 'c'));
    await expect(answer(event, ['b'])).rejects.toThrow('b is down');
    expect(await answer(event)).toEqual({
      results: [
        expect.objectContaining({ model_name: 'a', replayed: true }),
        rolledBack('b'),
        rolledBack('c'),
      ],
    });
  });

  test('has nothing to say to empty lists of messages', async () => {
    expect(await answer(snsEvent([]))).toEqual({ results: [] });
  });
});
