/** Hooks through the built bundle and the built command, on a server of their own and on functions in MiniStack. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type HttpProxy, type ProxyAct, startHttpProxy } from '../contract/http-proxy.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { deployFunction } from '../engines/lambda-function.ts';
import { createSecret } from '../engines/secrets.ts';
import { runCommand } from './command.ts';
import { CLOCK_OFFSET, startFunction } from './function-process.ts';
import { answerIn } from './reply.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

const ministack = engine('ministack');
const STAGES = ['Archived', 'Archived', 'Production'] as const;
const MLMODEL = (...names: readonly string[]): string =>
  `flavors: {}\nsignature:\n  inputs: '${JSON.stringify(
    names.map((name) => ({ type: 'long', name, required: true })),
  )}'\n  outputs: null\n`;

let world: World;
let server: HttpProxy;
/** How each kind of call is answered. */
let answers: Record<string, ProxyAct>;
let settings: Settings;

const json = (body: object, status = 200): ProxyAct => ({
  kind: 'answer',
  status,
  body: JSON.stringify(body),
});

describe.skipIf(isEngineMissing)(suiteTitle('ROLLBACK_SMOKE_CHECK and ROLLBACK_RELOAD'), () => {
  beforeAll(async () => {
    world = await createWorld();
    server = await startHttpProxy(null, ({ body }) => {
      const { kind } = JSON.parse(body) as { kind: string };
      return answers[kind] ?? { kind: 'reset' };
    });
    const key = 'a-0SECRET-key-of-sixteen-or-more';
    settings = {
      AWS_ENDPOINT_URL_SECRETS_MANAGER: ministack.url,
      ROLLBACK_SMOKE_CHECK: `${server.url}/smoke/0SECRET0SECRET`,
      ROLLBACK_RELOAD: `${server.url}/reload/0SECRET0SECRET`,
      ROLLBACK_WEBHOOK_SECRET_ARN: await createSecret(ministack.url, uniqueName('key'), key),
    };
  });
  afterAll(async () => {
    await server?.close();
  });
  beforeEach(() => {
    answers = { 'smoke-check': json({ ok: true }), reload: json({ serving_version: '2' }) };
  });

  const callsOf = (model: string): readonly string[] =>
    server.requests.flatMap(({ body }) => {
      const call = JSON.parse(body) as { model_name: string; kind: string };
      return call.model_name === model ? [call.kind] : [];
    });

  test.each(['function', 'command'] as const)(
    'the %s checks before the move and reloads after it, signed',
    async (way) => {
      const model = await world.model(STAGES);
      const seen = await rollBackBy(way, model, settings);
      expect(seen.answer).toMatchObject({
        outcome: 'ROLLED_BACK',
        warnings: [],
        serving: { state: 'confirmed', version: '2', tries: 1 },
      });
      expect(callsOf(model)).toEqual(['smoke-check', 'reload']);
      const signed = server.requests.filter(({ body }) => body.includes(model));
      expect(signed.every(({ headers }) => headers['webhook-signature'] !== undefined)).toBe(true);
      expectNoSecret(seen.output, await world.stored(model), await world.notices(model));
    },
  );

  test.each(['function', 'command'] as const)(
    'the %s moves nothing when the smoke check says no, hangs or redirects',
    async (way) => {
      const acts: readonly [ProxyAct, string][] = [
        [json({ ok: false, reason: 'AUC is 0.4' }), 'refused version 2: AUC is 0.4.'],
        [
          { kind: 'answer', status: 302, body: '', headers: { location: '/0SECRET' } },
          'a redirect',
        ],
        [{ kind: 'answer', status: 200, body: 'x'.repeat(10_000_000) }, 'larger than 64 KiB'],
      ];
      for (const [act, text] of acts) {
        answers['smoke-check'] = act;
        const model = await world.model(STAGES);
        const seen = await rollBackBy(way, model, settings);
        expect(seen.answer).toMatchObject({
          outcome: 'REFUSED',
          refusals: [{ code: 'TARGET_UNFIT', message: expect.stringContaining(text) }],
        });
        expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
        expect(callsOf(model)).toEqual(['smoke-check']);
        expectNoSecret(seen.output, await world.stored(model));
      }
    },
  );

  test('an override passes the smoke check, and plan --smoke asks it without a trace', async () => {
    answers['smoke-check'] = json({ ok: false });
    const model = await world.model(STAGES);
    const before = await world.everything(model);
    const planned = await runCommand(['plan', model, '--json'], world.env(settings));
    expect(planned).toMatchObject({ exitCode: 0, json: { plan: { verdict: 'ROLLED_BACK' } } });
    expect(callsOf(model)).toEqual([]);
    const asked = await runCommand(['plan', model, '--smoke', '--json'], world.env(settings));
    expect(asked).toMatchObject({ exitCode: 3, json: { plan: { verdict: 'REFUSED' } } });
    expect(callsOf(model)).toEqual(['smoke-check']);
    expect(await world.everything(model)).toEqual(before);
    const args = ['apply', model, '--yes', '--override', 'TARGET_UNFIT', '--json'];
    const { json: answer } = await runCommand(args, world.env(settings));
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK' });
    expect(callsOf(model)).toEqual(['smoke-check', 'reload']);
  });

  test('servers that do not confirm are a warning, and the sweep makes them reload', async () => {
    answers['reload'] = json({ error: 'busy' }, 503);
    const model = await world.model(STAGES);
    const seen = await rollBackBy('function', model, settings);
    expect(seen.answer).toMatchObject({
      outcome: 'ROLLED_BACK',
      notified: true,
      serving: { state: 'pending' },
      warnings: [{ code: 'SERVING_NOT_CONFIRMED', message: expect.stringContaining('503') }],
    });
    const sweepAt = async (offsetMs: number): Promise<void> => {
      const process = await startFunction(
        world.env({ ...settings, [CLOCK_OFFSET]: String(offsetMs) }),
      );
      expect(answerIn(await process.invoke({ sweep: true }))).toMatchObject({ failed: [] });
      await process.kill();
    };
    await sweepAt(70_000);
    answers['reload'] = json({ serving_version: '2' });
    await sweepAt(300_000);

    const [record] = await world.history(model);
    expect(record).toMatchObject({ warnings: [], serving: { state: 'confirmed', tries: 3 } });
    const subjects = (await world.notices(model)).map(({ subject }) => subject);
    expect(subjects).toEqual([
      `Model Rollback: ${model}`,
      `Model Rollback serving not confirmed: ${model}`,
      `Model Rollback serving confirmed: ${model}`,
    ]);
    const explained = await runCommand(
      ['explain', String(record?.rollback_id)],
      world.env(settings),
    );
    expect(explained.stdout).toMatch(/serving +Serving confirmed version 2 at/);
    expectNoSecret(await world.stored(model), seen.output, explained.stdout);
  });

  test.each(['function', 'command'] as const)('the %s invokes Lambda functions', async (way) => {
    const code = `export const handler = async (call) => call.kind === 'reload'
      ? { serving_version: call.version }
      : { ok: call.version === '2' };`;
    const files = [{ name: 'index.mjs', content: code }];
    const arn = await deployFunction(ministack.url, { files, env: {}, timeoutSeconds: 5 });
    const own = { ROLLBACK_SMOKE_CHECK: arn, ROLLBACK_RELOAD: arn };
    const model = await world.model(STAGES);
    const seen = await rollBackBy(way, model, own);
    expect(seen.answer).toMatchObject({
      outcome: 'ROLLED_BACK',
      serving: { state: 'confirmed', version: '2' },
    });
    const args = ['apply', model, '--to', '1', '--override', 'COOLDOWN', '--yes', '--json'];
    const refused = await runCommand(args, world.env(own));
    expect(refused).toMatchObject({ exitCode: 3, json: { refusals: [{ code: 'TARGET_UNFIT' }] } });
    const { json: checked } = await runCommand(['doctor', '--json'], world.env(own));
    expect(verdictsIn(checked)).toMatchObject({ 'smoke-check': 'ok', reload: 'ok' });
    const gone = { ...own, ROLLBACK_RELOAD: uniqueName('none') };
    const { json: broken } = await runCommand(['doctor', '--json'], world.env(gone));
    expect(verdictsIn(broken)).toMatchObject({ 'smoke-check': 'ok', reload: 'problem' });
  });

  test('doctor reaches the servers of hooks, and calls none', async () => {
    const before = server.requests.length;
    const { json: checked, stdout } = await runCommand(['doctor', '--json'], world.env(settings));
    expect(verdictsIn(checked)).toMatchObject({ 'smoke-check': 'ok', reload: 'ok' });
    expect(server.requests.length).toBe(before);
    expectNoSecret(stdout);
    const away = { ...settings, ROLLBACK_RELOAD: 'http://127.0.0.1:9/0SECRET' };
    const { json: broken } = await runCommand(['doctor', '--json'], world.env(away));
    expect(verdictsIn(broken)).toMatchObject({ reload: 'problem' });
  });

  test('a target whose run is deleted, or that needs more, is refused before anybody is asked', async () => {
    const model = uniqueName('made');
    await world.mlflow.createModel(model);
    const runs = [await world.mlflow.createRun({}, {}), await world.mlflow.createRun({}, {})];
    const [first = '', second = ''] = runs;
    await world.mlflow.createLoggedVersion(model, first, MLMODEL('age', 'zip'));
    await world.mlflow.createLoggedVersion(model, second, MLMODEL('age'));
    await world.mlflow.transition(model, '1', 'Production', true);
    await world.mlflow.transition(model, '2', 'Production', true);

    const refused = await rollBackBy('function', model, settings);
    expect(refused.answer).toMatchObject({
      outcome: 'REFUSED',
      refusals: [{ message: expect.stringContaining('it needs the input "zip"') }],
    });
    await world.mlflow.deleteRun(first);
    const { json: planned } = await runCommand(['plan', model, '--json'], world.env(settings));
    expect(planned).toMatchObject({
      refusals: [{ message: expect.stringMatching(`${first} .*is deleted.*"zip"`) }],
    });
    expect(callsOf(model)).toEqual([]);
  });
});

// ---------------------------------------------------------------------------------------------------

async function rollBackBy(
  way: 'function' | 'command',
  model: string,
  given: Settings,
): Promise<{ readonly answer: unknown; readonly output: string }> {
  if (way === 'command') {
    const args = ['apply', model, '--yes', '--json'];
    const { json: answer, stdout, stderr } = await runCommand(args, world.env(given));
    return { answer, output: stdout + stderr };
  }
  const process = await startFunction(world.env(given));
  const answer = answerIn(await process.invoke({ model_name: model }));
  const output = `${process.log()}${JSON.stringify(answer)}`;
  await process.kill();
  return { answer, output };
}

function verdictsIn(checked: unknown): Readonly<Record<string, string>> {
  const { checks } = checked as { checks: { name: string; verdict: string }[] };
  return Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]));
}

function expectNoSecret(...values: readonly unknown[]): void {
  expect(JSON.stringify(values)).not.toContain('0SECRET');
}
