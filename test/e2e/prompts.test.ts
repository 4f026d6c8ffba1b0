/** Prompts, which are registered models too: an alias names the version that apps load. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { uniqueName } from '../engines/engines.ts';
import { chosenMLflow, traitsOf } from '../engines/mlflow-versions.ts';
import { directAlarm } from '../fakes/alarm-events.ts';
import { runCommand } from './command.ts';
import { type Answer, answerIn } from './reply.ts';
import { type FunctionWay, functionWay } from './ways.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

const CHAMPION: Settings = { ROLLBACK_POINTER: 'alias:champion' };
const TEXTS = ['Greet {{name}}.', 'Greet {{name}} warmly.', 'Shout at {{name}}.'];

const { hasPrompts } = traitsOf(chosenMLflow().version);
const title = suiteTitle(hasPrompts ? 'a prompt' : 'a prompt [skipped: this MLflow has none]');

describe.skipIf(isEngineMissing || !hasPrompts)(title, () => {
  let world: World;
  let way: FunctionWay;

  beforeAll(async () => {
    world = await createWorld();
    way = functionWay(world);
  });
  afterAll(() => way?.close());

  /** Version 3 is live; what it replaced is on record, or not. */
  async function prompt({ replaced }: { readonly replaced: string | null }): Promise<string> {
    const name = uniqueName('prompt');
    await world.mlflow.seedPrompt(name, TEXTS);
    await world.mlflow.setAlias(name, 'champion', '3');
    if (replaced !== null) {
      const line = ['promoted', name, '3', '--replaced', replaced];
      const { exitCode, stderr } = await runCommand(line, world.env(CHAMPION));
      expect(exitCode, stderr).toBe(0);
    }
    return name;
  }
  const named = async (name: string): Promise<string | undefined> =>
    (await world.mlflow.aliases(name))['champion'];
  const codes = ({ warnings }: Answer): readonly string[] => warnings.map(({ code }) => code);

  test('is rolled back to what was reported, and everybody learns of the caches', async () => {
    const name = await prompt({ replaced: '1' });

    const shown = answerIn(await way.ask({ model_name: name, dry_run: true }, CHAMPION));
    const answer = answerIn(await way.ask({ model_name: name }, CHAMPION));

    for (const one of [shown, answer]) {
      expect(one).toMatchObject({ from_version: '3', to_version: '1', plan: { rule: 'recorded' } });
      expect(codes(one)).toEqual(['PROMPT_IN_CACHES']);
      expect(one.warnings[0]?.message).toContain('up to 60 seconds');
    }
    expect(shown.plan?.candidates.map(({ version }) => version).toSorted()).toEqual(['1', '2']);
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', notified: true });
    expect(await named(name)).toBe('1');
    const [notice] = await world.notices(name);
    expect(notice?.message['warnings']).toMatchObject([{ code: 'PROMPT_IN_CACHES' }]);
    expect(await world.history(name)).toEqual([answer]);
  });

  test('is promoted and rolled back with champion-previous behind it', async () => {
    const name = uniqueName('prompt');
    await world.mlflow.seedPrompt(name, TEXTS);
    await world.mlflow.setAlias(name, 'champion', '1');
    const env = world.env({ ...CHAMPION, ROLLBACK_PREVIOUS_ALIAS: 'on' });
    for (const [verb, args, names] of [
      ['promote', ['3'], { champion: '3', 'champion-previous': '1' }],
      ['apply', [], { champion: '1', 'champion-previous': '3' }],
    ] as const) {
      const { exitCode, stderr } = await runCommand([verb, name, ...args, '--yes'], env);
      expect(exitCode, stderr).toBe(0);
      expect(await world.mlflow.aliases(name), verb).toEqual(names);
    }
  });

  test('is planned, applied and shown by the command', async () => {
    const name = await prompt({ replaced: null });
    const env = world.env(CHAMPION);

    const plan = await runCommand(['plan', name, '--to', '2'], env);
    const done = await runCommand(['apply', name, '--to', '2', '--yes'], env);
    const status = await runCommand(['status', name], env);

    expect(plan).toMatchObject({ exitCode: 0 });
    expect(plan.stdout).toMatch(/alias:champion.*3.*2/);
    for (const { stdout, stderr } of [plan, done]) {
      expect(`${stdout}${stderr}`.replaceAll(/\s+/g, ' ')).toContain(`${name} is a prompt`);
    }
    expect(done.exitCode).toBe(0);
    expect(await named(name)).toBe('2');
    expect(status).toMatchObject({ exitCode: 0 });
    expect(status.stdout).toMatch(/alias:champion/);
    expect(status.stdout).toContain('3');
  });

  test('is rolled back by an alarm when what it replaced is on record', async () => {
    const name = await prompt({ replaced: '2' });
    const event = directAlarm({ model: name, name: uniqueName('alarm'), atMs: Date.now() });

    const answer = answerIn(await way.send(event, CHAMPION));

    expect(answer).toMatchObject({
      outcome: 'ROLLED_BACK',
      from_version: '3',
      to_version: '2',
      pointer: 'alias:champion',
      alarm: { automatic: true },
    });
    expect(await named(name)).toBe('2');
  });

  test('waits for a person when an alarm finds no record of what was live before', async () => {
    const name = await prompt({ replaced: null });
    const event = directAlarm({ model: name, name: uniqueName('alarm'), atMs: Date.now() });

    const answer = answerIn(await way.send(event, CHAMPION));

    expect(answer).toMatchObject({ outcome: 'AWAITING_APPROVAL', to_version: '2' });
    expect(codes(answer)).toContain('TARGET_IS_A_GUESS');
    expect(codes(answer)).toContain('PROMPT_IN_CACHES');
    expect(await named(name)).toBe('3');
  });

  test('is not looked for in a stage, while an alias names it', async () => {
    const name = await prompt({ replaced: null });

    const answer = answerIn(await way.ask({ model_name: name, target_version: '2' }));

    expect(answer.refusals).toMatchObject([{ code: 'POINTER_UNUSED' }]);
    expect(await named(name)).toBe('3');
  });
});
