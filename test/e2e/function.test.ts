/** The built bundle, in a process of its own, against the real engines. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aliasScenarios } from './alias-scenarios.ts';
import { answerIn, failureIn } from './reply.ts';
import { scenarios } from './scenarios.ts';
import { type FunctionWay, functionWay } from './ways.ts';
import { createWorld, isEngineMissing, suiteTitle, type World } from './world.ts';

describe.skipIf(isEngineMissing)(suiteTitle('handler'), () => {
  let world: World;
  let way: FunctionWay;

  beforeAll(async () => {
    world = await createWorld();
    way = functionWay(world);
  });
  afterAll(() => way?.close());

  for (const { title, run } of scenarios) {
    test(`${title}`, () => run({ world, way }));
  }

  describe('through an alias', () => {
    for (const { title, run } of aliasScenarios) {
      test(`${title}`, () => run({ world, way }));
    }
  });

  test('answers an equal request without a key from the record for 15 minutes', async () => {
    const model = await world.model(['Archived', 'Archived', 'Production']);
    const first = answerIn(await way.send({ model_name: model }));

    const second = answerIn(await way.send({ model_name: model }));

    const warnings = [expect.objectContaining({ code: 'EQUAL_REQUEST_REPLAYED' })];
    expect(second).toEqual({ ...first, replayed: true, warnings });
    expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
    expect(await world.history(model)).toEqual([first]);
    expect(await world.notices(model)).toHaveLength(1);
  });

  test('takes a request with another body for a new one', async () => {
    const model = await world.model(['Archived', 'Archived', 'Production']);
    await way.send({ model_name: model });

    const answer = answerIn(await way.send({ model_name: model, reason: 'TEST_FAILURE' }));

    expect(answer).toMatchObject({ outcome: 'REFUSED', replayed: false });
  });

  test('replays when Lambda repeats an invocation', async () => {
    const model = await world.model(['Archived', 'Archived', 'Production']);
    const invocation = { awsRequestId: 'b3a1-the-same-invocation' };
    const first = answerIn(await way.send({ model_name: model }, {}, invocation));

    const second = answerIn(await way.send({ model_name: model }, {}, invocation));

    expect(second).toEqual({ ...first, replayed: true });
  });

  test('names the requester in the notice', async () => {
    const model = await world.model(['Archived', 'Production']);

    await way.send({ model_name: model, requested_by: 'arn:aws:states:retraining' });

    const [notice] = await world.notices(model);
    expect(notice?.message).toMatchObject({
      triggered_by: 'arn:aws:states:retraining',
      requested_by: 'arn:aws:states:retraining',
    });
  });

  test('takes null for an absent field', async () => {
    const model = await world.model(['Archived', 'Archived', 'Production']);

    const answer = answerIn(
      await way.send({
        model_name: model,
        target_version: null,
        reason: null,
        alarm_name: null,
        dry_run: null,
        request_id: null,
        expected_from_version: null,
        overrides: null,
        requested_by: null,
      }),
    );

    expect(answer).toMatchObject({
      outcome: 'ROLLED_BACK',
      to_version: '2',
      reason: 'MANUAL_REQUEST',
      alarm_name: null,
    });
  });

  test('serves several events at once, each with its own answer', async () => {
    const models = await Promise.all(
      Array.from({ length: 4 }, () => world.model(['Archived', 'Archived', 'Production'])),
    );

    const replies = await Promise.all([
      ...models.map((model) => way.send({ model_name: model })),
      way.send({ model_name: models[0], dryrun: true }),
    ]);

    const failure = failureIn(replies.pop() ?? expect.fail('no reply'));
    expect(failure.errorType).toBe('InvalidRequestError');
    for (const [index, reply] of replies.entries()) {
      expect(answerIn(reply)).toMatchObject({ model_name: models[index], outcome: 'ROLLED_BACK' });
    }
    for (const model of models) expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
  });

  test('moves nothing when too little time is left, and lets the next invocation do it', async () => {
    const model = await world.model(['Archived', 'Archived', 'Production']);
    const request = { model_name: model, request_id: 'short' };

    const failure = failureIn(await way.send(request, {}, { remainingMs: 3_000 }));
    expect(failure.errorType).toBe('RegistryUnavailableError');
    expect(failure.message).toMatch(/Too little time/);
    expect(await world.mlflow.liveVersions(model)).toEqual(['3']);

    const answer = answerIn(await way.send(request));
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '3', to_version: '2' });
    expect(await world.history(model)).toEqual([answer]);
  });

  test('finds room for the whole rollback in four seconds', async () => {
    const model = await world.model(['Archived', 'Archived', 'Production']);

    const answer = answerIn(await way.send({ model_name: model }, {}, { remainingMs: 4_000 }));

    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', notified: true });
  });
});
