/**
 * What people get wrong: requests, addresses, logins, settings. Each gets a named error whose message
 * says what to do, and nothing is written: not to the registry, not to the table, not to the topic.
 */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWatchedTopic, receiveNotices } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { freePort } from '../engines/processes.ts';
import { GUARD_LOGIN, type RunningEngine, startMlflow } from '../engines/start.ts';
import { runCommand } from './command.ts';
import { type FunctionProcess, startFunction } from './function-process.ts';
import { runInside, serveInside } from './inside.ts';
import { answerIn, type Failure, failureIn, type Reply } from './reply.ts';
import { type FunctionWay, functionWay, replyOf } from './ways.ts';
import {
  createWorld,
  isEngineMissing,
  type Settings,
  type Stored,
  suiteTitle,
  type World,
} from './world.ts';

/** Nothing is ever written here, so that whatever is written shows. */
let world: World;
let way: FunctionWay;
/** For requests that are carried out. */
let busy: World;
let busyWay: FunctionWay;
/** A model that could be rolled back at any time, and how all was before the first test. */
let victim = '';
let untouched: Stored;

/** The registry and the table; that no notice was sent is seen once, at the end. */
async function expectUntouched(): Promise<void> {
  expect(await world.stored(victim)).toEqual(untouched);
}

function expectFailure(reply: Reply, errorType: string, message: RegExp): Failure {
  const failure = failureIn(reply);
  expect(failure).toEqual({
    errorType,
    message: expect.stringMatching(message),
    code: errorType
      .replace(/Error$/, '')
      .replaceAll(/(?<=[a-z])[A-Z]/g, '_$&')
      .toUpperCase(),
  });
  return failure;
}

/** One request in a function process of its own, with other settings. */
async function invokeWith(
  settings: Settings,
  event: unknown = { model_name: victim },
  remainingMs = 120_000,
): Promise<Reply> {
  let process: FunctionProcess | undefined;
  try {
    process = await startFunction(world.env(settings));
    return await process.invoke(event, { remainingMs });
  } finally {
    await process?.kill();
  }
}

/** Settings that lead to the busy world. */
function inBusyWorld(settings: Settings = {}): Settings {
  return {
    ROLLBACK_STATE_TABLE: busy.tableName,
    ALERT_SNS_TOPIC_ARN: busy.topicArn,
    ...settings,
  };
}

async function applyWith(settings: Settings, args: readonly string[] = [victim]): Promise<Reply> {
  return replyOf(await runCommand(['apply', ...args, '--yes', '--json'], world.env(settings)));
}

function bothWith(settings: Settings): Promise<Reply[]> {
  return Promise.all([invokeWith(settings), applyWith(settings)]);
}

async function applyInside(settings: Settings, args: readonly string[] = [victim]): Promise<Reply> {
  return replyOf(await runInside(['apply', ...args, '--yes', '--json'], world.env(settings)));
}

function invokeInside(settings: Settings, event: unknown = { model_name: victim }): Promise<Reply> {
  return serveInside(world.env(settings), event);
}

function bothInside(settings: Settings): Promise<Reply[]> {
  return Promise.all([invokeInside(settings), applyInside(settings)]);
}

