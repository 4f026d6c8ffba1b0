import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { commandNames, parseLine, run, type Terminal } from '../../../src/cli/run.ts';
import { startRegistryServer } from '../../../src/embedded/registry-server.ts';
import { pipes } from '../../fakes/terminal.ts';
import { shellCommands } from '../../shell-commands.ts';

const cli = async (
  args: readonly string[],
  env: Terminal['env'] = {},
  ask: Terminal['ask'] = null,
  change: Partial<Terminal> = {},
) => {
  const streams = { out: '', err: '' };
  const exitCode = await run(args, pipes(streams, { env, ask, ...change }));
  return { exitCode, ...streams };
};
const verbs = [
  'plan',
  'apply',
  'history',
  'explain',
  'status',
  'release',
  'promote',
  'promoted',
  'approve',
  'reject',
  'undo',
  'freeze',
  'unfreeze',
  'pause',
  'resume',
  'quarantine',
  'policy',
  'serve',
  'console',
  'sweep',
  'doctor',
  'create-table',
  'demo',
  'compare',
  'can-promote',
  'drill',
  'reindex',
  'completion',
];

describe('run', () => {
  test('lists every verb', async () => {
    const { exitCode, out } = await cli(['--help']);
    expect(exitCode).toBe(0);
    for (const verb of verbs) expect(out).toContain(`\n  ${verb}`);
    expect((await cli([])).exitCode).toBe(2);
  });

  test('lists verbs by what they are for', async () => {
    const { out } = await cli(['--help']);
    expect(out.match(/^[A-Z][^\n]*:(?=\n {2}[a-z])/gm)).toEqual([
      'See what is live, and what happened:',
      'Roll back:',
      'Decide what may be rolled back:',
      'Run as a service:',
      'In pipelines and on a schedule:',
      'Set up and check:',
    ]);
    expect(commandNames.toSorted()).toEqual(verbs.toSorted());
  });

  test.each(verbs)('%s has a help text with an example', async (verb) => {
    for (const args of [
      [verb, '--help'],
      ['help', verb],
    ]) {
      const { exitCode, out } = await cli(args);
      expect(exitCode).toBe(0);
      expect(out).toContain(`Usage: model-rollback ${verb}`);
      expect(out).toMatch(/--json [\s\S]*--utc /);
      // An example can be pasted, and is about this verb.
      const [, examples = ''] = out.split('\nExamples:\n');
      const lines = shellCommands(examples).filter(([program]) => program === 'model-rollback');
      expect(lines.length).toBeGreaterThan(0);
      for (const [, name = '', ...rest] of lines) {
        expect(parseLine(name, rest).command.name).toBe(verb);
      }
    }
  });

  test('shows its version', async () => {
    expect((await cli(['--version'])).out).toMatch(/^\d+\.\d+\.\d+/);
  });

  test.each([
    [['aply', 'm'], 'Did you mean "apply"?'],
    [['frobnicate'], 'There is no command'],
    [['plan'], 'Usage: model-rollback plan MODEL'],
    [['plan', 'a', 'b'], '2 arguments were given'],
    [['promoted', 'a'], '1 argument was given'],
    [['history', '--live'], 'run `model-rollback history MODEL --live`'],
    [['plan', 'm', '--nope'], 'Unknown option "--nope". Usage: model-rollback plan MODEL'],
    [['plan', 'm', '--ovrride', 'COOLDOWN'], 'Did you mean "--override"?'],
    [['plan', 'm', '--nope'], 'Run `model-rollback plan --help`.'],
    [['release', 'm', '02'], 'VERSION must be a string of digits'],
    [['policy', 'show', 'm'], 'policy takes one of get, set, unset before MODEL.'],
    [['policy', 'constructor', 'm'], 'policy takes one of get, set, unset before MODEL.'],
    [['policy', 'get', 'm', '--mode', 'ask'], 'policy get takes no --mode.'],
    [['policy', 'set', 'm', 'mode', '--reason', 'r'], 'pass options such as --mode ask'],
    [['policy', 'set', 'm', '--mode', 'ask'], 'policy-set needs a reason'],
    [['policy', 'set', 'm', '--reason', 'r'], 'policy sets no field. Known: mode, pointer'],
    [['policy', 'set', 'm', '--mode', 'off', '--reason', 'r'], 'mode must be `act` or `ask` or'],
    [['policy', 'unset', 'm'], 'Pass either FIELD or --all. Fields: mode, pointer'],
    [['policy', 'unset', 'm', 'mode', '--all'], 'Pass either FIELD or --all.'],
    [['policy', 'unset', 'm', 'modes'], 'Did you mean "mode"?'],
    [['explain', 'nonsense'], 'is not a rollback id'],
    [['apply', 'm'], 'pass --yes'],
    [['approve'], 'Usage: model-rollback approve ID'],
    [['approve', 'm/0123456789abcdef'], 'pass --yes'],
    [['resume'], 'Pass either MODEL or --fleet'],
    [
      ['doctor', '--function', 'my function'],
      '--function must be the name or ARN of a Lambda function',
    ],
    [['doctor', '--topic', 'mine'], '--topic must be the ARN of an SNS topic'],
    [['resume', 'm', '--fleet'], 'Pass either MODEL or --fleet'],
    [['plan', 'm'], 'MLFLOW_TRACKING_URI is not set'],
  ])('%j is a usage error that helps', async (args, message) => {
    const { exitCode, out, err } = await cli(args, { ROLLBACK_STORE: 'sqlite::memory:' });
    expect(exitCode).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(message);
  });

  test.each([[['plan', 'm', '--json']], [['--json', 'plan', 'm']]])(
    'prints errors as JSON on stdout with %j',
    async (args) => {
      const { out } = await cli(args);
      expect(JSON.parse(out)).toEqual({
        error: { name: 'ConfigurationError', code: 'CONFIGURATION', message: expect.any(String) },
      });
    },
  );

  test('a sweep shows what it did and what it could not read as lines for people', async () => {
    const server = await startRegistryServer();
    try {
      server.seed('m', [{ aliases: ['champion'] }]);
      const env = { MLFLOW_TRACKING_URI: server.url, ROLLBACK_STORE: 'sqlite::memory:' };
      const settings = { ...env, ROLLBACK_POINTER: 'alias:champion' };
      const swept = await cli(['sweep'], settings);
      expect(swept).toMatchObject({ exitCode: 0, out: '0 due.\n1 model observed: no change.\n' });

      const down = { ...settings, MLFLOW_TRACKING_URI: 'http://127.0.0.1:1' };
      const { exitCode, out, err } = await cli(['sweep'], down);
      expect({ exitCode, out }).toEqual({ exitCode: 0, out: '0 due.\n' });
      expect(err).toMatch(
        /^warning: the pointers of the registry could not be observed: The registry http:\S+ did not answer/m,
      );
      const json = await cli(['sweep', '--json'], down);
      expect(JSON.parse(json.err)).toMatchObject({ level: 'warn', error: expect.any(String) });
    } finally {
      await server.close();
    }
  });

  test('says how what was live comes to be known, where nothing is', async () => {
    const { exitCode, out } = await cli(['history', '--live', 'm n'], {
      ROLLBACK_STORE: 'sqlite::memory:',
    });
    expect(exitCode).toBe(0);
    expect(out).toContain("run `model-rollback promoted 'm n' VERSION --replaced VERSION`");
    expect(out).toContain('run `model-rollback sweep`');
  });

  test('says of an id that is not on record where to look', async () => {
    const { exitCode, err } = await cli(['explain', 'm/0123456789abcdef'], {
      ROLLBACK_STORE: 'sqlite::memory:',
    });
    expect(exitCode).toBe(2);
    expect(err).toContain('model-rollback history');
  });

  test('asks before it applies, and takes no for an answer', async () => {
    const server = await startRegistryServer();
    try {
      server.seed('m', [
        { stage: 'Archived', lastUpdatedTimestamp: 9 },
        { stage: 'Production', lastUpdatedTimestamp: 9 },
      ]);
      const env = {
        MLFLOW_TRACKING_URI: server.url,
        ROLLBACK_STORE: 'sqlite::memory:',
        // Each command has a state of its own; the tags of the first would refuse the last.
        ROLLBACK_COOLDOWN_HOURS: '0',
      };
      const questions: string[] = [];
      const answering = (answer: boolean) => async (question: string) => {
        questions.push(question);
        return answer;
      };
      const declined = await cli(['apply', 'm'], env, answering(false));
      expect([declined.exitCode, declined.out]).toEqual([3, 'Declined. Nothing was done.\n']);
      expect(server.requests.filter((request) => request.method === 'POST')).toEqual([]);
      const done = await cli(['apply', 'm', '--json'], env, answering(true));
      expect(done.exitCode).toBe(0);
      expect(JSON.parse(done.out)).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '1' });
      expect(questions).toEqual(Array(2).fill('Move stage:Production of m from 2 to 1?'));
      // Nothing to confirm any more: it runs, and is recorded as it is.
      const again = await cli(['apply', 'm'], env, answering(true));
      expect(again.exitCode).toBe(4);
      expect(questions).toHaveLength(2);
    } finally {
      await server.close();
    }
  });

  test('holds the person to the plan that was shown', async () => {
    const server = await startRegistryServer();
    try {
      server.seed('m', [
        { stage: 'Archived', lastUpdatedTimestamp: 9 },
        { stage: 'Production', lastUpdatedTimestamp: 9 },
      ]);
      const env = { MLFLOW_TRACKING_URI: server.url, ROLLBACK_STORE: 'sqlite::memory:' };
      const { exitCode, out } = await cli(['apply', 'm', '--json'], env, async () => {
        server.seed('m', [{ stage: 'Production', lastUpdatedTimestamp: 10 }]);
        return true;
      });
      expect(exitCode).toBe(3);
      expect(JSON.parse(out)).toMatchObject({ refusals: [{ code: 'LIVE_VERSION_CHANGED' }] });
    } finally {
      await server.close();
    }
  });

  test('tells the whole story in the demo, and keeps nothing', async () => {
    const { exitCode, out } = await cli(['demo'], { ROLLBACK_STORE: 'sqlite:/nowhere/at/all' });
    expect(exitCode).toBe(0);
    for (const part of [
      'ROLLED_BACK',
      'replayed',
      'REFUSED',
      'COOLDOWN',
      'Model Rollback:',
      'explain',
    ]) {
      expect(out).toContain(part);
    }
    const json = JSON.parse((await cli(['demo', '--json'])).out);
    expect(json).toMatchObject({
      rollback: { rolled_back: true },
      replay: { replayed: true },
      second: { outcome: 'REFUSED' },
    });
  });

  test.each([
    ['alias:champion', []],
    ['stage:Production', ['--stage']],
  ] as const)('tells the story of the demo for %s', async (pointer, options) => {
    const { out } = await cli(['demo', ...options]);
    expect(out).toContain(`The registry changed: ${pointer} moved from 3 to 2.`);
    const { rollback } = JSON.parse((await cli(['demo', '--json', ...options])).out);
    expect(rollback).toMatchObject({ pointer, to_version: '2', warnings: [] });
  });

  test('reads the pointer that is set in the demo of a real server, or the stage', async () => {
    const server = await startRegistryServer();
    try {
      server.seed('mine', [
        {},
        { stage: 'Archived' },
        { stage: 'Production' },
        { aliases: ['prod'] },
      ]);
      const env = { MLFLOW_TRACKING_URI: server.url, ROLLBACK_POINTER: 'alias:prod' };
      expect((await cli(['demo', '--model', 'mine'], env)).out).toContain('(4 -> 3)');
      expect((await cli(['demo', '--model', 'mine', '--stage'], env)).out).toContain('(3 -> 2)');
    } finally {
      await server.close();
    }
  });

  test('reads a real server in the demo when asked to', async () => {
    const server = await startRegistryServer();
    try {
      server.seed('mine', [
        { stage: 'Archived', lastUpdatedTimestamp: 9 },
        { stage: 'Production', lastUpdatedTimestamp: 9 },
      ]);
      const { out } = await cli(['demo', '--model', 'mine'], { MLFLOW_TRACKING_URI: server.url });
      expect(out).toContain('DRY_RUN  mine  (2 -> 1)');
      expect(server.requests.every((request) => request.method === 'GET')).toBe(true);
    } finally {
      await server.close();
    }
  });

  const touching: readonly (readonly string[])[] = [
    ['plan', 'm'],
    ['apply', 'm', '--yes'],
    ['history'],
    ['history', 'm'],
    ['explain', 'm/0123456789abcdef'],
    ['status'],
    ['status', 'm'],
    ['release', 'm', '3'],
    ['promoted', 'm', '1'],
    ['policy', 'get', 'm'],
    ['policy', 'set', 'm', '--mode', 'ask', '--reason', 'r'],
    ['policy', 'unset', 'm', 'mode'],
    ['approve', 'm/0123456789abcdef', '--yes'],
    ['reject', 'm/0123456789abcdef'],
    ['resume', 'm'],
    ['resume', '--fleet'],
    ['sweep'],
    ['create-table'],
  ];

  test.each(touching)(
    '%s %s takes a misspelt variable for an error, with the right name',
    async (...args) => {
      for (const name of ['ROLLBACK_STATE_TABEL', 'rollback_state_table']) {
        const { exitCode, out, err } = await cli(args, {
          MLFLOW_TRACKING_URI: 'http://127.0.0.1:1',
          ROLLBACK_STORE: 'sqlite::memory:',
          [name]: 'mine',
        });
        expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
        expect(err).toBe(
          `ConfigurationError: The variable ${name} is unknown: did you mean ROLLBACK_STATE_TABLE? Rename it, or unset it.\n`,
        );
      }
    },
  );

  test.each(touching.filter(([verb]) => verb !== 'create-table'))(
    '%s %s shows which store it is, also when it finds nothing',
    async (...args) => {
      const server = await startRegistryServer();
      try {
        server.seed('m', [{ stage: 'Production' }]);
        const env = {
          MLFLOW_TRACKING_URI: server.url,
          ROLLBACK_STORE: 'sqlite::memory:',
          ROLLBACK_NOBODY_KNOWS: '1',
        };
        const text = await cli(args, env);
        expect(text.err).toMatch(/^warning: .*ROLLBACK_NOBODY_KNOWS.*\nstate {2}sqlite::memory:\n/);
        const json = await cli([...args, '--json'], env);
        const value = JSON.parse(json.out);
        if (Array.isArray(value)) expect(json.err).toContain('state  sqlite::memory:\n');
        else expect(value).toMatchObject({ state: 'sqlite::memory:' });
      } finally {
        await server.close();
      }
    },
  );

  test('shows a table with its region, and no other store', async () => {
    const { regionInUse } = await import('../../../src/compose-aws.ts');
    const { storeLabel } = await import('../../../src/compose-store.ts');
    const region = (await regionInUse()) ?? 'no region is set';
    expect(await storeLabel({ kind: 'dynamodb', tableName: 't' })).toBe(`dynamodb:t (${region})`);
    expect(await storeLabel({ kind: 'sqlite', path: 'x' })).toBe(`sqlite:${process.cwd()}/x`);
  });

  test('names the flag in what is wrong with a request', async () => {
    const env = { ROLLBACK_STORE: 'sqlite::memory:' };
    expect((await cli(['plan', 'm', '--to', '02'], env)).err).toContain(': --to must be a string');
    expect((await cli(['plan', 'm', '--reason', 'X'], env)).err).toContain(
      ': --reason must be one',
    );
    const json = await cli(['plan', 'm', '--to', '02', '--json'], env);
    expect(JSON.parse(json.out).error.message).toMatch(/^target_version must/);
  });

  test.each([
    ['that contradicts itself', { watch: { kind: 'pending', dueAtMs: 1, looks: 0 }, alarm: null }],
    ['with a status of a later release', { progress: { status: 'PARKED' } }],
    ['that needs a later reader', { schema: 2, min_reader: 99 }],
  ])('goes on past a record %s, and names it, in every list', async (_what, change) => {
    const server = await startRegistryServer();
    const folder = mkdtempSync(join(tmpdir(), 'model-rollback-cli-'));
    try {
      const env = { MLFLOW_TRACKING_URI: server.url, ROLLBACK_STORE: `sqlite:${folder}/s.sqlite` };
      const ids: string[] = [];
      // Names that no id in hex holds.
      for (const model of ['worn', 'sound']) {
        server.seed(model, [
          { stage: 'Archived', lastUpdatedTimestamp: 9 },
          { stage: 'Production', lastUpdatedTimestamp: 9 },
        ]);
        ids.push(JSON.parse((await cli(['apply', model, '--yes', '--json'], env)).out).rollback_id);
      }
      const [bad = ''] = ids;
      const file = new DatabaseSync(`${folder}/s.sqlite`);
      const row = file.prepare('SELECT doc FROM rollback WHERE id = ?').get(bad);
      const doc = JSON.stringify({ ...JSON.parse(String(row?.['doc'])), ...change });
      file.prepare('UPDATE rollback SET doc = ? WHERE id = ?').run(doc, bad);
      file.close();

      for (const verb of ['history', 'status']) {
        const { exitCode, out, err } = await cli([verb], env);
        expect({ verb, exitCode }).toEqual({ verb, exitCode: 0 });
        expect(out).toContain('sound');
        expect(out).not.toContain('worn');
        expect(err).toMatch(new RegExp(`^warning: The stored item ${bad} `, 'm'));
        const list = JSON.parse((await cli([verb, '--json'], env)).out);
        expect(list).toMatchObject([{ model_name: 'sound' }]);
      }
      const checked = await cli(['doctor'], env);
      expect(checked.exitCode).toBe(1);
      expect(checked.out).toMatch(
        new RegExp(`^problem {2}state .* 1 can. The first: .*${bad}`, 'm'),
      );
      expect(checked.out).toMatch(/^ok {7}paused/m);
      expect((await cli(['sweep'], env)).exitCode).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
      await server.close();
    }
  });

  test('says who approved, in a record of an alarm', async () => {
    const server = await startRegistryServer();
    try {
      server.seed('m', [
        { stage: 'Archived', lastUpdatedTimestamp: 9 },
        { stage: 'Production', lastUpdatedTimestamp: 9 },
      ]);
      const folder = mkdtempSync(join(tmpdir(), 'model-rollback-cli-'));
      const env = { MLFLOW_TRACKING_URI: server.url, ROLLBACK_STORE: `sqlite:${folder}/s.sqlite` };
      const done = await cli(['apply', 'm', '--alarm', 'high', '--yes', '--json'], env);
      const { rollback_id: id, requested_by: by } = JSON.parse(done.out);
      expect(by).toBe(userInfo().username);
      const { out } = await cli(['explain', id], env);
      expect(out).toContain(`asked by  high, MANUAL_REQUEST\nperson    ${by}\n`);
      expect(out).toMatch(/\n\S+Z +\d\.\d{3} s +the pointer was moved and read back \(live: 1\)/);
      expect(out).toMatch(/# notices\n.*\nNOTICE +CHANNEL +STATE +TIME\nend +console +sent /);
      expect(out).toMatch(/# due\n\S+Z +the pointer is read again\n/);
      expect(out).toContain(`# what to do now\nTo undo it, run: model-rollback undo ${id}\n`);
      const json = JSON.parse((await cli(['explain', id, '--json'], env)).out);
      expect(json).toMatchObject({
        outcome: 'ROLLED_BACK',
        explanation: {
          moments: [{ what: 'the request arrived' }, {}, {}],
          channels: [{ about: 'end', channel: 'console', state: 'sent', failures: 0 }],
          next_steps: [{ command: `model-rollback undo ${id}` }],
          notice: { about: 'end' },
        },
      });
      // When it was sent is not kept in the notice: the time of this command is not that.
      expect(json.explanation.notice).not.toHaveProperty('sent_at');
      rmSync(folder, { recursive: true });
    } finally {
      await server.close();
    }
  });
});

