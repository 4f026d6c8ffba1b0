/** The policy of a model, by the built command and the built bundle, on real engines; with a file too. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { directAlarm } from '../fakes/alarm-events.ts';
import { withCalls } from '../fakes/intercept.ts';
import { type AlarmWorld, ahead, createAlarmWorld, hourMs, minuteMs } from './alarm-world.ts';
import { serveInside } from './inside.ts';
import type { Reply } from './reply.ts';
import { answerIn, failureIn } from './reply.ts';
import { isEngineMissing, type Settings, suiteTitle } from './world.ts';

const THREE = ['Archived', 'Archived', 'Production'] as const;
let world: AlarmWorld;

describe.skipIf(isEngineMissing)(suiteTitle('the policy of a model'), () => {
  beforeAll(async () => {
    world = await createAlarmWorld();
  });
  afterAll(() => world?.close());

  const setBy = async (model: string, policy: object): Promise<Reply> =>
    await world.way.send({
      operation: 'policy-set',
      model_name: model,
      policy,
      reason: 'pays salaries',
      requested_by: 'ana',
    });
  const command = async (args: readonly string[], settings: Settings = {}): Promise<Reply> => {
    const { exitCode, stdout, stderr } = await world.command([...args, '--json'], settings);
    if (exitCode !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Reply;
  };
  const alarmOf = async (model: string, settings: Settings = {}) => {
    const alarm = await world.alarm(model);
    return await world.ask(directAlarm(alarm.red()), settings);
  };
  const hoursUntil = (time: string | null | undefined): number =>
    (Date.parse(time ?? '') - Date.now()) / hourMs;

  test('that an event sets is seen by the command, which can take it back', async () => {
    const model = await world.model(THREE);
    expect(await setBy(model, { mode: 'ask', cooldown_hours: 6 })).toMatchObject({
      operation: 'policy-set',
      changed: true,
      policy: { mode: 'ask', cooldown_hours: 6 },
    });

    expect(await command(['policy', 'get', model], { ROLLBACK_BUDGET: '5/7d' })).toMatchObject({
      model_name: model,
      policy: { mode: 'ask', cooldown_hours: 6 },
      settings: [
        { field: 'mode', value: 'ask', source: 'policy' },
        { field: 'pointer', value: 'stage:Production', source: 'default' },
        { field: 'cooldown_hours', value: 6, source: 'policy' },
        { field: 'budget', value: '5/7d', source: 'ROLLBACK_BUDGET' },
        { field: 'target_rule', value: 'last-good', source: 'default' },
        { field: 'target_max_age', value: 'off', source: 'default' },
        { field: 'promotion_evidence', value: 'off', source: 'default' },
        { field: 'previous_alias', value: 'off', source: 'default' },
        { field: 'smoke_check', value: 'off', source: 'default' },
        { field: 'reload', value: 'off', source: 'default' },
      ],
    });
    const policy = { mode: 'ask', cooldown_hours: 6 };
    expect(await command(['status', model])).toMatchObject({ policy });
    expect(await command(['plan', model])).toMatchObject({ policy });
    const shown = await world.command(['plan', model]);
    expect(shown.stdout).toContain('policy');
    expect(shown.stdout).toContain('mode ask, cooldown_hours 6');

    expect(await command(['policy', 'unset', model, 'mode'])).toMatchObject({
      changed: true,
      policy: { cooldown_hours: 6 },
      requested_by: userInfo().username,
    });
    expect(await command(['history', model, '--decisions'])).toMatchObject([
      { operation: 'policy-unset', what: 'mode' },
      { operation: 'policy-set', requested_by: 'ana', reason: 'pays salaries' },
    ]);
    expect(await command(['policy', 'unset', model, '--all'])).toMatchObject({ policy: {} });
    expect(await command(['status', model])).not.toHaveProperty('policy');
  });

  test('makes an alarm ask a person, and a rollback by it keeps the cooldown of the policy', async () => {
    const model = await world.model(THREE);
    await command([
      'policy',
      'set',
      model,
      '--mode',
      'ask',
      '--cooldown-hours',
      '48',
      '--reason',
      'why',
    ]);
    const waiting = await alarmOf(model);
    expect(waiting).toMatchObject({ outcome: 'AWAITING_APPROVAL', to_version: '2' });
    expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
    const approved = await command(['approve', waiting.rollback_id ?? '', '--yes']);
    expect(approved).toMatchObject({ outcome: 'ROLLED_BACK', pointer: 'stage:Production' });
    const again = answerIn(await world.way.ask({ model_name: model, target_version: '1' }));
    expect(again.refusals.map(({ code }) => code)).toEqual(['COOLDOWN']);
    expect(hoursUntil(again.refusals[0]?.clears_at)).toBeGreaterThan(47);
    expect(again.refusals[0]?.message).toContain('by the policy of the model');
  });

  test('lets the alarms of one model act where all others are only observed', async () => {
    const [model, other] = [await world.model(THREE), await world.model(THREE)];
    await setBy(model, { mode: 'act' });
    const observe = { ROLLBACK_MODE: 'observe' };
    expect(await alarmOf(model, observe)).toMatchObject({ outcome: 'ROLLED_BACK' });
    expect(await alarmOf(other, observe)).toMatchObject({ outcome: 'OBSERVED' });
  });

  test('names the pointer that requests, alarms and undo are about', async () => {
    const model = await world.model(['None', 'None', 'None']);
    await world.mlflow.setAlias(model, 'champion', '3');
    await world.mlflow.setAlias(model, 'champion-previous', '1');
    await setBy(model, { pointer: 'alias:champion' });

    expect(await alarmOf(model)).toMatchObject({
      outcome: 'ROLLED_BACK',
      pointer: 'alias:champion',
      from_version: '3',
      to_version: '1',
    });
    expect(await world.mlflow.aliases(model)).toMatchObject({ champion: '1' });
    expect(await command(['status', model])).toMatchObject({
      pointer: 'alias:champion',
      live_versions: ['1'],
    });
    const undone = await command(['undo', model, '--yes']);
    expect(undone).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '3' });
    expect(await world.mlflow.aliases(model)).toMatchObject({ champion: '3' });
  });

  test('that names another pointer closes the alarm that was refused, and that is announced', async () => {
    const model = await world.model(THREE);
    answerIn(await world.way.ask({ model_name: model }));
    const refused = await alarmOf(model);
    expect(refused.refusals.map(({ code }) => code)).toEqual(['COOLDOWN']);
    await world.mlflow.setAlias(model, 'champion', '3');
    await setBy(model, { pointer: 'alias:champion' });
    await world.sweep(ahead(61 * minuteMs));
    expect((await world.recorded(refused)).alarm).toMatchObject({ watch: 'pointer-changed' });
    const subjects = (await world.notices(model)).map(({ subject }) => subject);
    expect(subjects).toContain(`Model Rollback alarm closed: ${model}`);
  });

  test('that changes between plan and claim loses the claim, and what is read next counts', async () => {
    const model = await world.model(THREE);
    await world.mlflow.setAlias(model, 'champion', '2');
    await world.mlflow.setAlias(model, 'champion-previous', '1');
    let writes = 0;
    const asked = { model_name: model, target_version: '1' };
    const reply = await serveInside(world.env(), asked, (deps) =>
      withCalls(deps, {
        store: {
          write: async (next) => {
            writes += 1;
            if (writes === 1) await setBy(model, { pointer: 'alias:champion' });
            return await next();
          },
        },
      }),
    );
    expect(answerIn(reply)).toMatchObject({
      rolled_back: true,
      pointer: 'alias:champion',
      from_version: '2',
      to_version: '1',
    });
    expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
    expect(await world.mlflow.aliases(model)).toMatchObject({ champion: '1' });
  });

  test('names the smoke check that is asked, and the reload that is called', async () => {
    const asked: { kind: string; version: string }[] = [];
    let isOk = false;
    const server = createServer(async (request, response) => {
      asked.push(JSON.parse(await text(request)));
      response.end(JSON.stringify({ ok: isOk, reason: 'AUC is 0.4' }));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/0SECRET`;
    const model = await world.model(THREE);
    const shown = await setBy(model, { smoke_check: url, reload: url, target_max_age: '90d' });
    expect(JSON.stringify(shown)).not.toContain('SECRET');
    expect(JSON.stringify(await command(['status', model]))).not.toContain('SECRET');

    const refused = answerIn(await world.way.ask({ model_name: model }));
    expect(refused.refusals.map(({ code }) => code)).toEqual(['TARGET_UNFIT']);
    expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
    isOk = true;
    const done = answerIn(await world.way.ask({ model_name: model }));
    expect(done).toMatchObject({ rolled_back: true, serving: { state: 'confirmed' } });
    expect(asked.map(({ kind, version }) => `${kind} ${version}`)).toEqual([
      'smoke-check 2',
      'smoke-check 2',
      'reload 2',
    ]);
  });

  test('pauses automation when its budget is used up', async () => {
    const model = await world.model(THREE);
    await setBy(model, { budget: '1/2h', cooldown_hours: 0 });
    const done = answerIn(await world.way.ask({ model_name: model }));
    const paused = done.warnings.find(({ code }) => code === 'AUTOMATION_PAUSED');
    expect(paused?.message).toContain('budget in the policy of the model');
    expect(await alarmOf(model)).toMatchObject({ refusals: [{ code: 'PAUSED' }] });
  });

  test('keeps what two people set at once', async () => {
    const model = await world.model(THREE);
    await Promise.all([
      setBy(model, { mode: 'ask' }),
      command(['policy', 'set', model, '--budget', '2/1d', '--reason', 'b']),
      command(['policy', 'set', model, '--target-rule', 'latest-archived', '--reason', 'c']),
    ]);
    const { policy } = (await command(['policy', 'get', model])) as unknown as { policy: object };
    expect(policy).toEqual({ mode: 'ask', budget: '2/1d', target_rule: 'latest-archived' });
    expect(await command(['history', model, '--decisions'])).toHaveLength(3);
  });

  test.each([
    [{ policy: { mod: 'ask' } }, 'did you mean "mode"?'],
    [{ policy: { pointer: 'champion' } }, 'pointer must be `stage:Production` or'],
    [{ policy: JSON.parse('{"__proto__": {"mode": "ask"}}') }, 'is no field of a policy'],
    [{ policy: { mode: 'ask' }, reason: null }, 'policy-set needs a reason'],
    [{ polcy: { mode: 'ask' } }, 'did you mean "policy"?'],
  ])('is refused as %j, and nothing is written', async (fields, message) => {
    const model = await world.model(THREE);
    const before = await world.everything(model);
    const event = { operation: 'policy-set', model_name: model, reason: 'why', ...fields };
    const failure = failureIn(await world.way.send(event));
    expect(failure).toMatchObject({ errorType: 'InvalidRequestError' });
    expect(failure.message).toContain(message);
    expect(await world.everything(model)).toEqual(before);
  });

  test('works with a file as with a table', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'model-rollback-policy-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const settings: Settings = {
      ROLLBACK_STATE_TABLE: '',
      ROLLBACK_STORE: `sqlite:${join(folder, 'state.sqlite')}`,
    };
    const model = await world.model(['None', 'None', 'None']);
    await world.mlflow.setAlias(model, 'champion', '3');
    const fields = ['--pointer', 'alias:champion', '--cooldown-hours', '6', '--reason', 'why'];
    await command(['policy', 'set', model, ...fields], settings);
    const done = answerIn(await command(['apply', model, '--to', '2', '--yes'], settings));
    expect(done).toMatchObject({ rolled_back: true, pointer: 'alias:champion' });
    const status = await world.command(['status', model], settings);
    expect(status.stdout).toContain('pointer alias:champion, cooldown_hours 6');
    const { stdout } = await world.command(
      ['apply', model, '--to', '1', '--yes', '--json'],
      settings,
    );
    const refused = answerIn(JSON.parse(stdout) as Reply);
    expect(refused.refusals.map(({ code }) => code)).toEqual(['COOLDOWN']);
    expect(hoursUntil(refused.refusals[0]?.clears_at)).toBeLessThan(6.01);
  });
});
