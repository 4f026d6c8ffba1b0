/**
 * The state machine of the fleet run in MiniStack's interpreter, on the built bundle with the embedded
 * registry behind it; and on a stub, for what takes many models that fail.
 */
import { readFileSync } from 'node:fs';
import { ExecutionAlreadyExists } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAlarmText } from '../../src/domain/alarm/alarm-payload.ts';
import { type RegistryServer, startRegistryServer } from '../../src/embedded/registry-server.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { deployFunction } from '../engines/lambda-function.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { type ExecutionEnd, StepFunctionsAdmin } from '../engines/step-functions.ts';
import { builtFunction } from './built.ts';
import {
  createWorld,
  isEngineMissing,
  type ReceivedNotice,
  suiteTitle,
  type World,
} from './world.ts';

type Input = Readonly<Record<string, unknown>>;

interface Summary {
  readonly outcome: string;
  readonly notified?: boolean;
  readonly failed_models: readonly string[];
  readonly results: readonly { readonly model: string; readonly outcome: string }[];
}

const ministack = engine('ministack');
const stepFunctions = new StepFunctionsAdmin(ministack.url);
/** What Step Functions passes from state to state at most (bytes). */
const STATE_BYTES_MAX = 262_144;

describe.skipIf(isEngineMissing)(suiteTitle('a fleet run on the built function'), () => {
  let world: World;
  let registry: RegistryServer;
  let admin: MLflowAdmin;
  let functionArn: string;

  beforeAll(async () => {
    [world, registry] = await Promise.all([createWorld(), startRegistryServer()]);
    admin = new MLflowAdmin(registry.url);
    const env = world.env({ MLFLOW_TRACKING_URI: registry.url });
    functionArn = await deployFunction(ministack.url, { files: builtFunction(), env });
  });
  afterAll(() => registry?.close());

  /** Models whose version 2 displaced version 1. */
  const seed = (count: number, tags: Readonly<Record<string, string>> = {}): string[] => {
    const prefix = uniqueName('fleet');
    return Array.from({ length: count }, (_, index) => {
      const name = `${prefix}-${1_000 + index}`;
      const lastUpdatedTimestamp = Date.now() - 60_000;
      const common = { creationTimestamp: lastUpdatedTimestamp - 60_000, lastUpdatedTimestamp };
      registry.seed(name, [
        { ...common, stage: 'Archived' },
        { ...common, stage: 'Production', tags },
      ]);
      return name;
    });
  };
  /** Models without a version to go back to. */
  const seedStuck = (count: number): string[] =>
    Array.from({ length: count }, () => {
      const name = uniqueName('stuck');
      registry.seed(name, [{ stage: 'Production' }]);
      return name;
    });
  const machine = (input: Input, name?: string): Promise<string> =>
    create(input, { functionArn, topicArn: world.topicArn, ...(name !== undefined && { name }) });
  const run = async (input: Input): Promise<ExecutionEnd> =>
    await stepFunctions.end(await stepFunctions.start(await machine(input), input));
  const live = async (models: readonly string[]): Promise<string[]> =>
    (await Promise.all(models.map((model) => admin.liveVersions(model)))).map(String);
  const moves = (): number =>
    registry.requests.filter(({ path }) => path.endsWith('/transition-stage')).length;
  /** What came of one fleet run, and of its models. */
  const noticesOf = async (
    models: readonly string[],
    executionArn?: unknown,
  ): Promise<{ fleet: ReceivedNotice[]; single: ReceivedNotice[] }> => {
    const all = await world.published();
    return {
      fleet: all.filter(({ message }) => message['execution'] === executionArn),
      single: all.filter(({ message }) => models.includes(String(message['model_name']))),
    };
  };

  test('rolls 200 models back, and is announced once', async () => {
    const models = seed(200);
    const input = { models, reason: 'DRIFT_SEVERE', requested_by: 'ana', max_concurrency: 6 };
    const machineArn = await machine(input);

    const executionArn = await stepFunctions.start(machineArn, input);
    const end = await stepFunctions.end(executionArn);

    expect(end.failures).toEqual([]);
    const { results, ...summary } = summaryOf(end);
    const told = {
      subject: 'Model Rollback fleet: 200 of 200 rolled back',
      outcome: 'FLEET_DONE',
      about: 'fleet',
      reason: 'DRIFT_SEVERE',
      dry_run: false,
      requested_by: 'ana',
      triggered_by: 'ana',
      execution: executionArn,
      rollback_id: null,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      total: 200,
      rolled_back: 200,
      refused: 0,
      failed: 0,
      not_known: 0,
      stopped_by: null,
      refused_models: [],
      failed_models: [],
    };
    expect(summary).toEqual({ ...told, would_roll_back: 0, notified: true });
    expect(results).toEqual(
      models.map((model) => ({ model, outcome: 'ROLLED_BACK', from: '2', to: '1' })),
    );
    expect(Buffer.byteLength(JSON.stringify(end.output))).toBeLessThan(STATE_BYTES_MAX / 5);
    expect(new Set(await live(models))).toEqual(new Set(['1']));

    const { fleet, single } = await noticesOf(models, executionArn);
    expect(fleet.map(({ subject }) => subject)).toEqual([told.subject]);
    expect(fleet[0]?.message).toEqual(told);
    // Should alarms and notices share a topic, the function must know it as its own.
    expect(parseAlarmText(JSON.stringify(fleet[0]?.message)).kind).toBe('ignored');
    expect(single.map(({ message }) => message['model_name']).toSorted()).toEqual(models);
    for (const { subject, message } of single) {
      expect(subject).toBe(`Model Rollback: ${message['model_name']}`);
      expect(message).toMatchObject({ reason: 'DRIFT_SEVERE', requested_by: machineArn });
    }
  });

  test('by a tag of the registered model, rolls those back and no others', async () => {
    const value = uniqueName('v');
    const [tagged, others] = [seed(4), seed(4)];
    for (const model of tagged) await admin.tagModel(model, 'feature set', value);
    for (const model of others) await admin.tagModel(model, 'feature set', `${value}0`);

    const end = await run({ tag: { key: 'feature set', value } });

    expect(modelsIn(end)).toEqual(tagged);
    expect(new Set(await live(tagged))).toEqual(new Set(['1']));
    expect(new Set(await live(others))).toEqual(new Set(['2']));
  });

  test('by a tag of the live version, leaves models alone that have moved on', async () => {
    const feature_set = uniqueName('v');
    const [bad, movedOn] = [seed(2, { feature_set }), seed(2, { feature_set })];
    for (const model of movedOn) await admin.transition(model, '1', 'Production', true);
    const input = { live_version_tag: { key: 'feature_set', value: feature_set } };

    const end = await run(input);

    expect(modelsIn(end)).toEqual(bad);
    expect(new Set(await live([...bad, ...movedOn]))).toEqual(new Set(['1']));
    // Now no live version has it any more.
    expect(await run(input)).toMatchObject({ status: 'FAILED', error: 'ModelNotFoundError' });
  });

  test('goes on while no more fail than are tolerated, and names them', async () => {
    const [stuck, unknown, good] = [seedStuck(2), [uniqueName('unknown')], seed(4)];
    const models = [...stuck, ...good, ...unknown];

    const end = await run({ models, tolerated_failures: 3 });

    expect(end.states.slice(-3)).toEqual(['Announce', 'HowItEnded', 'Finished']);
    expect(summaryOf(end)).toMatchObject({
      subject: 'Model Rollback fleet: 4 of 7 rolled back',
      outcome: 'FLEET_DONE',
      rolled_back: 4,
      failed: 3,
      failed_models: [...stuck, ...unknown],
    });
    expect(modelsIn(end)).toEqual(good);
  });

  test('stops when more fail than are tolerated, and says so', async () => {
    const [stuck, good] = [seedStuck(3), seed(4)];
    const models = [...stuck, ...good];
    const input = { models, tolerated_failures: 2 };
    const executionArn = await stepFunctions.start(await machine(input), input);

    const end = await stepFunctions.end(executionArn);

    expect(end).toMatchObject({ status: 'FAILED', error: 'FLEET_STOPPED' });
    const stopped = {
      subject: 'Model Rollback fleet stopped: 3 of 7 failed',
      outcome: 'FLEET_STOPPED',
      execution: executionArn,
      total: 7,
      rolled_back: null,
      refused: null,
      failed: 3,
      not_known: 0,
      stopped_by: 'States.ExceedToleratedFailureThreshold',
    };
    expect(JSON.parse(end.cause ?? '')).toMatchObject({ ...stopped, notified: true });
    const { fleet, single } = await noticesOf(models, executionArn);
    expect(fleet.map(({ subject }) => subject)).toEqual([stopped.subject]);
    expect(fleet[0]?.message).toMatchObject(stopped);
    // How each one ended stands in its own notice.
    expect(single).toHaveLength(7);
  });

  test('counts a refusal as an answer, and not as a failure', async () => {
    const models = seed(3);
    await run({ models: models.slice(0, 1) });

    const end = await run({ models, tolerated_failures: 0 });

    expect(summaryOf(end)).toMatchObject({
      subject: 'Model Rollback fleet: 2 of 3 rolled back',
      refused: 1,
      refused_models: models.slice(0, 1),
      failed: 0,
      failed_models: [],
    });
  });

  test('acts once under one name, also when Step Functions has forgotten it', async () => {
    const models = seed(3);
    const input = { models };
    const [machineName, name] = [uniqueName('forgetful'), uniqueName('incident')];
    const first = await machine(input, machineName);
    const firstId = await stepFunctions.start(first, input, name);
    await stepFunctions.end(firstId);
    const before = moves();

    await expect(stepFunctions.start(first, input, name)).rejects.toThrow(ExecutionAlreadyExists);
    await stepFunctions.delete(first);
    const again = await machine(input, machineName);
    const secondId = await stepFunctions.start(again, input, name);
    const end = await stepFunctions.end(secondId);

    expect(secondId).toBe(firstId);
    expect(summaryOf(end)).toMatchObject({ rolled_back: 3, refused: 0 });
    expect(moves()).toBe(before);
    expect(new Set(await live(models))).toEqual(new Set(['1']));
    const { single } = await noticesOf(models);
    expect(single).toHaveLength(3);
  });

  test('moves, writes and sends nothing in a dry run, and foresees what would be', async () => {
    const [good, stuck] = [seed(2), seedStuck(1)];
    const models = [...good, ...stuck];
    const refused = seed(1);
    await run({ models: refused });
    const input = { models: [...models, ...refused], dry_run: true, tolerated_failures: 0 };
    const before = [await world.stored(''), await live(input.models), moves()];

    const end = await run(input);

    expect(summaryOf(end)).toMatchObject({
      subject: 'Model Rollback fleet dry run: 2 of 4 would be rolled back',
      outcome: 'FLEET_DRY_RUN',
      rolled_back: 0,
      would_roll_back: 2,
      refused: 1,
      refused_models: refused,
      failed: 1,
      failed_models: stuck,
    });
    expect(summaryOf(end).results.map(({ outcome }) => outcome)).toEqual([
      'ROLLED_BACK',
      'ROLLED_BACK',
      'NO_TARGET',
      'REFUSED',
    ]);
    expect([await world.stored(''), await live(input.models), moves()]).toEqual(before);
    expect(summaryOf(end)).not.toHaveProperty('notified');
    const { fleet, single } = await noticesOf(models, summaryOf(end)['execution']);
    expect([fleet, single]).toEqual([[], []]);
  });

  test.each([
    [{ dryrun: true }, 'InvalidRequestError'],
    [{ preview: true }, 'InvalidRequestError'],
    [{ dry_run: 'true' }, 'InvalidRequestError'],
    [{ tag: { key: 'k', value: 'v' } }, 'InvalidRequestError'],
    [{ models: null, tag: { key: 'k', value: 'nowhere' } }, 'ModelNotFoundError'],
  ])('does nothing for the input %j', async (wrong, error) => {
    const models = seed(1);

    const end = await run({ models, ...wrong });

    expect(end).toMatchObject({ status: 'FAILED', error });
    expect(end.states).toEqual(['Plan', 'NotBegun']);
    expect(await live(models)).toEqual(['2']);
    expect((await noticesOf(models)).single).toEqual([]);
  });

  test('ends as it went when nobody can be told', async () => {
    const models = seed(1);
    const topicArn = `${world.topicArn}-missing`;
    const machineArn = await create(
      { models },
      { functionArn, topicArn, edit: ({ Announce }) => delete Announce?.['Retry'] },
    );

    const end = await stepFunctions.end(await stepFunctions.start(machineArn, { models }));

    expect(end.failures).toHaveLength(1);
    expect(summaryOf(end)).toMatchObject({ rolled_back: 1, notified: false });
  });
});