describe('the zone of times', () => {
  const env = { ROLLBACK_STORE: 'sqlite::memory:' };

  test('is the zone of the user, in text alone', async () => {
    const server = await startRegistryServer();
    try {
      server.seed('m', [
        { stage: 'Archived', lastUpdatedTimestamp: 9 },
        { stage: 'Production', lastUpdatedTimestamp: 9 },
      ]);
      const settings = { ...env, MLFLOW_TRACKING_URI: server.url };
      const there = { timeZone: 'Asia/Kolkata' };
      const freeze = ['freeze', 'm', '--until', '2h', '--reason', 'x'];
      const text = await cli(freeze, settings, null, there);
      expect(text.out).toMatch(/until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+05:30\.\n$/);
      for (const args of [
        [...freeze, '--utc'],
        ['--utc', ...freeze],
      ]) {
        expect((await cli(args, settings, null, there)).out).toMatch(/until \S+:\d\d\.\d{3}Z\.\n$/);
      }
      const json = JSON.parse((await cli([...freeze, '--json'], settings, null, there)).out);
      expect(json.until).toMatch(/Z$/);
      expect(json.message).toContain(json.until);
    } finally {
      await server.close();
    }
  });
});

describe('status --watch', () => {
  const watching = (
    times: number,
    between: (round: number) => Promise<unknown>,
    change: Partial<Terminal> = {},
  ): Partial<Terminal> => ({
    listen: () => {
      const controller = new AbortController();
      let round = 0;
      return {
        signal: controller.signal,
        wait: async () => {
          round += 1;
          if (round === times) controller.abort();
          else await between(round);
        },
        close: () => undefined,
      };
    },
    ...change,
  });

  test('prints a line for each change where there is no terminal, until it is stopped', async () => {
    const server = await startRegistryServer();
    const folder = mkdtempSync(join(tmpdir(), 'model-rollback-cli-'));
    try {
      const env = { MLFLOW_TRACKING_URI: server.url, ROLLBACK_STORE: `sqlite:${folder}/s.sqlite` };
      for (const model of ['m', 'n']) {
        server.seed(model, [
          { stage: 'Archived', lastUpdatedTimestamp: 9 },
          { stage: 'Production', lastUpdatedTimestamp: 9 },
        ]);
      }
      await cli(['apply', 'm', '--yes'], env);
      const terminal = watching(4, async (round) => {
        if (round === 1) await cli(['apply', 'n', '--yes'], env);
        if (round === 2) await cli(['pause', 'm', '--reason', 'noisy'], env);
      });
      const { exitCode, out, err } = await cli(['status', '--watch'], env, null, terminal);
      expect(exitCode).toBe(0);
      const lines = out.trimEnd().split('\n');
      expect(lines[0]).toBe('None of 1 model needs you.');
      expect(lines.slice(4)).toEqual([
        expect.stringMatching(/^\S+Z {2}n {2}ROLLED_BACK at \S+Z, live 1, needs nobody$/),
        expect.stringMatching(/^\S+Z {2}m {2}ROLLED_BACK at \S+Z, live 1, paused$/),
      ]);
      expect(err).toMatch(/^state {2}sqlite:[^\n]*\n$/);
    } finally {
      rmSync(folder, { recursive: true });
      await server.close();
    }
  });

  test('draws a terminal anew, no higher than it is', async () => {
    const env = { ROLLBACK_STORE: 'sqlite::memory:' };
    const terminal = watching(2, async () => undefined, { rows: 4, columns: 80 });
    const { exitCode, out } = await cli(['status', '--watch'], env, null, terminal);
    expect(exitCode).toBe(0);
    const [, first = '', second = ''] = out.split('\u001b[H');
    expect(out.startsWith('\u001b[2J\u001b[H')).toBe(true);
    const [nothing, hint = ''] = first.split('\n');
    expect(nothing).toMatch(/^Nothing is on record\./);
    expect(hint).toBe('Ctrl-C ends it.\u001b[K\u001b[J');
    expect(second).toBe(first);
  });

  test('is no JSON', async () => {
    const { exitCode } = await cli(['status', '--watch', '--json']);
    expect(exitCode).toBe(2);
  });

  test('goes on past what may pass', async () => {
    const env = { ROLLBACK_STORE: 'sqlite::memory:', MLFLOW_TRACKING_URI: 'http://127.0.0.1:1' };
    const terminal = watching(2, async () => undefined);
    const { exitCode, err } = await cli(['status', 'm', '--watch'], env, null, terminal);
    expect(exitCode).toBe(0);
    expect(err.match(/^warning: The registry /gm)).toHaveLength(2);
  });
});

