/**
 * The state machines of `state-machines/` in MiniStack's interpreter. The first suite runs them on the
 * built bundle, with real engines behind it; the second one on a stub that throws and answers what its
 * input says, for the ends that cannot be brought about at will.
 */
import { readFileSync } from 'node:fs';
import { ExecutionAlreadyExists } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRegistryServer } from '../../src/embedded/registry-server.ts';
import { startHttpProxy } from '../contract/http-proxy.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { deployFunction } from '../engines/lambda-function.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { poll } from '../engines/poll.ts';
import { type ExecutionEnd, StepFunctionsAdmin } from '../engines/step-functions.ts';
import { builtFunction } from './built.ts';
import type { Answer } from './reply.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

const FILES: readonly string[] = ['roll-back.jsonpath.asl.json', 'roll-back.jsonata.asl.json'];
const THREE = ['Archived', 'Archived', 'Production'] as const;
const OUTAGE = { kind: 'answer', status: 503, body: 'down' } as const;
const ministack = engine('ministack');
const stepFunctions = new StepFunctionsAdmin(ministack.url);
const open: { close(): Promise<unknown> }[] = [];

describe.skipIf(isEngineMissing)(suiteTitle('a state machine on the built function'), () => {
  let world: World;
  let functionArn: string;

  beforeAll(async () => {
    world = await createWorld();
    functionArn = await deploy();
  });
  afterAll(() => Promise.all(open.map((one) => one.close())));

  const deploy = (settings: Settings = {}): Promise<string> => {
    return deployFunction(ministack.url, { files: builtFunction(), env: world.env(settings) });
  };

  describe.each(FILES)('%s', (file) => {
    let machineArn: string;

    beforeAll(async () => {
      machineArn = await create(file, functionArn);
    });

    const run = async (input: unknown): Promise<ExecutionEnd> =>
      await stepFunctions.end(await stepFunctions.start(machineArn, input));

    test('rolls back and passes the answer on', async () => {
      const model = await world.model(THREE);

      const input = { model_name: model, reason: 'DRIFT_SEVERE', alarm_name: 'high-drawdown' };
      const end = await run(input);

      expect(end.status).toBe('SUCCEEDED');
      expect(end.states.slice(-3)).toEqual(['RollBack', 'WhatHappened', 'Done']);
      expect(end.failures).toEqual([]);
      expect(answerOf(end)).toMatchObject({
        outcome: 'ROLLED_BACK',
        from_version: '3',
        to_version: '2',
        reason: 'DRIFT_SEVERE',
        alarm_name: 'high-drawdown',
        notified: true,
        warnings: [],
      });
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
      expect(await world.history(model)).toEqual([end.output]);
      const [notice] = await world.notices(model);
      expect(notice?.message).toMatchObject({ requested_by: machineArn });
    });

    test('takes a version, and null for a field that has no value', async () => {
      const model = await world.model(THREE);

      const end = await run({
        model_name: model,
        target_version: '1',
        reason: null,
        alarm_name: null,
        dry_run: null,
        expected_from_version: null,
        overrides: null,
      });

      expect(answerOf(end)).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '1' });
      expect(await world.mlflow.liveVersions(model)).toEqual(['1']);
    });

    test('runs once under one name', async () => {
      const model = await world.model(THREE);
      const name = uniqueName('incident');
      await stepFunctions.end(await stepFunctions.start(machineArn, { model_name: model }, name));

      const again = stepFunctions.start(machineArn, { model_name: model }, name);

      await expect(again).rejects.toThrow(ExecutionAlreadyExists);
      expect(await world.history(model)).toHaveLength(1);
    });

    test('gets the first answer again when an execution has the id of an earlier one', async () => {
      const model = await world.model(THREE);
      const machineName = uniqueName('forgetful');
      const name = uniqueName('incident');
      const once = async (): Promise<[string, ExecutionEnd]> => {
        const arn = await create(file, functionArn, { name: machineName });
        const id = await stepFunctions.start(arn, { model_name: model }, name);
        const end = await stepFunctions.end(id);
        await stepFunctions.delete(arn);
        return [id, end];
      };
      const [firstId, first] = await once();

      const [secondId, second] = await once();

      expect(secondId).toBe(firstId);
      expect(answerOf(first)).toMatchObject({ outcome: 'ROLLED_BACK', replayed: false });
      expect(second.output).toEqual({ ...answerOf(first), replayed: true });
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
      expect(await world.history(model)).toHaveLength(1);
      expect(await world.notices(model)).toHaveLength(1);
    });

    test('rolls back once when two executions ask at the same moment', async () => {
      const model = await world.model(THREE);
      const quick = await create(file, functionArn, { edit: retryQuickly });

      const ids = await Promise.all([1, 2].map(() => start(quick, model)));
      const ends = await Promise.all(ids.map((id) => stepFunctions.end(id)));

      expect(ends.map(({ states }) => states.at(-1)).toSorted()).toEqual(['Done', 'Refused']);
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
    });

    test('changes nothing in a dry run', async () => {
      const model = await world.model(THREE);
      const before = await world.everything(model);

      const end = await run({ model_name: model, dry_run: true });

      expect(end.states.at(-1)).toBe('Done');
      expect(answerOf(end)).toMatchObject({ outcome: 'DRY_RUN', to_version: '2' });
      expect(await world.everything(model)).toEqual(before);
    });

    test.each(['dryrun', 'dry_rum', 'preview'])('cannot roll back when told %s', async (field) => {
      const model = await world.model(THREE);
      const before = await world.everything(model);

      const end = await run({ model_name: model, [field]: true });

      expect(end).toMatchObject({ status: 'FAILED', error: 'InvalidRequestError' });
      expect(end.states.at(-1)).toBe('NeedsPeople');
      expect(messageIn(end)).toMatch(`"${field}"`);
      expect(await world.everything(model)).toEqual(before);
    });

    test('ends in Refused within the cooldown', async () => {
      const model = await world.model(THREE);
      await run({ model_name: model });

      const end = await run({ model_name: model });

      expect(end.status).toBe('SUCCEEDED');
      expect(end.states.at(-1)).toBe('Refused');
      expect(answerOf(end).refusals.map(({ code }) => code)).toEqual(['COOLDOWN']);
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
    });

    test('ends in Done when the asked-for version is live', async () => {
      const model = await world.model(THREE);

      const end = await run({ model_name: model, target_version: '3' });

      expect(end.states.at(-1)).toBe('Done');
      expect(answerOf(end).outcome).toBe('ALREADY_LIVE');
    });

    test('fails with NO_TARGET when no version may be restored', async () => {
      const model = await world.model(['Production']);

      const end = await run({ model_name: model });

      expect(end).toMatchObject({ status: 'FAILED', error: 'NO_TARGET' });
      expect(end.states.at(-1)).toBe('NoTarget');
      const [told] = await world.history(model);
      expect(end.cause).toBe(told?.message);
    });

    test('fails with the name of the error for an unknown model, without a retry', async () => {
      const end = await run({ model_name: uniqueName('unknown') });

      expect(end).toMatchObject({ status: 'FAILED', error: 'ModelNotFoundError' });
      expect(end.states.at(-1)).toBe('NeedsPeople');
      expect(end.failures).toEqual(['ModelNotFoundError']);
      expect(messageIn(end)).toMatch(/unknown-/);
    });

    test('fails with the name of the error when a setting is wrong', async () => {
      const broken = await create(file, await deploy({ ROLLBACK_COOLDOWN_HOURS: 'soon' }));
      const id = await stepFunctions.start(broken, { model_name: 'any' });

      const end = await stepFunctions.end(id);

      expect(end).toMatchObject({ status: 'FAILED', error: 'ConfigurationError' });
      expect(messageIn(end)).toMatch(/ROLLBACK_COOLDOWN_HOURS/);
    });

    test('fails on an answer that is none to a request', async () => {
      const end = await run({ sweep: true });

      expect(end).toMatchObject({ status: 'FAILED', error: 'UNKNOWN_OUTCOME' });
    });

    // From here on at the same time: most of their time is the wait before the next attempt.
    test.concurrent('tries again, by name, until a registry that was down is back', async () => {
      const model = await world.model(THREE);
      let isDown = true;
      const proxy = await startHttpProxy(engine('mlflow').url, () =>
        isDown ? OUTAGE : { kind: 'pass' },
      );
      open.push(proxy);
      // The definition as it is: MiniStack waits the five seconds, without jitter.
      const arn = await create(file, await deploy({ MLFLOW_TRACKING_URI: proxy.url }));
      const id = await start(arn, model);

      await poll(
        () => stepFunctions.failures(id),
        ({ length }) => length > 0,
        { timeoutMs: 20_000 },
      );
      isDown = false;
      const end = await stepFunctions.end(id);

      expect(end.failures).toEqual(['RegistryUnavailableError']);
      expect(answerOf(end)).toMatchObject({ outcome: 'ROLLED_BACK', replayed: false });
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
      expect(await world.history(model)).toHaveLength(1);
    });

    test.concurrent('waits for the lease of a move that nobody answered, and moves once', async () => {
      const model = await world.model(THREE);
      let moves = 0;
      const proxy = await startHttpProxy(engine('mlflow').url, ({ path }) => {
        if (path.endsWith('/transition-stage')) moves += 1;
        const isLost = path.endsWith('/transition-stage') && moves === 1;
        return { kind: isLost ? 'reset' : 'pass' };
      });
      open.push(proxy);
      // Attempts after 1, 3 and 7 seconds: at least the first of them meets the lease.
      const settings = { MLFLOW_TRACKING_URI: proxy.url, ROLLBACK_WRITE_HORIZON_SECONDS: '4' };
      const arn = await create(file, await deploy(settings), { edit: retryQuickly });

      const end = await stepFunctions.end(await start(arn, model));

      const [first, ...others] = end.failures;
      expect(first).toBe('RegistryUnavailableError');
      expect([...new Set(others)]).toEqual(['RollbackInProgressError']);
      expect(answerOf(end)).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
      expect(moves).toBe(2);
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
      expect(await world.history(model)).toHaveLength(1);
    });

    // The embedded registry here, since it lets a rival act at an exact moment.
    test.concurrent.each([
      { error: 'CONTESTED', state: 'Contested', live: ['4'], act: promoteNewest },
      { error: 'FAILED', state: 'Failed', live: ['3'], act: deleteTarget },
    ])('fails with $error when somebody else was quicker', async ({ error, state, live, act }) => {
      const registry = await startRegistryServer();
      open.push(registry);
      const rival = new MLflowAdmin(registry.url);
      const model = uniqueName('model');
      await rival.seedModel(model, [...THREE, 'None']);
      let looks = 0;
      registry.fault = ({ path }) => {
        if (!path.includes('/model-versions/search')) return undefined;
        looks += 1;
        return looks === 2 ? { kind: 'before', run: () => act(rival, model) } : undefined;
      };
      const arn = await create(file, await deploy({ MLFLOW_TRACKING_URI: registry.url }));

      const end = await stepFunctions.end(await start(arn, model));

      registry.fault = undefined;
      expect(end).toMatchObject({ status: 'FAILED', error });
      expect(end.states.at(-1)).toBe(state);
      expect(await rival.liveVersions(model)).toEqual(live);
      const [told] = await world.history(model);
      expect(end.cause).toBe(told?.message);
    });
  });
});