describe.skipIf(ministack.isMissing)(ministack.title('a fleet run on a stub'), () => {
  let functionArn: string;
  let topicArn: string;

  beforeAll(async () => {
    // A name says how its model ends.
    const content = `
      export async function handler({ plan_fleet: plan, model_name, request_id, requested_by }) {
        if (plan) return { reason: 'TEST_FAILURE', dry_run: false, requested_by: null, ...plan };
        const [outcome] = model_name.split(' ');
        if (outcome.endsWith('Error')) throw Object.assign(new Error('e'.repeat(5_000)), { name: outcome });
        const message = 'm'.repeat(2_000);
        return { model_name, outcome, from_version: '2', to_version: null, message, plan: null };
      }
    `;
    const files = [{ name: 'index.mjs', content }];
    functionArn = await deployFunction(ministack.url, { files, env: {} });
    topicArn = (await createWorld()).topicArn;
  });

  const run = async (input: Input): Promise<ExecutionEnd> => {
    const machineArn = await create(input, { functionArn, topicArn });
    return await stepFunctions.end(await stepFunctions.start(machineArn, input));
  };
  const limits = { max_concurrency: 4, tolerated_failures: 200 };
  const names = (outcome: string, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${outcome} ${100 + index}`);

  test.each(['NO_TARGET', 'CONTESTED', 'FAILED', 'DEFERRED', 'ModelNotFoundError', 'TypeError'])(
    'counts %s as a failure',
    async (outcome) => {
      const models = [...names('ROLLED_BACK', 1), ...names(outcome, 1)];

      const end = await run({ ...limits, models });

      const [good, bad] = models;
      expect(summaryOf(end)).toMatchObject({ rolled_back: 1, failed: 1, failed_models: [bad] });
      expect(modelsIn(end)).toEqual([good]);
      const stopped = await run({ ...limits, models, tolerated_failures: 0 });
      expect(stopped).toMatchObject({ status: 'FAILED', error: 'FLEET_STOPPED' });
    },
  );

  test('names at most 50 of each kind, and counts all', async () => {
    const models = [...names('NO_TARGET', 60), ...names('REFUSED', 60), ...names('ROLLED_BACK', 1)];

    const end = await run({ ...limits, models });

    expect(summaryOf(end)).toMatchObject({
      failed: 60,
      failed_models: models.slice(0, 50),
      refused: 60,
      refused_models: models.slice(60, 110),
      rolled_back: 1,
    });
  });
});

// ---------------------------------------------------------------------------------------------------

type States = Readonly<Record<string, Record<string, unknown> | undefined>>;

interface Parts {
  readonly functionArn: string;
  readonly topicArn: string;
  readonly name?: string;
  readonly edit?: (states: States) => void;
}

/**
 * The definition as it is, but for the paths of two numbers, which MiniStack does not read: what they lead
 * to in the plan is written in their place.
 */
async function create(
  input: Input,
  { functionArn, topicArn, name = uniqueName('machine'), edit }: Parts,
): Promise<string> {
  const text = readFileSync('state-machines/fleet-roll-back.asl.json', 'utf8')
    .replaceAll(/\$\{FunctionArn\}/g, functionArn)
    .replaceAll(/\$\{TopicArn\}/g, topicArn);
  const definition = JSON.parse(text);
  const map = definition.States.RollBackEach;
  const plan: Input = { max_concurrency: 10, tolerated_failures: 10, ...input };
  for (const field of ['MaxConcurrency', 'ToleratedFailureCount']) {
    map[field] = plan[map[`${field}Path`].replace('$.', '')];
    expect(map[field]).toBeTypeOf('number');
    delete map[`${field}Path`];
  }
  edit?.(definition.States);
  return await stepFunctions.create(name, JSON.stringify(definition));
}

function summaryOf({ output, error, cause }: ExecutionEnd): Summary & Input {
  if (output === null) throw new Error(`the execution failed: ${error} ${cause}`);
  return output as Summary & Input;
}

function modelsIn(end: ExecutionEnd): readonly string[] {
  return summaryOf(end).results.map(({ model }) => model);
}