describe.skipIf(isEngineMissing)(suiteTitle('bad input'), () => {
  beforeAll(async () => {
    [world, busy] = await Promise.all([createWorld(), createWorld()]);
    [way, busyWay] = [functionWay(world), functionWay(busy)];
    victim = await world.model(['Archived', 'Archived', 'Production'], 'victim');
    untouched = await world.stored(victim);
  });
  afterAll(() => Promise.all([way?.close(), busyWay?.close()]));

  describe('an event that is no request', () => {
    afterAll(expectUntouched);

    test.each<[unknown, RegExp]>([
      [null, /JSON object such as \{"model_name".*null/],
      [[], /JSON object.*array/],
      [[{ model_name: 'victim' }], /JSON object.*array/],
      ['victim', /JSON object.*string/],
      ['', /JSON object.*string/],
      [42, /JSON object.*number/],
      [true, /JSON object.*boolean/],
      [{}, /model_name is missing/],
      [{ model_name: null }, /model_name is missing/],
      [{ input: { model_name: 'victim' } }, /model_name is missing/],
    ])('is refused: %j', async (event, message) => {
      expectFailure(await way.send(event), 'InvalidRequestError', message);
    });
  });

  describe('a misspelt field', () => {
    afterAll(expectUntouched);

    test.each([
      'dryrun',
      'dry-run',
      'Dry_Run',
      'DRY_RUN',
      'dryRun',
      'dry_rn',
      'dyr_run',
      'is_dry_run',
      'dry',
      'preview',
      'Preview',
      'simulate',
      'simulation',
      'what_if',
      'whatIf',
      'noop',
      'no_op',
      'test',
      'check',
    ])('never rolls back for real: %s', async (field) => {
      const reply = await way.send({ model_name: victim, [field]: true });

      const { message } = expectFailure(reply, 'InvalidRequestError', /"?dry_run"?/);
      expect(message).toContain(JSON.stringify(field));
    });

    test.each([
      ['modelname', 'model_name'],
      ['target_verson', 'target_version'],
      ['targetVersion', 'target_version'],
      ['resaon', 'reason'],
      ['alarmName', 'alarm_name'],
      ['requestid', 'request_id'],
      ['expected_form_version', 'expected_from_version'],
      ['override', 'overrides'],
      ['requested_buy', 'requested_by'],
    ])('is told what it was meant to be: %s', async (field, known) => {
      const reply = await way.send({ model_name: victim, [field]: 'x' });

      expectFailure(reply, 'InvalidRequestError', new RegExp(`"${field}".*"${known}"`));
    });

    test('is refused also when it is the only name of the model', async () => {
      const reply = await way.send({ modelname: victim });
      expectFailure(reply, 'InvalidRequestError', /model_name/);
    });
  });

  test('a field that is far from every known one is ignored with a warning', async () => {
    const farFields = { test_results: {}, Execution: { Id: 'x' }, checkpoint: 1, __proto__: {} };

    const answer = answerIn(await way.send({ model_name: victim, dry_run: true, ...farFields }));

    expect(answer.outcome).toBe('DRY_RUN');
    expect(answer.warnings).toMatchObject([{ code: 'UNKNOWN_FIELDS' }]);
    expect(answer.warnings[0]?.message).toContain('"test_results", "Execution", "checkpoint"');
    await expectUntouched();
  });

  test('thousands of unknown fields give one short warning', async () => {
    const entries = Array.from({ length: 5_000 }, (_, index) => [`state_input_${index}`, index]);
    const event = { model_name: victim, dry_run: true, ...Object.fromEntries(entries) };

    const answer = answerIn(await way.send(event));

    expect(answer.warnings).toHaveLength(1);
    expect(answer.warnings[0]?.message).toMatch(/5000/);
    expect(answer.warnings[0]?.message.length).toBeLessThan(1_000);
  });

  describe('a wrong value', () => {
    afterAll(expectUntouched);

    test.each<[string, unknown, RegExp]>([
      ['dry_run', 'true', /true or false/],
      ['dry_run', 'false', /true or false/],
      ['dry_run', 1, /true or false/],
      ['dry_run', {}, /true or false/],
      ['target_version', 2, /string of digits such as "2"/],
      ['target_version', ['2'], /string of digits/],
      ['target_version', '02', /without leading zero.*"02"/],
      ['target_version', '0', /without leading zero/],
      ['target_version', '-1', /string of digits.*"-1"/],
      ['target_version', '1.5', /string of digits.*"1\.5"/],
      ['target_version', '1e1', /string of digits/],
      ['target_version', ' 2', /string of digits/],
      ['target_version', '2\n', /string of digits/],
      ['target_version', '٢', /string of digits/],
      ['target_version', '', /string of digits/],
      ['target_version', '9'.repeat(400), /string of digits/],
      ['target_version', "2' OR version_number > 0", /string of digits/],
      ['expected_from_version', '03', /without leading zero/],
      ['expected_from_version', 3, /string of digits/],
      ['overrides', 'COOLDOWN', /list such as \["COOLDOWN"\]/],
      ['overrides', ['NOPE'], /"NOPE".*COOLDOWN, QUARANTINED/],
      ['overrides', ['cooldown'], /Allowed: COOLDOWN/],
      ['overrides', [1], /Allowed: COOLDOWN/],
      ['overrides', ['LIVE_VERSION_CHANGED'], /cannot be overridden/],
      ['overrides', Array.from({ length: 1_000 }, () => 'COOLDOWN'), /1000 entries/],
      ['reason', 'BECAUSE', /one of MANUAL_REQUEST, PERFORMANCE_DEGRADATION.*"BECAUSE"/],
      ['reason', 'manual_request', /one of MANUAL_REQUEST/],
      ['reason', '', /one of MANUAL_REQUEST/],
      ['reason', 7, /one of MANUAL_REQUEST/],
      ['reason', 'toString', /one of MANUAL_REQUEST/],
      ['model_name', 5, /model_name must be a string/],
      ['model_name', ['victim'], /model_name must be a string/],
      ['model_name', '', /model_name must not be empty/],
      ['model_name', '   ', /model_name must not be blank/],
      ['model_name', 'n'.repeat(10_000), /model_name.*10000 characters; at most/],
      ['model_name', `it's "both"`, /both kinds of quotes/],
      ['model_name', 'two\nlines', /control characters/],
      ['model_name', 'nul\u0000', /control characters/],
      ['model_name', 'half \ud83d', /model_name/],
      ['alarm_name', 5, /alarm_name must be a string/],
      ['alarm_name', '', /alarm_name must not be empty/],
      ['alarm_name', 'n'.repeat(10_000), /alarm_name.*10000 characters/],
      ['request_id', 5, /request_id must be a string/],
      ['request_id', '', /request_id must not be empty/],
      ['request_id', 'n'.repeat(257), /request_id.*257 characters/],
      ['requested_by', {}, /requested_by must be a string/],
      ['requested_by', 'n'.repeat(10_000), /requested_by.*10000 characters/],
    ])('of %s is refused: %j', async (field, value, message) => {
      const reply = await way.send({ model_name: victim, [field]: value });

      const failure = expectFailure(reply, 'InvalidRequestError', message);
      expect(failure.message).toContain(field);
      expect(failure.message.length).toBeLessThan(500);
    });

    const wrongFlags: [readonly string[], RegExp][] = [
      [['--to=02'], /target_version.*"02"/],
      [['--to=-1'], /target_version.*"-1"/],
      [['--to=1.5'], /target_version.*"1\.5"/],
      [['--to='], /target_version/],
      [[`--to=${'9'.repeat(400)}`], /target_version/],
      [['--expect-from=x'], /expected_from_version/],
      [['--reason=BECAUSE'], /one of MANUAL_REQUEST/],
      [['--override=NOPE'], /Allowed: COOLDOWN/],
      [['--request-id='], /request_id must not be empty/],
      [[`--alarm=${'n'.repeat(10_000)}`], /10000 characters/],
    ];
    test.each(wrongFlags)('of the command is refused: %j', async (args, message) => {
      const reply = await applyInside({}, [victim, ...args]);

      expectFailure(reply, 'InvalidRequestError', message);
    });

    test.each(wrongFlags.filter(([[flag]]) => /^--(to=02|reason|request-id)/.test(flag ?? '')))(
      'of the command as a process is refused: %j',
      async (args, message) => {
        const reply = await applyWith({}, [victim, ...args]);

        expectFailure(reply, 'InvalidRequestError', message);
      },
    );

    test.each([`it's "both"`, 'n'.repeat(10_000)])(
      'of MODEL is refused by every verb: %j',
      async (name) => {
        const lines = [['plan'], ['apply', '--yes'], ['history'], ['status'], ['release']];
        const results = await Promise.all(
          lines.map(([verb, ...options]) =>
            runInside(
              [verb ?? '', name, ...(verb === 'release' ? ['1'] : []), ...options, '--json'],
              world.env(),
            ),
          ),
        );
        for (const result of results) {
          expectFailure(replyOf(result), 'InvalidRequestError', /model_name/);
        }
      },
    );
  });

  describe('a name that no registered model has', () => {
    const names = [
      'nowhere',
      'a/b',
      'a:b',
      '..',
      '%',
      "x' OR name LIKE '%",
      'x" OR name LIKE "%',
      '__proto__',
      'n'.repeat(256),
      '模型',
    ];
    const message = /no registered model of this name.*model_name/;
    test.each(names)('is said to be unknown: %j', async (name) => {
      const [sent, applied] = await Promise.all([
        way.send({ model_name: name }),
        applyInside({}, [name]),
      ]);

      for (const reply of [sent, applied]) expectFailure(reply, 'ModelNotFoundError', message);
      await expectUntouched();
    });

    test.each(['nowhere', '模型'])('is said to be unknown by a process: %j', async (name) => {
      expectFailure(await applyWith({}, [name]), 'ModelNotFoundError', message);
    });
  });

  describe('an odd name that a registered model has', () => {
    test.each([
      "o'brien",
      'say "yes"',
      '模型 🚀 ü',
      'percent % and _ and \\',
      'a#b?c&d=e+f',
      '-dash',
      '<b>{"x"}',
    ])('is rolled back like any other: %j', async (prefix) => {
      const model = await busy.model(['Archived', 'Archived', 'Production'], prefix);

      const answer = answerIn(await busyWay.send({ model_name: model }));

      expect(answer).toMatchObject({ model_name: model, outcome: 'ROLLED_BACK', to_version: '2' });
      expect(answer.notified).toBe(true);
      expect(await busy.mlflow.liveVersions(model)).toEqual(['2']);
      const [notice, ...others] = await busy.notices(model);
      expect(others).toEqual([]);
      expect(notice?.subject).toMatch(/^Model Rollback: [\x20-\x7e]+$/);
      if (!model.startsWith('-')) expect(await busy.history(model)).toEqual([answer]);
    });

    test('keeps the subject of its notice below 100 characters', async () => {
      const model = await busy.model(['Archived', 'Production'], 'long'.repeat(50));

      answerIn(await busyWay.send({ model_name: model }));

      const [notice] = await busy.notices(model);
      expect(notice?.subject.length).toBeLessThan(100);
      expect(notice?.subject).toMatch(/^Model Rollback: (long)+/);
      expect(notice?.message['model_name']).toBe(model);
    });
  });

  describe('a text for people', () => {
    test.each([
      'line\nbreak and \u001b[31mred',
      'nul \u0000 inside',
      'half \ud83d of a pair',
      '🚀'.repeat(128),
    ])('passes through to record and notice: %j', async (text) => {
      const model = await busy.model(['Archived', 'Production']);

      const answer = answerIn(
        await busyWay.send({ model_name: model, alarm_name: text, requested_by: text }),
      );

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', alarm_name: text, notified: true });
      expect(await busy.history(model)).toMatchObject([{ alarm_name: text }]);
      const [notice] = await busy.notices(model);
      expect(notice?.message).toMatchObject({ triggered_by: text, requested_by: text });
    });
  });

  describe('an unknown version', () => {
    test.each(['4', '99', '999999999999999'])('is said to be unknown: %s', async (version) => {
      const [sent, applied] = await Promise.all([
        way.send({ model_name: victim, target_version: version }),
        applyInside({}, [victim, `--to=${version}`]),
      ]);

      for (const reply of [sent, applied]) {
        expectFailure(reply, 'VersionNotFoundError', new RegExp(version));
      }
      await expectUntouched();
    });
  });

  describe('a wrong address of the registry', () => {
    test('with nobody behind it is unavailable', async () => {
      const uri = `http://127.0.0.1:${await freePort()}`;
      for (const reply of await bothWith({ MLFLOW_TRACKING_URI: uri })) {
        expectFailure(reply, 'RegistryUnavailableError', /ECONNREFUSED.*Check MLFLOW_TRACKING_URI/);
      }
      await expectUntouched();
    });

    test('whose host does not exist is unavailable', async () => {
      for (const reply of await bothWith({ MLFLOW_TRACKING_URI: 'http://mlflow.invalid' })) {
        expectFailure(reply, 'RegistryUnavailableError', /mlflow\.invalid.*MLFLOW_TRACKING_URI/);
      }
      await expectUntouched();
    });

    const html = '<!doctype html><html><style>p{}</style><body>Sign in, please</body></html>';
    const servers: [string, number, string, string, string, RegExp][] = [
      ['a web page', 200, 'text/html', html, 'RegistryRefusedError', /MLFLOW_TRACKING_URI/],
      ['other JSON', 200, 'application/json', '{"ok":1', 'RegistryRefusedError', /MLFLOW_TRACK/],
      ['a web page of 404', 404, 'text/html', html, 'RegistryRefusedError', /path prefix/],
      ['a login page', 302, 'text/html', '', 'RegistryRefusedError', /Redirects are not followed/],
      ['a refusal', 403, 'text/plain', 'no', 'RegistryRefusedError', /403.*permission/],
      ['an outage', 503, 'text/html', html, 'RegistryUnavailableError', /503.*Try again/],
      ['a crash', 500, 'text/plain', 'boom', 'RegistryUnavailableError', /500.*Try again/],
      ['a throttle', 429, 'text/plain', 'slow', 'RegistryUnavailableError', /429.*Try again/],
    ];
    for (const [what, status, type, body, errorType, message] of servers) {
      test(`where ${what} answers is a ${errorType}`, async () => {
        await using server = await httpServer((_, response) => {
          const headers = { 'content-type': type, location: 'http://127.0.0.1:9/login' };
          response.writeHead(status, headers).end(body);
        });
        const both = status === 302 ? bothWith : bothInside;
        for (const reply of await both({ MLFLOW_TRACKING_URI: server.url })) {
          const failure = expectFailure(reply, errorType, message);
          expect(failure.message).not.toMatch(/<|\n/);
        }
        await expectUntouched();
      });
    }

    test('that never answers is given up in time', async () => {
      await using server = await httpServer(() => undefined);

      const settings = { MLFLOW_TRACKING_URI: server.url };
      const reply = await invokeWith(settings, { model_name: victim }, 4_000);

      const { message } = expectFailure(reply, 'RegistryUnavailableError', /no answer within/);
      // A second of the four is kept, for the answer to get out.
      expect(Number(/within (\d+) ms/.exec(message)?.[1])).toBeLessThanOrEqual(3_000);
      await expectUntouched();
    });

    test('that answers without end is given up', async () => {
      await using server = await httpServer((_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const timer = setInterval(() => response.write(' '.repeat(1_000_000)), 5);
        response.on('close', () => clearInterval(timer));
      });

      const settings = { MLFLOW_TRACKING_URI: server.url };
      const reply = await invokeWith(settings, { model_name: victim }, 10_000);

      expect(failureIn(reply).errorType).toMatch(/^Registry(Unavailable|Refused)Error$/);
      expect(failureIn(reply).message).toMatch(/larger than|no answer/);
      await expectUntouched();
    });
  });

  describe('a login', () => {
    const server = engine('guarded');
    const admin = GUARD_LOGIN;
    const reader = { username: uniqueName('reader'), password: 'may read, not write' } as const;
    const registry = new MLflowAdmin(server.url, admin);
    let model = '';

    beforeAll(async () => {
      model = uniqueName('guarded');
      await registry.seedModel(model, ['Archived', 'Archived', 'Production']);
      await registry.createUser(reader);
    });

    function loginAs(user?: { username: string; password: string }): Settings {
      return {
        ...inBusyWorld(),
        MLFLOW_TRACKING_URI: server.url,
        ...(user && {
          MLFLOW_TRACKING_USERNAME: user.username,
          MLFLOW_TRACKING_PASSWORD: user.password,
        }),
      };
    }

    const wrong: [string, () => Settings][] = [
      ['that is missing', () => loginAs()],
      ['with a wrong password', () => loginAs({ ...admin, password: 'wrong-pass-word' })],
      ['of nobody', () => loginAs({ username: 'nobody', password: 'wrong-pass-word' })],
      ['by a token', () => ({ ...loginAs(), MLFLOW_TRACKING_TOKEN: 'wrong-pass-word' })],
    ];
    for (const [what, settings] of wrong) {
      test(`${what} is refused, and the message names the variables`, async () => {
        const replies = await Promise.all([
          invokeInside(settings(), { model_name: model }),
          what === 'by a token' ? applyWith(settings(), [model]) : applyInside(settings(), [model]),
        ]);

        for (const reply of replies) {
          const { message } = expectFailure(
            reply,
            'RegistryRefusedError',
            /401.*MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD/,
          );
          expect(message).not.toContain('wrong-pass-word');
        }
        expect(await registry.liveVersions(model)).toEqual(['3']);
        expect(await busy.history(model)).toEqual([]);
      });
    }

    test('that may only read fails before any effect, on record and with a notice', async () => {
      const reply = await invokeWith(loginAs(reader), { model_name: model });

      const { message } = expectFailure(reply, 'RegistryRefusedError', /403.*permission EDIT/);
      expect(message).not.toContain(reader.password);
      expect(await registry.liveVersions(model)).toEqual(['3']);
      const [record, ...others] = await busy.history(model);
      expect(others).toEqual([]);
      expect(record).toMatchObject({ outcome: 'FAILED', rolled_back: false, live_versions: ['3'] });
      const [notice] = await busy.notices(model);
      expect(notice?.subject).toBe(`Model Rollback failed: ${model}`);
    });

    test('within the address works, and shows nowhere', async () => {
      const login = `${admin.username}:${encodeURIComponent(admin.password)}@`;
      const address = server.url.replace('://', `://${login}`);

      const reply = await invokeWith(inBusyWorld({ MLFLOW_TRACKING_URI: address }), {
        model_name: model,
        request_id: uniqueName('key'),
      });

      const answer = answerIn(reply);
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '3', to_version: '2' });
      const { items, notices } = await busy.everything(model);
      const shown = JSON.stringify([answer, items, notices]);
      expect(shown).not.toContain(admin.password);
      expect(shown).not.toContain(encodeURIComponent(admin.password));
      expect(shown).not.toContain('admin:');
    });
  });

  describe('a path prefix', () => {
    let server: RunningEngine;

    beforeAll(async () => {
      server = await startMlflow({ staticPrefix: '/tools/mlflow' });
    });
    afterAll(() => server?.stop());

    test('that is missing from the address is asked for', async () => {
      const uri = new URL(server.url).origin;
      for (const reply of await bothWith({ MLFLOW_TRACKING_URI: uri })) {
        expectFailure(reply, 'RegistryRefusedError', /path prefix in MLFLOW_TRACKING_URI/);
      }
      await expectUntouched();
    });

    test.each(['', '/', '//'])('works with %j behind it', async (end) => {
      const registry = new MLflowAdmin(server.url);
      const model = uniqueName('prefixed');
      await registry.seedModel(model, ['Archived', 'Production']);

      const settings = inBusyWorld({ MLFLOW_TRACKING_URI: `${server.url}${end}` });
      const answer = answerIn(await invokeInside(settings, { model_name: model }));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', warnings: [] });
      expect(answer.plan?.registry).toBe(server.url);
      expect(await registry.liveVersions(model)).toEqual(['1']);
    });
  });

  describe('a state table', () => {
    test('that is missing is named, with how to make it', async () => {
      for (const reply of await bothWith({ ROLLBACK_STATE_TABLE: 'no-such-table' })) {
        expectFailure(
          reply,
          'ConfigurationError',
          /ROLLBACK_STATE_TABLE.*"no-such-table".*create-table/,
        );
      }
      await expectUntouched();
    });

    test('that cannot be reached is unavailable', async () => {
      const endpoint = `http://127.0.0.1:${await freePort()}`;
      for (const reply of await bothWith({ AWS_ENDPOINT_URL_DYNAMODB: endpoint })) {
        expectFailure(reply, 'StateStoreUnavailableError', /state table.*Try again/);
      }
      await expectUntouched();
    });

    test('without credentials is a matter of configuration', async () => {
      const settings = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' };
      for (const reply of await bothWith(settings)) {
        expectFailure(reply, 'ConfigurationError', /credentials.*AWS_PROFILE/);
      }
      await expectUntouched();
    });

    test('without a region is a matter of configuration', async () => {
      for (const reply of await bothWith({ AWS_REGION: '', AWS_DEFAULT_REGION: '' })) {
        expectFailure(reply, 'ConfigurationError', /AWS_REGION/);
      }
      await expectUntouched();
    });
  });

  describe('a topic that is missing', () => {
    test('does not stop the rollback; the notice waits for it', async () => {
      const model = await busy.model(['Archived', 'Archived', 'Production']);
      const topicName = uniqueName('late');
      const topicArn = busy.topicArn.replace(/[^:]+$/, topicName);
      const settings = inBusyWorld({ ALERT_SNS_TOPIC_ARN: topicArn });
      const event = { model_name: model, request_id: 'without-topic' };

      const answer = answerIn(await invokeWith(settings, event));
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2', notified: false });
      expect(answer.warnings).toMatchObject([{ code: 'NOTICE_NOT_SENT' }]);
      expect(await busy.mlflow.liveVersions(model)).toEqual(['2']);
      expect(await busy.history(model)).toMatchObject([
        { outcome: 'ROLLED_BACK', notified: false },
      ]);

      const { queueUrl } = await createWatchedTopic(engine('ministack').url, topicName);
      const replayed = answerIn(await invokeWith(settings, event));
      const again = answerIn(await invokeWith(settings, event));

      expect(replayed).toMatchObject({ replayed: true, notified: true });
      expect(replayed.timestamp).toBe(answer.timestamp);
      expect(again).toMatchObject({ replayed: true, notified: true });
      const notices = await receiveNotices(queueUrl, { count: 2, timeoutMs: 500 });
      expect(notices.map(({ subject }) => subject)).toEqual([`Model Rollback: ${model}`]);
    });

    test('that cannot be reached does not stop the rollback either', async () => {
      const model = await busy.model(['Archived', 'Production']);
      const endpoint = `http://127.0.0.1:${await freePort()}`;
      const settings = inBusyWorld({ AWS_ENDPOINT_URL_SNS: endpoint });

      const answer = answerIn(await applyWith(settings, [model]));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', notified: false });
      expect(await busy.mlflow.liveVersions(model)).toEqual(['1']);
    });
  });

  describe('a setting', () => {
    afterAll(expectUntouched);

    const wrong: [Settings, RegExp][] = [
      [{ MLFLOW_TRACKING_URI: '' }, /^MLFLOW_TRACKING_URI is not set.*https:\/\//],
      [{ MLFLOW_TRACKING_URI: 'mlflow.example.com' }, /"mlflow\.example\.com".*http or https/],
      [{ MLFLOW_TRACKING_URI: 'file:///tmp/mlruns' }, /http or https/],
      [{ MLFLOW_TRACKING_URI: 'databricks' }, /what Databricks needs|^DATABRICKS_HOST is not set/],
      [{ MLFLOW_TRACKING_URI: 'http://host/#/models' }, /without \? and #/],
      [{ MLFLOW_REGISTRY_URI: 'sqlite:///x.db' }, /^MLFLOW_REGISTRY_URI.*http or https/],
      [{ MLFLOW_TRACKING_USERNAME: 'me' }, /MLFLOW_TRACKING_PASSWORD is not set/],
      [{ MLFLOW_TRACKING_PASSWORD: 'secret' }, /MLFLOW_TRACKING_USERNAME is not set/],
      [{ MLFLOW_TRACKING_TOKEN: 'a secret' }, /MLFLOW_TRACKING_TOKEN/],
      [{ MLFLOW_WORKSPACE: 'Not Allowed' }, /MLFLOW_WORKSPACE is "Not Allowed".*lower-case/],
      [{ ROLLBACK_COOLDOWN_HOURS: 'abc' }, /ROLLBACK_COOLDOWN_HOURS is "abc".*hours from 0/],
      [{ ROLLBACK_COOLDOWN_HOURS: '-1' }, /ROLLBACK_COOLDOWN_HOURS is "-1"/],
      [{ ROLLBACK_COOLDOWN_HOURS: '24h' }, /ROLLBACK_COOLDOWN_HOURS is "24h"/],
      [{ ROLLBACK_COOLDOWN_HOURS: '1e9' }, /ROLLBACK_COOLDOWN_HOURS/],
      [{ ROLLBACK_COOLDOWN_HOURS: 'Infinity' }, /ROLLBACK_COOLDOWN_HOURS/],
      [{ ROLLBACK_COOLDOWN_HOURS: '100000' }, /ROLLBACK_COOLDOWN_HOURS/],
      [{ ROLLBACK_COOLDOWN_HOUR: '1' }, /ROLLBACK_COOLDOWN_HOUR .*mean ROLLBACK_COOLDOWN_HOURS/],
      [{ ROLLBACK_POINTER: 'champion' }, /ROLLBACK_POINTER.*stage:Production/],
      [{ ROLLBACK_TARGET_RULE: 'newest' }, /ROLLBACK_TARGET_RULE.*last-good.*latest-archived/],
      [{ ROLLBACK_WRITE_HORIZON_SECONDS: '0' }, /ROLLBACK_WRITE_HORIZON_SECONDS.*from 1/],
      [{ ROLLBACK_WRITE_HORIZON_SECONDS: '1.5' }, /ROLLBACK_WRITE_HORIZON_SECONDS/],
      [{ ROLLBACK_MODE: 'maybe' }, /ROLLBACK_MODE is "maybe".*act.*ask.*observe/],
      [{ ROLLBACK_STORE: 'redis' }, /ROLLBACK_STORE is "redis".*dynamodb.*sqlite/],
      [{ ROLLBACK_STATE_TABLE: 'not a table' }, /ROLLBACK_STATE_TABLE.*DynamoDB table/],
      [{ ALERT_SNS_TOPIC_ARN: 'topic' }, /ALERT_SNS_TOPIC_ARN is "topic".*ARN/],
      [
        { ALERT_SNS_TOPIC_ARN: 'arn:aws:sns:eu-west-1:123456789012:t.fifo' },
        /ALERT_SNS_TOPIC_ARN.*not FIFO/,
      ],
    ];
    test.each(wrong)('that makes no sense stops both ways in: %j', async (settings, message) => {
      for (const reply of await bothInside(settings)) {
        const failure = expectFailure(reply, 'ConfigurationError', message);
        expect(failure.message).not.toMatch(/secret/);
      }
    });

    test.each(wrong.filter(([settings]) => /URI":""|"me"|HOUR"/.test(JSON.stringify(settings))))(
      'that makes no sense stops both processes: %j',
      async (settings, message) => {
        for (const reply of await bothWith(settings)) {
          expectFailure(reply, 'ConfigurationError', message);
        }
      },
    );

    test.each([
      'ftp://me:secret@host',
      'http://me:secret@host/?query',
      'http://me:secret@host:port',
      'me:secret@mlflow.example.com',
      'http://me:sec/secret@host',
      'http://me:12#secret@host',
      'http://me:1?secret@host',
    ])('never shows the password of a wrong address: %s', async (uri) => {
      for (const reply of await bothInside({ MLFLOW_TRACKING_URI: uri })) {
        const failure = expectFailure(reply, 'ConfigurationError', /^MLFLOW_TRACKING_URI/);
        expect(failure.message).not.toMatch(/secret/);
      }
    });

    test('of the topic is required in Lambda', async () => {
      const reply = await invokeWith({ ALERT_SNS_TOPIC_ARN: '' });

      expectFailure(reply, 'ConfigurationError', /ALERT_SNS_TOPIC_ARN is not set.*ARN/);
    });

    test('that is wrong is told by each invocation, also for a request that is wrong itself', async () => {
      const process = await startFunction(world.env({ ROLLBACK_COOLDOWN_HOURS: 'abc' }));
      try {
        for (const event of [{ model_name: victim }, null, { model_name: victim }]) {
          expectFailure(await process.invoke(event), 'ConfigurationError', /COOLDOWN_HOURS/);
        }
        expect(process.log()).toMatch(/"ConfigurationError"/);
      } finally {
        await process.kill();
      }
    });

    test('that no version knows is a warning in the log', async () => {
      const settings = { ROLLBACK_MODE: 'act', ROLLBACK_SOMETHING_ELSE: '1' };
      const process = await startFunction(world.env(settings));
      try {
        const event = { model_name: victim, dry_run: true };
        expect(answerIn(await process.invoke(event)).outcome).toBe('DRY_RUN');
        expect(process.log()).toMatch(/ROLLBACK_SOMETHING_ELSE is unknown/);
        expect(process.log()).not.toMatch(/ROLLBACK_MODE/);
      } finally {
        await process.kill();
      }
    });
  });

  test('in none of this a notice is sent', async () => {
    expect(await world.notices(victim)).toEqual([]);
  });
});

// ---------------------------------------------------------------------------------------------------

async function httpServer(
  answer: RequestListener,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(answer);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}