describe('completion', () => {
  const complete = async (...words: readonly string[]): Promise<string[]> => {
    const { out } = await cli(['completion', 'bash']);
    const line = words.map((word) => `'${word}'`).join(' ');
    const script = `${out}
      COMP_WORDS=(model-rollback ${line}); COMP_CWORD=${words.length}
      _model_rollback; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const found = execFileSync('bash', ['--norc', '-c', script], { encoding: 'utf8' });
    return found.split('\n').filter((word) => word !== '');
  };

  test('completes verbs and their options in bash', async () => {
    expect(await complete('un')).toEqual(['undo', 'unfreeze']);
    expect(await complete('freeze', '--f')).toEqual(['--fleet']);
    expect(await complete('freeze', '--ut')).toEqual(['--utc']);
    expect(await complete('nothing', '--f')).toEqual([]);
  });

  test('has a line for each verb and option in fish, with quotes that fit', async () => {
    const { out } = await cli(['completion', 'fish']);
    for (const verb of verbs) expect(out).toContain(` -a ${verb} -d '`);
    expect(out).toContain("'__fish_seen_subcommand_from freeze' -l until -d 'required: its end");
    for (const line of out.trim().split('\n')) {
      expect(line.replaceAll(/\\['\\]/g, '').match(/'/g)?.length).toSatisfy(
        (count: number) => count % 2 === 0,
      );
    }
  });

  test('knows no other shell', async () => {
    expect(await cli(['completion', 'tcsh'])).toMatchObject({ exitCode: 2 });
  });
});
