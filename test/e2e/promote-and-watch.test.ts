/**
 * `state-machines/promote-and-watch.asl.json` in MiniStack's interpreter, on the three built bundles, with real engines
 * behind them. A copy waits one second where the definition waits a minute, and five before a retry.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { putCompositeAlarm } from '../engines/alarms.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { deployFunction } from '../engines/lambda-function.ts';
import { poll } from '../engines/poll.ts';
import { type ExecutionEnd, StepFunctionsAdmin } from '../engines/step-functions.ts';
import { type AlarmWorld, createAlarmWorld, type LocalAlarm } from './alarm-world.ts';
import { builtFile, builtFunction } from './built.ts';
import { isEngineMissing, type Settings, suiteTitle } from './world.ts';

const trading = { profit_total: 1_200, sharpe_ratio: 1.1, max_drawdown: 0.2, win_rate: 0.6 };
const better = { profit_total: 1_300 };
const ministack = engine('ministack');
const stepFunctions = new StepFunctionsAdmin(ministack.url);

describe.skipIf(isEngineMissing)(suiteTitle('promote and watch'), () => {
  let world: AlarmWorld;
  let machineArn: string;

  beforeAll(async () => {
    world = await createAlarmWorld();
    machineArn = await create({});
  });
  afterAll(() => world?.close());

  const create = async (settings: Settings): Promise<string> => {
    const promote = builtFile('dist/promote/index.mjs');
    const bundle = (file: string) => [{ name: 'index.mjs', content: readFileSync(file) }];
    const deploy = (files: ReturnType<typeof builtFunction>, own: Settings = {}) =>
      deployFunction(ministack.url, { files, env: world.env({ ...settings, ...own }) });
    const [FunctionArn, PromoteFunctionArn, CompareFunctionArn] = await Promise.all([
      deploy(builtFunction(), { ROLLBACK_COOLDOWN_HOURS: '0' }),
      deploy(bundle(promote)),
      deploy(bundle(join(dirname(promote), '../compare/index.mjs'))),
    ]);
    const arns: Record<string, string> = { FunctionArn, PromoteFunctionArn, CompareFunctionArn };
    const text = readFileSync('state-machines/promote-and-watch.asl.json', 'utf8')
      .replaceAll(/\$\{(\w+)\}/g, (_, name: string) => arns[name] ?? name)
      .replaceAll('"Seconds": 60', '"Seconds": 1')
      .replaceAll('"IntervalSeconds": 5', '"IntervalSeconds": 1');
    return await stepFunctions.create(uniqueName('promote-and-watch'), text);
  };

  /** Version 1 live, and a version 2 in Staging. */
  const seed = async (
    change: Readonly<Record<string, number>>,
    digest?: string,
  ): Promise<string> => {
    const model = uniqueName('watched');
    await world.mlflow.createModel(model);
    await world.mlflow.createMeasuredVersion(model, trading);
    await world.mlflow.createMeasuredVersion(model, { ...trading, ...change }, digest);
    await world.mlflow.transition(model, '1', 'Production', true);
    await world.mlflow.transition(model, '2', 'Staging', false);
    return model;
  };
  const sound = (model: string): Promise<LocalAlarm> => world.alarm(model, { state: 'OK' });
  const start = (input: object) => stepFunctions.start(machineArn, input);
  const run = async (input: object): Promise<ExecutionEnd> =>
    await stepFunctions.end(await start(input));
  const live = (model: string) => world.mlflow.liveVersions(model);
  /** A long watch, and the moment when the promotion has ended: before, it holds the model. */
  const watched = async (model: string, more: object = {}) => {
    const alarm = await sound(model);
    const asked = { model_name: model, alarm_name: alarm.name, watch_minutes: 40 };
    const id = await start({ ...asked, ...more });
    await poll(
      () => world.history(model),
      ([latest]) => latest?.outcome === 'PROMOTED',
      { timeoutMs: 30_000 },
    );
    return { alarm, id };
  };

  test('promotes what is better, and keeps it while the alarm stays OK', async () => {
    const model = await seed(better);
    const { name } = await sound(model);

    const end = await run({ model_name: model, alarm_name: name, watch_minutes: 2 });

    expect(end).toMatchObject({ status: 'SUCCEEDED', failures: [] });
    expect(end.states.filter((state) => state === 'Watch')).toHaveLength(2);
    expect(end.output).toMatchObject({
      outcome: 'PROMOTED',
      reason: `The alarm ${name} did not go to ALARM within 2 minutes; it is in OK.`,
      model_name: model,
      champion: '1',
      challenger: '2',
      confidence: 1,
      evidence_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await live(model)).toEqual(['2']);
    const [notice] = await world.notices(model);
    expect(notice?.message).toMatchObject({ requested_by: machineArn });
  });

  test('rolls back when the alarm goes to ALARM, to what the promotion replaced', async () => {
    const model = await seed(better);
    const { alarm, id } = await watched(model, { reason: 'DRIFT_SEVERE' });
    await alarm.set('ALARM');

    const end = await stepFunctions.end(id);

    expect(end).toMatchObject({ status: 'SUCCEEDED', failures: [] });
    expect(end.states.slice(-3)).toEqual(['RollBack', 'WhatHappened', 'RolledBack']);
    expect(end.output).toMatchObject({ outcome: 'ROLLED_BACK', champion: '1', challenger: '2' });
    expect(await live(model)).toEqual(['1']);
    expect(await world.history(model)).toMatchObject([
      { outcome: 'ROLLED_BACK', reason: 'DRIFT_SEVERE', alarm_name: alarm.name, to_version: '1' },
      { outcome: 'PROMOTED' },
    ]);
  });

  test('watches a composite alarm, too', async () => {
    const model = await seed(better);
    const child = await sound(model);
    const composite = uniqueName('composite');
    await putCompositeAlarm(world.cloudWatch, composite, `ALARM("${child.name}")`);

    const end = await run({ model_name: model, alarm_name: composite, watch_minutes: 1 });

    expect(end.output).toMatchObject({ outcome: 'PROMOTED' });
  });

  test.each([
    ['KEPT', { profit_total: 1_100 }, undefined, /profit_total is 1100, .*: failed/],
    ['INVESTIGATE', better, 'another', /different data sets/],
  ])('ends as %s, with the reason, and moves nothing', async (outcome, change, digest, reason) => {
    const model = await seed(change, digest);
    const { name } = await sound(model);

    const end = await run({ model_name: model, alarm_name: name, watch_minutes: null });

    expect(end.status).toBe('SUCCEEDED');
    expect(end.output).toMatchObject({ outcome, reason: expect.stringMatching(reason) });
    expect(end.states).not.toContain('Promote');
    expect(await live(model)).toEqual(['1']);
  });

  test('ends as REFUSED where the model is frozen', async () => {
    const model = await seed(better);
    const { name } = await sound(model);
    const freeze = { operation: 'freeze', model_name: model, until: '1h', reason: 'a release' };
    await world.way.send({ ...freeze, requested_by: 'ana' });

    const end = await run({ model_name: model, alarm_name: name });

    expect(end.status).toBe('SUCCEEDED');
    expect(end.output).toMatchObject({
      outcome: 'REFUSED',
      reason: expect.stringMatching(/frozen/),
    });
    expect(await live(model)).toEqual(['1']);
  });

  test('promotes only while the version that was compared with is live', async () => {
    const model = await seed(better);
    await world.mlflow.createMeasuredVersion(model, trading);
    const { name } = await sound(model);

    const end = await run({ model_name: model, alarm_name: name, champion_version: '3' });

    expect(end.output).toMatchObject({ outcome: 'REFUSED', champion: '3', challenger: '2' });
    expect(await live(model)).toEqual(['1']);
  });

  test('fails by the name of the error where nothing could be compared', async () => {
    const { name } = await sound('any');

    const end = await run({ model_name: uniqueName('unknown'), alarm_name: name });

    expect(end).toMatchObject({ status: 'FAILED', error: 'ModelNotFoundError' });
    expect(end.states.at(-1)).toBe('NotCompared');
    expect(end.cause).toMatch(/unknown-/);
  });

  test('begins nothing with an alarm that does not exist, or is in ALARM', async () => {
    const model = await seed(better);
    const on = await world.alarm(model);

    const [absent, already] = await Promise.all([
      run({ model_name: model, alarm_name: uniqueName('no-alarm') }),
      run({ model_name: model, alarm_name: on.name }),
    ]);

    expect(absent).toMatchObject({ status: 'FAILED', error: 'ALARM_NOT_FOUND' });
    expect(absent.cause).toMatch(/Nothing was compared or promoted/);
    expect(already).toMatchObject({ status: 'FAILED', error: 'ALARM_IS_ON' });
    expect(already.states).not.toContain('Compare');
    expect(await live(model)).toEqual(['1']);
  });

  test.each([
    ['a dry run', { dry_run: true }],
    ['a misspelt field', { watch_minuets: 5 }],
    ['no alarm', { alarm_name: null }],
    ['a model that is no text', { model_name: 7 }],
    ['a watch of no time', { watch_minutes: 0 }],
    ['a watch of half a minute', { watch_minutes: 0.5 }],
    ['a watch of text', { watch_minutes: '5' }],
    ['a watch of two days', { watch_minutes: 2_880 }],
  ])('refuses an input with %s', async (_what, wrong) => {
    const end = await run({ model_name: 'any', alarm_name: 'any', ...wrong });
    expect(end).toMatchObject({ status: 'FAILED', error: 'InvalidRequestError' });
    expect(end.states).toEqual(['Check', 'WrongInput']);
    expect(end.cause).toMatch(/^The input has model_name and alarm_name.* It has: model_name/);
  });

  test('leaves a version alone that is not live any more when the alarm goes to ALARM', async () => {
    const model = await seed(better);
    const { alarm, id } = await watched(model);
    await world.ask({ model_name: model, requested_by: 'ana' });
    await alarm.set('ALARM');

    const end = await stepFunctions.end(id);

    expect(end.output).toMatchObject({ outcome: 'NO_LONGER_LIVE' });
    expect(await live(model)).toEqual(['1']);
  });

  test('fails where the rollback is refused, since somebody has to act', async () => {
    const model = await seed(better);
    const { alarm, id } = await watched(model);
    const freeze = { operation: 'freeze', model_name: model, until: '1h', reason: 'a release' };
    await world.way.send({ ...freeze, requested_by: 'ana' });
    await alarm.set('ALARM');

    const end = await stepFunctions.end(id);

    expect(end).toMatchObject({ status: 'FAILED', error: 'REFUSED' });
    expect(end.states.at(-1)).toBe('NotRolledBack');
    expect(end.cause).toMatch(/frozen/);
    expect(await live(model)).toEqual(['2']);
  });
});