describe.skipIf(ministack.isMissing)(ministack.title('a state machine on a stub'), () => {
  let functionArn: string;
  let hastyArn: string;

  beforeAll(async () => {
    const content = `
      export async function handler({ throws, dies, hangs, answer }) {
        if (throws !== undefined) throw Object.assign(new Error('as told'), { name: throws });
        if (dies) process.exit(1);
        if (hangs) await new Promise((resolve) => setTimeout(resolve, 60_000));
        return answer;
      }
    `;
    const files = [{ name: 'index.mjs', content }];
    functionArn = await deployFunction(ministack.url, { files, env: {} });
    hastyArn = await deployFunction(ministack.url, { files, env: {}, timeoutSeconds: 1 });
  });

  // Most of their time is the wait before the second attempt.
  describe.concurrent.each(FILES)('%s', (file) => {
    let machineArn: string;

    beforeAll(async () => {
      machineArn = await create(file, functionArn, { edit: retryOnce });
    });

    test.each([
      'RollbackInProgressError',
      'RegistryUnavailableError',
      'StateStoreUnavailableError',
      'Lambda.ServiceException',
      'Lambda.AWSLambdaException',
      'Lambda.SdkClientException',
      'Lambda.ClientExecutionTimeoutException',
      'Lambda.TooManyRequestsException',
      'Lambda.Unknown',
      'Sandbox.Timedout',
      'Runtime.ExitError',
      'States.Timeout',
    ])('tries again after %s, and gives up by that name', async (throws) => {
      const end = await stepFunctions.end(await stepFunctions.start(machineArn, { throws }));

      expect(end).toMatchObject({ status: 'FAILED', error: throws });
      expect(end.failures).toEqual([throws, throws]);
      expect(end.states.at(-1)).toBe('GaveUp');
      expect(messageIn(end)).toBe('as told');
    });

    test.each([
      [{ dies: true }, 'Runtime.ExitError'],
      [{ hangs: true }, 'Sandbox.Timedout'],
    ])('tries again when the function %o', async (input, error) => {
      const hasty = await create(file, hastyArn, { edit: retryOnce });

      const end = await stepFunctions.end(await stepFunctions.start(hasty, input));

      expect(end).toMatchObject({ status: 'FAILED', error });
      expect(end.failures).toEqual([error, error]);
    });

    test.each([
      ['InvalidRequestError', 'NeedsPeople'],
      ['ConfigurationError', 'NeedsPeople'],
      ['ModelNotFoundError', 'NeedsPeople'],
      ['VersionNotFoundError', 'NeedsPeople'],
      ['RegistryRefusedError', 'NeedsPeople'],
      ['StateCorruptError', 'NeedsPeople'],
      ['TypeError', 'GaveUp'],
    ])('does not try again after %s: %s', async (throws, state) => {
      const end = await stepFunctions.end(await stepFunctions.start(machineArn, { throws }));

      expect(end).toMatchObject({ status: 'FAILED', error: throws });
      expect(end.failures).toEqual([throws]);
      expect(end.states.at(-1)).toBe(state);
    });

    test.each(['DEFERRED', 'AWAITING_APPROVAL', 'OBSERVED', 'IGNORED', 'SOMETHING_NEW'])(
      'fails on the outcome %s, which no request gets',
      async (outcome) => {
        const input = { answer: { outcome } };

        const end = await stepFunctions.end(await stepFunctions.start(machineArn, input));

        expect(end).toMatchObject({ status: 'FAILED', error: 'UNKNOWN_OUTCOME' });
      },
    );
  });
});

