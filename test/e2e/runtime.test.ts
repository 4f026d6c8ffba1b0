/**
 * The built bundle as Lambda runs it: loaded in an init phase, frozen with its answer, killed at the
 * timeout, invoked again with the same request id. A real registry, table and topic stand behind a tap.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { SweepReport } from '../../src/app/sweep-report.ts';
import { startHttpProxy } from '../contract/http-proxy.ts';
import { putMetricAlarm, setAlarmState } from '../engines/alarms.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { type LambdaEnd, type LambdaProcess, startLambda } from '../engines/lambda-process.ts';
import { poll } from '../engines/poll.ts';
import { freePort } from '../engines/processes.ts';
import type { PostedError } from '../engines/runtime-api.ts';
import { directAlarm } from '../fakes/alarm-events.ts';
import { startTap, type Tap, type TappedCall } from '../proof/tap.ts';
import { builtFile } from './built.ts';
import type { Answer } from './reply.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

const THREE = ['Archived', 'Archived', 'Production'] as const;
/** Enough for a rollback on a busy machine, and no more than a test likes to wait for. */
const SHORT_TIMEOUT_MS = 8_000;
const RETRY_TIMEOUT_MS = 20_000;

let world: World;
const closers: Close[] = [];

describe.skipIf(isEngineMissing)(suiteTitle('the bundle in Lambda'), () => {
  beforeAll(async () => {
    world = await createWorld();
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  describe('in its init phase', () => {
    const initTimesMs: number[] = [];
    afterAll(() => {
      const shown = initTimesMs.map((ms) => ms.toFixed(0)).join(', ');
      console.error(`init phase of the bundle: ${shown} ms`);
    });

    test('loads, and calls nobody', async () => {
      const tap = await openTap();
      for (const _ of Array.from({ length: 5 })) {
        const lambda = await start(throughTap(tap));
        initTimesMs.push(lambda.initMs);
        expect(lambda.log()).toBe('');
        await lambda.close();
      }
      expect(tap.calls).toEqual([]);
    });

    test('has ended its rehearsal: nothing is at work, written or announced', async () => {
      const model = await world.model(THREE);
      const before = await world.everything(model);
      const lambda = await start();
      expect(await lambda.drain()).toBe('exit code 0');
      expect(lambda.log()).toBe('');
      expect(await world.everything(model)).toEqual(before);
      expect(await world.notices('rehearsal')).toEqual([]);
    });

    test('uses the code cache of the build', async () => {
      const lambda = await start();
      answerIn(await lambda.invoke({ model_name: await world.model(THREE) }));
      expect(lambda.log()).not.toContain('CodeCacheUnused');
    });

    test.each<{ readonly name: string; readonly spoil?: Spoil; readonly settings?: Settings }>([
      { name: 'is missing', spoil: ({ cache }) => rmSync(cache) },
      {
        name: 'is damaged',
        spoil: ({ cache }) => {
          const bytes = readFileSync(cache);
          writeFileSync(cache, bytes.fill(0, bytes.length >> 1));
        },
      },
      {
        name: 'belongs to another script',
        spoil: ({ script }) => {
          const source = readFileSync(script, 'utf8');
          // Of the same length, which is all that V8 compares.
          writeFileSync(script, source.replaceAll('canned.invalid', 'canned.exempla'));
        },
      },
      // V8 rejects what it compiled under other flags.
      { name: 'is not for this runtime', settings: { NODE_OPTIONS: '--jitless' } },
    ])('works without its code cache, and counts that, when it $name', async (sample) => {
      const model = await world.model(THREE);
      const taskRoot = copyOfFunction();
      sample.spoil?.({
        cache: join(taskRoot, 'function.cache'),
        script: join(taskRoot, 'index.mjs'),
      });
      const lambda = await start(sample.settings, closeLater, taskRoot);
      expect(lambda.log()).toBe('');

      const answer = answerIn(await lambda.invoke({ model_name: model }));
      await lambda.invoke({ model_name: model });

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK' });
      expect(lambda.log().match(/"CodeCacheUnused":1/g)).toHaveLength(1);
      expect(lambda.log()).not.toContain('RehearsalFailed');
    });

    test('does not fail for a wrong setting: each invocation says what is wrong', async () => {
      const lambda = await start({ ROLLBACK_COOLDOWN_HOURS: 'soon' });
      expect(lambda.log()).toContain('ROLLBACK_COOLDOWN_HOURS');

      for (const event of [{ model_name: 'any' }, { sweep: true }, directAlarm()]) {
        const error = errorIn(await lambda.invoke(event));
        expect(error.errorType).toBe('ConfigurationError');
        expect(error.errorMessage).toMatch(/ROLLBACK_COOLDOWN_HOURS.*soon/);
      }
    });
  });

  describe('tells an error by its literal name:', () => {
    const down = async (): Promise<string> => `http://127.0.0.1:${await freePort()}`;

    test.each<{
      readonly name: string;
      readonly event?: object;
      readonly settings?: () => Promise<Settings>;
    }>([
      { name: 'InvalidRequestError', event: { dryrun: true } },
      { name: 'ModelNotFoundError', event: { model_name: 'no-such-model' } },
      { name: 'VersionNotFoundError', event: { target_version: '99' } },
      {
        name: 'ConfigurationError',
        settings: async () => ({ ROLLBACK_STATE_TABLE: 'no-such-table' }),
      },
      {
        name: 'RegistryRefusedError',
        settings: async () => ({ MLFLOW_TRACKING_URI: `${engine('mlflow').url}/elsewhere` }),
      },
      {
        name: 'RegistryUnavailableError',
        settings: async () => ({ MLFLOW_TRACKING_URI: await down() }),
      },
      {
        name: 'StateStoreUnavailableError',
        settings: async () => ({ AWS_ENDPOINT_URL_DYNAMODB: await down() }),
      },
    ])('$name', async ({ name, event, settings }) => {
      const model = await world.model(THREE);
      const lambda = await start(await settings?.());

      const error = errorIn(await lambda.invoke({ model_name: model, ...event }));

      expect(error.errorType).toBe(name);
      expect(error.errorMessage).toMatch(/\w+.*\.$/s);
      expect(error.trace[0]).toBe(`${name}: ${error.errorMessage.split('\n')[0]}`);
      expect(error.trace[1]).toMatch(/ at .*dist\/lambda\/index\.mjs:\d+:\d+\)?$/);
      expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
      // The same process serves the next event.
      expect(errorIn(await lambda.invoke({})).errorType).toBe('InvalidRequestError');
    });
  });

  describe('leaves nothing behind its answer:', () => {
    /** What is sent in; the model was made for it. */
    const works: Readonly<Record<string, (model: string) => unknown>> = {
      'a rollback': (model) => ({ model_name: model }),
      'a dry run': (model) => ({ model_name: model, dry_run: true }),
      'a refusal': (model) => ({ model_name: model, expected_from_version: '1' }),
      'a wrong request': (model) => ({ model_name: model, simulate: true }),
      'an unknown model': () => ({ model_name: 'no-such-model' }),
      'an alarm': (model) => directAlarm({ model, name: model, atMs: Date.now() }),
      'a sweep': () => ({ sweep: true }),
    };

    test.each(Object.keys(works))('%s', async (name) => {
      const tap = await openTap();
      const model = await world.model(THREE);
      const lambda = await start(throughTap(tap));
      let pending: readonly TappedCall[] = [];

      await lambda.invoke(works[name]?.(model), {
        onPosted: () => {
          // What the function has sent, and does not know the answer of.
          pending = tap.calls.filter(({ status }) => status === null);
        },
      });

      const before = tap.calls.length;
      expect(pending).toEqual([]);
      expect(await lambda.drain()).toBe('exit code 0');
      expect(tap.calls.length).toBe(before);
      expect(before > 0).toBe(name !== 'a wrong request');
    });

    test('a notice that nobody takes', async () => {
      const tap = await openTap();
      const model = await world.model(THREE);
      const deaf = await startHttpProxy(null, () => ({ kind: 'hang' }));
      closers.push(deaf.close);
      const lambda = await start({ ...throughTap(tap), AWS_ENDPOINT_URL_SNS: deaf.url });

      const answer = answerIn(await lambda.invoke({ model_name: model }));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', notified: false });
      const before = [tap.calls.length, deaf.requests.length];
      expect(await lambda.drain()).toBe('exit code 0');
      expect([tap.calls.length, deaf.requests.length]).toEqual(before);
    });
  });

  describe('keeps nothing of an invocation:', () => {
    test('two models and their duplicates in turns get their own answers, by one process', async () => {
      const tap = await openTap();
      const lambda = await start(throughTap(tap));
      const [a, b] = await Promise.all([world.model(THREE), world.model(['Archived', ...THREE])]);
      const send = async (model: string): Promise<Answer> =>
        answerIn(await lambda.invoke({ model_name: model }, { requestId: `of-${model}` }));

      const [firstA, firstB, secondA, secondB] = [
        await send(a),
        await send(b),
        await send(a),
        await send(b),
      ];

      expect(firstA).toMatchObject({ model_name: a, from_version: '3', to_version: '2' });
      expect(firstB).toMatchObject({ model_name: b, from_version: '4', to_version: '3' });
      expect(secondA).toEqual({ ...firstA, replayed: true });
      expect(secondB).toEqual({ ...firstB, replayed: true });
      for (const model of [a, b]) {
        expect(tap.moves(model)).toHaveLength(1);
        expect(await world.notices(model)).toHaveLength(1);
      }
      const lines = logLines(lambda);
      const ids = lines.map(({ function_request_id: id }) => id);
      expect(new Set(ids)).toEqual(new Set([`of-${a}`, `of-${b}`]));
      for (const line of lines) {
        expect(JSON.stringify(line)).not.toContain(line.function_request_id === `of-${a}` ? b : a);
      }
      const colds = lines.filter(({ cold_start: isCold }) => isCold);
      expect(colds.length).toBeGreaterThan(0);
      expect(lines.slice(0, colds.length)).toEqual(colds);
      expect(new Set(colds.map(({ function_request_id: id }) => id))).toEqual(new Set([ids[0]]));
      expect(lines.at(-1)?.cold_start).toBe(false);
    });

    test('the trace of each call is that of its invocation', async () => {
      const proxies = await Promise.all(
        (['mlflow', 'dynamodb', 'ministack'] as const).map(async (name) => {
          const proxy = await startHttpProxy(engine(name).url, () => ({ kind: 'pass' }));
          closers.push(proxy.close);
          return proxy;
        }),
      );
      const [registry = '', store = '', topic = ''] = proxies.map(({ url }) => url);
      const lambda = await start(addresses({ registry, store, topic }));
      const models = await Promise.all([world.model(THREE), world.model(THREE)]);

      for (const [index, model] of models.entries()) {
        const traceId = `Root=1-5759e988-bd862e3fe1be46a99427279${index};Parent=53995c3f42cd8ad8;Sampled=1`;
        const before = proxies.map(({ requests }) => requests.length);
        answerIn(await lambda.invoke({ model_name: model }, { traceId }));
        for (const [place, { requests }] of proxies.entries()) {
          const traces = requests
            .slice(before[place])
            .map(({ headers }) => headers['x-amzn-trace-id']);
          expect(traces.length).toBeGreaterThan(0);
          expect(new Set(traces)).toEqual(new Set([traceId]));
        }
      }
    });

    test('an error does not spoil the process', async () => {
      const model = await world.model(THREE);
      const lambda = await start();
      errorIn(await lambda.invoke({ model_name: 'no-such-model' }));

      expect(answerIn(await lambda.invoke({ model_name: model }))).toMatchObject({
        outcome: 'ROLLED_BACK',
      });
    });
  });

  describe('is repeated by Lambda:', () => {
    test('the same event three times rolls back once, in one process or another', async () => {
      const tap = await openTap();
      const model = await world.model(THREE);
      const invocation = { requestId: uniqueName('request') };
      const [first, other] = [await start(throughTap(tap)), await start(throughTap(tap))];
      const answers: Answer[] = [];
      for (const lambda of [first, first, other]) {
        answers.push(answerIn(await lambda.invoke({ model_name: model }, invocation)));
      }

      const [original] = answers;
      expect(original).toMatchObject({ outcome: 'ROLLED_BACK', replayed: false });
      expect(answers.slice(1)).toEqual(Array(2).fill({ ...original, replayed: true }));
      await expectOnce(tap, model);
    });

    test('an alarm three times, under another request id each, rolls back once', async () => {
      const tap = await openTap();
      const model = await world.model(THREE);
      const name = uniqueName('alarm');
      const cloudWatch = engine('ministack').url;
      const arn = await putMetricAlarm(cloudWatch, name, { dimensions: { ModelName: model } });
      await setAlarmState(cloudWatch, name, 'ALARM');
      const event = directAlarm({ name, arn, model, atMs: Date.now() });
      const lambda = await start(throughTap(tap));
      const answers: Answer[] = [];
      for (const _ of Array.from({ length: 3 })) {
        answers.push(answerIn(await lambda.invoke(event)));
      }

      const [original] = answers;
      expect(original).toMatchObject({ outcome: 'ROLLED_BACK', replayed: false });
      expect(answers.slice(1).map(({ rollback_id: id, replayed }) => [id, replayed])).toEqual(
        Array(2).fill([original?.rollback_id, true]),
      );
      await expectOnce(tap, model);
    });

    test('what failed twice is done by the third try, once', async () => {
      const tap = await openTap();
      const model = await world.model(THREE);
      const invocation = { requestId: uniqueName('request') };
      const [broken, whole] = [
        await start({ ...throughTap(tap), MLFLOW_TRACKING_URI: 'http://127.0.0.1:1' }),
        await start(throughTap(tap)),
      ];
      for (const _ of Array.from({ length: 2 })) {
        const error = errorIn(await broken.invoke({ model_name: model }, invocation));
        expect(error.errorType).toBe('RegistryUnavailableError');
      }

      const answer = answerIn(await whole.invoke({ model_name: model }, invocation));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', replayed: false });
      await expectOnce(tap, model);
    });
  });

  describe('is killed at the timeout,', () => {
    // Starved of processor time, a function cannot even give up in time.
    test.concurrent.for([
      { name: 'before its move', moment: 'before', live: '3' },
      { name: 'after its move', moment: 'after', live: '2' },
    ] as const)(
      '$name, and finished once by a retry',
      async ({ moment, live }, { onTestFinished: keep }) => {
        const tap = await openTap(keep);
        const model = await world.model(THREE);
        const settings = { ...throughTap(tap), ROLLBACK_WRITE_HORIZON_SECONDS: '1' };
        const [victim, next] = [await start(settings, keep), await start(settings, keep)];
        const invocation = { requestId: uniqueName('request'), timeoutMs: SHORT_TIMEOUT_MS };
        tap.arm({ key: 'transition-stage#1', moment, act: async () => victim.freeze() });

        const error = errorIn(await victim.invoke({ model_name: model }, invocation));

        expect(error.errorType).toBe('Sandbox.Timedout');
        expect(await world.mlflow.liveVersions(model)).toEqual([live]);
        await expect(victim.invoke({})).rejects.toThrow('SIGKILL');

        const told: string[] = [];
        const end = await poll(
          async () => {
            const end = await next.invoke({ model_name: model }, invocation);
            if (end.kind === 'error') told.push(end.error.errorType);
            return end;
          },
          ({ kind }) => kind === 'response',
          { timeoutMs: RETRY_TIMEOUT_MS },
        );
        expect(answerIn(end)).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
        // As long as the lease of the dead run lasts, its model is left alone.
        expect(new Set(told)).toEqual(
          new Set(told.length === 0 ? [] : ['RollbackInProgressError']),
        );
        await expectOnce(tap, model);
      },
    );

    test.concurrent('and a sweep finishes what no retry comes for', async ({
      onTestFinished: keep,
    }) => {
      // A table of its own: a sweep takes whatever is due.
      const table = { ROLLBACK_STATE_TABLE: (await createWorld()).tableName };
      const tap = await openTap(keep);
      const model = await world.model(THREE);
      const settings = { ...throughTap(tap), ...table, ROLLBACK_WRITE_HORIZON_SECONDS: '1' };
      const [victim, sweeper] = [await start(settings, keep), await start(settings, keep)];
      tap.arm({ key: 'transition-stage#1', moment: 'after', act: async () => victim.freeze() });
      errorIn(await victim.invoke({ model_name: model }, { timeoutMs: SHORT_TIMEOUT_MS }));

      const report = await poll(
        async () => bodyIn<SweepReport>(await sweeper.invoke({ sweep: true })),
        ({ resumed }) => resumed > 0,
        { timeoutMs: RETRY_TIMEOUT_MS },
      );

      expect(report).toMatchObject({ resumed: 1, failed: [] });
      await expectOnce(tap, model);
    });
  });

  test('claims nothing when too little time is left, and ends by itself', async () => {
    const tap = await openTap();
    const model = await world.model(THREE);
    const lambda = await start(throughTap(tap));
    const request = { requestId: uniqueName('request') };

    const error = errorIn(
      await lambda.invoke({ model_name: model }, { ...request, timeoutMs: 3_000 }),
    );

    expect(error.errorType).toBe('RegistryUnavailableError');
    expect(error.errorMessage).toMatch(/Too little time/);
    const kinds = new Set(tap.calls.map(({ kind }) => kind));
    expect([...kinds].filter((kind) => /Put|Write|transition|Publish/.test(kind))).toEqual([]);
    expect(answerIn(await lambda.invoke({ model_name: model }, request))).toMatchObject({
      outcome: 'ROLLED_BACK',
      replayed: false,
    });
    await expectOnce(tap, model);
  });
});

// ---------------------------------------------------------------------------------------------------

type Close = () => Promise<void>;

type Spoil = (files: { readonly cache: string; readonly script: string }) => void;

interface LogLine {
  readonly function_request_id?: string;
  readonly cold_start?: boolean;
}

/** @param keep closes it at the end of the test; tests that run at once must not close each other's */
async function start(
  settings: Settings = {},
  keep = closeLater,
  taskRoot = dirname(builtFile('dist/lambda/index.mjs')),
): Promise<LambdaProcess> {
  const lambda = await startLambda({ taskRoot, env: world.env(settings) });
  keep(lambda.close);
  return lambda;
}

function copyOfFunction(): string {
  const folder = mkdtempSync(join(tmpdir(), 'model-rollback-function-'));
  cpSync(dirname(builtFile('dist/lambda/index.mjs')), folder, { recursive: true });
  closeLater(async () => rmSync(folder, { recursive: true }));
  return folder;
}

async function openTap(keep = closeLater): Promise<Tap> {
  const tap = await startTap({
    registry: engine('mlflow').url,
    store: engine('dynamodb').url,
    topic: engine('ministack').url,
  });
  keep(tap.close);
  return tap;
}

function closeLater(close: Close): void {
  closers.push(close);
}

function throughTap({ urls }: Tap): Settings {
  return addresses(urls);
}

function addresses(urls: Tap['urls']): Settings {
  return {
    MLFLOW_TRACKING_URI: urls.registry,
    AWS_ENDPOINT_URL_DYNAMODB: urls.store,
    AWS_ENDPOINT_URL_SNS: urls.topic,
  };
}

function bodyIn<Body>(end: LambdaEnd): Body {
  if (end.kind === 'response') return end.body as Body;
  throw new Error(`expected an answer, got ${JSON.stringify(end.error)}`);
}

function answerIn(end: LambdaEnd): Answer {
  return bodyIn<Answer>(end);
}

function errorIn(end: LambdaEnd): PostedError {
  if (end.kind === 'error') return end.error;
  throw new Error(`expected an error, got ${JSON.stringify(end.body)}`);
}

/** Lines of the log; the metrics have a form of their own. */
function logLines(lambda: LambdaProcess): readonly LogLine[] {
  const lines = lambda.log().trimEnd().split('\n');
  return lines.filter((line) => !line.includes('"_aws"')).map((line) => JSON.parse(line));
}

/** One move, one record, one notice, and the target is live. */
async function expectOnce(tap: Tap, model: string): Promise<void> {
  expect(tap.moves(model)).toHaveLength(1);
  expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
  const subjects = (await world.notices(model)).map(({ subject }) => subject);
  expect(subjects).toEqual([`Model Rollback: ${model}`]);
}
