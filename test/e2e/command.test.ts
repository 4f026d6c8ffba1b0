/** The built command, each time as a process of its own, against the real engines. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engine, uniqueName } from '../engines/engines.ts';
import { aliasScenarios } from './alias-scenarios.ts';
import { type CommandResult, runCommand } from './command.ts';
import type { Env } from './function-process.ts';
import { ANSWER_FIELDS, type Answer, answerIn } from './reply.ts';
import { scenarios } from './scenarios.ts';
import { runOnTerminal, typing } from './terminal.ts';
import { answerOf, commandLine, commandWay, replyOf, type Way } from './ways.ts';
import {
  bareEnv,
  createWorld,
  isEngineMissing,
  type Settings,
  suiteTitle,
  type World,
} from './world.ts';

const VERBS = [
  'plan',
  'apply',
  'history',
  'explain',
  'status',
  'release',
  'policy',
  'compare',
  'can-promote',
  'promote',
  'promoted',
  'reindex',
  'approve',
  'reject',
  'undo',
  'freeze',
  'unfreeze',
  'pause',
  'resume',
  'quarantine',
  'create-table',
  'serve',
  'console',
  'sweep',
  'doctor',
  'drill',
  'demo',
  'completion',
] as const;
const WITHOUT_COOLDOWN: Settings = { ROLLBACK_COOLDOWN_HOURS: '0' };
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours and the like are what it looks for.
const CONTROL_CHARACTERS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;

let world: World;
let way: Way;

function run(args: readonly string[], settings: Settings = {}): Promise<CommandResult> {
  return runCommand(args, world.env(settings));
}

async function rolledBack(model: string): Promise<Answer> {
  return answerIn(await way.ask({ model_name: model }));
}

describe.skipIf(isEngineMissing)(suiteTitle('model-rollback'), () => {
  beforeAll(async () => {
    world = await createWorld();
    way = commandWay(world);
  });

  describe('a request', () => {
    for (const { title, run } of scenarios) {
      test(`${title}`, () => run({ world, way }));
    }

    describe('through an alias', () => {
      for (const { title, run } of aliasScenarios) {
        test(`${title}`, () => run({ world, way }));
      }
    });
  });

  describe('apply', () => {
    test('makes a key of its own each time, so that a second call is a second request', async () => {
      const model = await world.model(['Archived', 'Archived', 'Production']);
      await rolledBack(model);

      const second = answerIn(await way.ask({ model_name: model }));

      expect(second).toMatchObject({ outcome: 'REFUSED', replayed: false });
    });

    test('does nothing without a terminal and without --yes', async () => {
      const model = await world.model(['Archived', 'Archived', 'Production']);
      const before = await world.everything(model);

      const { exitCode, stdout, stderr } = await run(['apply', model]);
      const { json } = await run(['apply', model, '--json']);

      expect(exitCode).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toMatch(
        /InvalidRequestError: There is no terminal to ask on\. To roll back without a question, pass --yes/,
      );
      expect(json).toMatchObject({ error: { code: 'INVALID_REQUEST' } });
      expect(await world.everything(model)).toEqual(before);
    });

    test('shows the plan on a terminal and does what the person says', async () => {
      const model = await world.model(['Archived', 'Archived', 'Production']);
      const before = await world.everything(model);

      const no = await runOnTerminal(['apply', model], world.env(), typing('n\n'));
      expect(no.screen).toMatch(/Move stage:Production of .* from 3 to 2\?/);
      expect(no.screen).toContain('Declined. Nothing was done.');
      expect(no.exitCode).toBe(3);
      expect(await world.everything(model)).toEqual(before);

      const yes = await runOnTerminal(['apply', model], world.env(), typing('y\n'));
      expect(yes.exitCode).toBe(0);
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
    });

    test('carries out the plan that was shown, or none', async () => {
      const model = await world.model(['Archived', 'Archived', 'Production', 'None']);

      const { exitCode, screen } = await runOnTerminal(['apply', model], world.env(), {
        answer: async ({ type }) => {
          await world.mlflow.transition(model, '4', 'Production', true);
          type('y\n');
        },
      });

      expect(exitCode).toBe(3);
      expect(screen).toContain('LIVE_VERSION_CHANGED');
      expect(screen).toContain(`To see the current plan and decide: model-rollback apply ${model}`);
      expect(await world.mlflow.liveVersions(model)).toEqual(['4']);
    });

    test('prints one short text without control characters when nobody asks for JSON', async () => {
      const model = await world.model(['Archived', 'Archived', 'Production']);

      const { exitCode, stdout, stderr } = await run([
        'apply',
        model,
        '--yes',
        '--alarm=\u001b[2J',
      ]);

      expect(exitCode).toBe(0);
      expect(stdout).toMatch(`ROLLED_BACK  ${model}  3 -> 2`);
      expect(stdout).not.toMatch(CONTROL_CHARACTERS);
      expect(stderr).toBe(`state  dynamodb:${world.tableName} (eu-west-1)\n`);
    });
  });

  describe('plan', () => {
    test('exits as a real request would: 0, 3 when refused, 4 without a target', async () => {
      const good = await world.model(['Archived', 'Production']);
      const refused = await world.model(['Archived', 'Archived', 'Production']);
      await rolledBack(refused);
      const alone = await world.model(['Production']);

      const results = await Promise.all(
        [good, refused, alone].map((model) => run(['plan', model])),
      );

      expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 3, 4]);
      expect(results[0]?.stdout).toMatch(/-> 1 \(Archived\)/);
      expect(results[1]?.stdout).toMatch(/COOLDOWN/);
      expect(results[2]?.stdout).toMatch(/no other version/);
      for (const { stdout } of results) expect(stdout).not.toMatch(CONTROL_CHARACTERS);
    });
  });

  describe('history', () => {
    test('is one array of answers, newest first, of one or all registered models', async () => {
      const tableName = uniqueName('history');
      const settings = { ...WITHOUT_COOLDOWN, ROLLBACK_STATE_TABLE: tableName };
      await run(['create-table'], settings);
      expect((await run(['history', '--json'], settings)).json).toEqual([]);
      const [one, other] = await Promise.all([
        world.model(['Archived', 'Archived', 'Production'], 'one'),
        world.model(['Archived', 'Archived', 'Production'], 'other'),
      ]);
      const answers: Answer[] = [];
      for (const model of [one, other, one]) {
        answers.push(answerIn(await way.ask({ model_name: model }, settings)));
      }
      const [first, second, third] = answers;

      const all = (await run(['history', '--json'], settings)).json as Answer[];
      const ofOne = (await run(['history', one, '--json'], settings)).json;
      const ofNone = (await run(['history', 'nowhere', '--json'], settings)).json;
      const { stdout } = await run(['history'], settings);

      expect(all).toEqual([third, second, first]);
      for (const entry of all) expect(Object.keys(entry)).toEqual(ANSWER_FIELDS);
      expect(ofOne).toEqual([third, first]);
      expect(ofNone).toEqual([]);
      const lines = stdout.trimEnd().split('\n');
      expect(lines.map((line) => line.split(/\s+/)[1])).toEqual(['MODEL', one, other, one]);
    });
  });

  describe('explain', () => {
    test('tells one attempt in full', async () => {
      const model = await world.model(['Archived', 'Archived', 'Production']);
      const answer = await rolledBack(model);
      const id = answer.rollback_id ?? '';

      const { json } = await run(['explain', id, '--json']);
      const { stdout, exitCode } = await run(['explain', id]);

      expect(answerOf(json)).toEqual(answer);
      expect(json).toMatchObject({
        explanation: {
          moments: [{}, {}, { what: expect.stringContaining('moved and read back (live: 2)') }],
          due: [{ what: 'the pointer is read again' }],
          channels: [{ about: 'end', channel: 'sns', state: 'sent', failures: 0 }],
          next_steps: [{ command: `model-rollback undo ${id}` }],
        },
      });
      expect(exitCode).toBe(0);
      for (const part of [id, '3 -> 2', 'MANUAL_REQUEST', 'COOLDOWN', '-> 2 (Archived)']) {
        expect(stdout).toContain(part);
      }
      expect(stdout).not.toMatch(CONTROL_CHARACTERS);
    });

    test.each(['nowhere/0123456789abcdef', 'nonsense', '/0123456789abcdef', ''])(
      'says that %j is not on record',
      async (id) => {
        const { exitCode, json } = await run(['explain', id, '--json']);

        expect(exitCode).toBe(2);
        expect(json).toMatchObject({ error: { name: 'InvalidRequestError' } });
      },
    );
  });

  describe('status', () => {
    test('shows what is live, quarantined and in work', async () => {
      const model = await world.model(['Archived', 'Archived', 'Production']);
      const before = (await run(['status', model, '--json'])).json;
      const answer = await rolledBack(model);
      const after = (await run(['status', model, '--json'])).json;
      const { stdout } = await run(['status', model]);

      const idle = {
        model_name: model,
        pointer: 'stage:Production',
        quarantined_earlier: [],
        warnings: [],
        active: null,
        paused: null,
        fleet_paused: null,
        state: `dynamodb:${world.tableName} (eu-west-1)`,
      };
      expect(before).toEqual({
        ...idle,
        live_versions: ['3'],
        quarantined: [],
        rollback_count: 0,
        last_rollback: null,
      });
      const at = answer.timestamp;
      expect(after).toEqual({
        ...idle,
        live_versions: ['2'],
        quarantined: [{ version: '3', since: at, rollback_id: answer.rollback_id }],
        rollback_count: 1,
        last_rollback: { from: '3', to: '2', at, rollback_id: answer.rollback_id },
      });
      expect(stdout).toMatch(/live +2\nquarantined +3 /);
      expect(stdout).toMatch(/paused +no\nfleet +not paused\n/);
    });

    test('lists every registered model on record once', async () => {
      const model = await world.model(['Archived', 'Archived', 'Production']);
      await rolledBack(model);
      const refused = answerIn(await way.ask({ model_name: model }));

      const { json } = await run(['status', '--json']);

      const mine = (json as Answer[]).filter(({ model_name }) => model_name === model);
      expect(mine).toEqual([{ ...refused, needs_you: [] }]);
    });
  });

  describe('release', () => {
    test('makes a version choosable again', async () => {
      const model = await world.model(['Archived', 'Archived', 'Production', 'None']);
      await rolledBack(model);
      // Version 3 was mended, was live once more, and then 4 came.
      await world.mlflow.transition(model, '3', 'Production', true);
      await world.mlflow.transition(model, '4', 'Production', true);

      const passedOver = answerIn(
        await way.ask({ model_name: model, dry_run: true }, WITHOUT_COOLDOWN),
      );
      const released = await run(['release', model, '3', '--json']);
      const releasedAgain = await run(['release', model, '3', '--json']);
      const answer = answerIn(await way.ask({ model_name: model }, WITHOUT_COOLDOWN));

      expect(passedOver).toMatchObject({ from_version: '4', to_version: '2' });
      expect(released.exitCode).toBe(0);
      const state = `dynamodb:${world.tableName} (eu-west-1)`;
      const same = { model_name: model, version: '3', state };
      expect(released.json).toMatchObject({ ...same, released: true });
      expect(releasedAgain.json).toMatchObject({ ...same, released: false });
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '4', to_version: '3' });
    });
  });

  describe('create-table', () => {
    test('makes the table once and finds it the second time', async () => {
      const tableName = uniqueName('made');
      const settings = { ROLLBACK_STATE_TABLE: tableName };

      const first = await run(['create-table', '--json'], settings);
      const second = await run(['create-table', '--json'], settings);

      expect([first.exitCode, second.exitCode]).toEqual([0, 0]);
      expect(first.json).toMatchObject({ table: tableName, created: true });
      expect(second.json).toMatchObject({ table: tableName, created: false });
    });

    test('makes one table when several processes are at it', async () => {
      const settings = { ROLLBACK_STATE_TABLE: uniqueName('made') };

      const results = await Promise.all(
        Array.from({ length: 3 }, () => run(['create-table', '--json'], settings)),
      );

      expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
      const created = results.filter(({ json }) => (json as { created: boolean }).created);
      expect(created).toHaveLength(1);
    });

    test('wants no SQLite file', async () => {
      const { exitCode, stderr } = await run(['create-table'], { ROLLBACK_STORE: 'sqlite:/tmp/x' });

      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/ROLLBACK_STORE names an SQLite file/);
    });
  });

  describe('the command line', () => {
    test.each(VERBS)('has help for %s', async (verb) => {
      const [long, short, other] = await Promise.all([
        runCommand([verb, '--help'], bareEnv()),
        runCommand([verb, '-h'], bareEnv()),
        runCommand(['help', verb], bareEnv()),
      ]);

      expect(long.exitCode).toBe(0);
      expect(long.stdout).toMatch(`Usage: model-rollback ${verb}`);
      expect(long.stdout).toMatch(/Options:[\s\S]*--json[\s\S]*Examples:\n {2}\S/);
      expect(long.stderr).toBe('');
      expect([short.stdout, other.stdout]).toEqual([long.stdout, long.stdout]);
    });

    test('lists every verb in its overview, and wants one', async () => {
      const asked = await runCommand(['--help'], bareEnv());
      const nothing = await runCommand([], bareEnv());

      const listed = asked.stdout.match(/^ {2}[a-z-]+/gm)?.map((line) => line.trim());
      expect(listed?.toSorted()).toEqual(VERBS.toSorted());
      expect([asked.exitCode, nothing.exitCode]).toEqual([0, 2]);
      expect(nothing.stdout).toBe(asked.stdout);
    });

    test('prints its version', async () => {
      const { exitCode, stdout } = await runCommand(['--version'], bareEnv());

      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    });

    test.each<{ args: readonly string[]; message: RegExp }>([
      { args: ['aply', 'm'], message: /no command "aply".*Did you mean "apply"/ },
      { args: ['plan'], message: /Usage: model-rollback plan MODEL/ },
      { args: ['plan', 'a', 'b'], message: /Usage: model-rollback plan MODEL/ },
      { args: ['plan', 'm', '--dry-run'], message: /--dry-run/ },
      { args: ['apply', 'm', '--dry-run', '--yes'], message: /--dry-run/ },
      { args: ['apply', 'm', '--to'], message: /--to/ },
      { args: ['release', 'm'], message: /Usage: model-rollback release MODEL VERSION/ },
      { args: ['release', 'm', '02'], message: /VERSION must be a string of digits/ },
      { args: ['status', ''], message: /(MODEL|model_name) must not be empty/ },
    ])('explains what is wrong with $args, also as JSON', async ({ args, message }) => {
      const [text, json] = await Promise.all([run(args), run([...args, '--json'])]);

      expect([text.exitCode, json.exitCode]).toEqual([2, 2]);
      expect(text.stdout).toBe('');
      expect(text.stderr).toMatch(/^InvalidRequestError: /);
      expect(text.stderr).toMatch(message);
      expect(text.stderr.trimEnd().split('\n')).toHaveLength(1);
      expect(json.json).toEqual({
        error: {
          name: 'InvalidRequestError',
          code: 'INVALID_REQUEST',
          message: expect.stringMatching(message),
        },
      });
    });
  });

  describe('on one machine, with SQLite', () => {
    let folder = '';
    let env: Env = {};

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'model-rollback-e2e-'));
      // No AWS variable at all.
      env = bareEnv({ MLFLOW_TRACKING_URI: engine('mlflow').url, XDG_STATE_HOME: folder });
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    async function ask(model: string, key?: string): Promise<Answer> {
      const line = commandLine({
        model_name: model,
        ...(key === undefined ? {} : { request_id: key }),
      });
      return answerIn(replyOf(await runCommand(line, env)));
    }

    test('has an empty history before the first request', async () => {
      const { exitCode, json } = await runCommand(['history', '--json'], env);

      expect(exitCode).toBe(0);
      expect(json).toEqual([]);
    });

    test('rolls back, refuses, replays and remembers without any AWS variable', async () => {
      const model = await world.model(['Archived', 'Archived', 'Production']);

      const first = await ask(model, 'one');
      const replayed = await ask(model, 'one');
      const refused = await ask(model, 'two');

      expect(first).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2', notified: true });
      expect(replayed).toEqual({ ...first, replayed: true });
      expect(refused).toMatchObject({ outcome: 'REFUSED', to_version: '1' });
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
      const { json } = await runCommand(['history', model, '--json'], env);
      expect(json).toEqual([refused, first]);
    });

    test('writes the notice to stderr, as JSON where JSON is asked for', async () => {
      const [one, other] = [
        await world.model(['Archived', 'Production']),
        await world.model(['Archived', 'Production']),
      ];

      const text = await runCommand(['apply', one, '--yes'], env);
      const json = await runCommand(['apply', other, '--yes', '--json'], env);

      // The answer says the same; and no topic got anything.
      expect(text.stderr.split('\n')).toEqual([expect.stringMatching(/^state {2}sqlite:\//), '']);
      expect(text.stdout).not.toMatch(/[Nn]otice|Model Rollback/);
      expect(json.stderr).toContain(`notice: Model Rollback: ${other}\n{`);
      expect(json.json).toMatchObject({ outcome: 'ROLLED_BACK' });
    });

    test('rolls back once when ten processes ask at once', async () => {
      const model = await world.model(['Archived', 'Archived', 'Archived', 'Production']);
      const line = commandLine({ model_name: model });

      const results = await Promise.all(Array.from({ length: 10 }, () => runCommand(line, env)));

      const replies = results.map(replyOf);
      const told = replies.map((reply) => ('errorType' in reply ? reply.errorType : reply.outcome));
      expect(told.filter((what) => what === 'ROLLED_BACK')).toHaveLength(1);
      for (const what of told) {
        expect(['ROLLED_BACK', 'REFUSED', 'RollbackInProgressError']).toContain(what);
      }
      expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
      const { json } = await runCommand(['history', model, '--json'], env);
      const commits = (json as Answer[]).filter(({ outcome }) => outcome === 'ROLLED_BACK');
      expect(commits).toHaveLength(1);
    });

    test('answers ten processes with one key from one rollback', async () => {
      const model = await world.model(['Archived', 'Archived', 'Archived', 'Production']);
      const line = commandLine({ model_name: model, request_id: 'one-key' });

      const results = await Promise.all(Array.from({ length: 10 }, () => runCommand(line, env)));

      const answers = results.map(replyOf).filter((reply) => !('errorType' in reply));
      const fresh = answers.filter((reply) => answerIn(reply).replayed === false);
      expect(fresh).toHaveLength(1);
      expect(new Set(answers.map((reply) => answerIn(reply).timestamp)).size).toBe(1);
      expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
    });
  });
});