// ---------------------------------------------------------------------------------------------------

type Edit = (retrier: Record<string, unknown>) => void;

/** As a text, so that a copy differs from the file in what `edit` does and in nothing else. */
async function create(
  file: string,
  functionArn: string,
  { name = uniqueName('machine'), edit }: { readonly name?: string; readonly edit?: Edit } = {},
): Promise<string> {
  const text = readFileSync(`state-machines/${file}`, 'utf8');
  const definition = JSON.parse(text.replace(/\$\{FunctionArn\}/, functionArn));
  const [retrier, ...others] = definition.States.RollBack.Retry;
  expect(others).toEqual([]);
  edit?.(retrier);
  return await stepFunctions.create(name, JSON.stringify(definition));
}

/** The smallest interval that the language allows. */
function retryQuickly(retrier: Record<string, unknown>): void {
  retrier['IntervalSeconds'] = 1;
}

function retryOnce(retrier: Record<string, unknown>): void {
  retryQuickly(retrier);
  retrier['MaxAttempts'] = 1;
}

function start(machineArn: string, model: string): Promise<string> {
  return stepFunctions.start(machineArn, { model_name: model });
}

async function promoteNewest(rival: MLflowAdmin, model: string): Promise<void> {
  await rival.transition(model, '4', 'Production', true);
}

async function deleteTarget(rival: MLflowAdmin, model: string): Promise<void> {
  await rival.deleteVersion(model, '2');
}

function answerOf({ output, error, cause }: ExecutionEnd): Answer {
  if (output === null) throw new Error(`the execution failed: ${error} ${cause}`);
  return output as Answer;
}

/** The message of the thrown error: the cause is JSON text, as Lambda reports it. */
function messageIn({ cause }: ExecutionEnd): string {
  return JSON.parse(cause ?? '{}').errorMessage;
}
