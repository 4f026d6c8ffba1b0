/**
 * An upgrade: the built function of release 0.1.0 and that of this release at work on one table, in both
 * orders, and after a downgrade; and what 0.1.0 must refuse.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { uniqueName } from '../engines/engines.ts';
import { lastReleaseFolder, lastReleaseProblem } from '../engines/last-release.ts';
import { startDynamoDBLocal } from '../engines/start.ts';
import { directAlarm } from '../fakes/alarm-events.ts';
import { builtFile } from './built.ts';
import { runCommand } from './command.ts';
import { CLOCK_OFFSET, type FunctionProcess, startFunction } from './function-process.ts';
import { type Answer, answerIn, failureIn } from './reply.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

type Release = '0.1.0' | 'this release';

const problem = lastReleaseProblem();
const STAGES = ['Archived', 'Archived', 'Archived', 'Production'] as const;
const NOWHERE = 'arn:aws:sns:eu-west-1:000000000000:nowhere';
const HOUR_MS = 3_600_000;

let world: World;
const processes: FunctionProcess[] = [];

describe.skipIf(isEngineMissing || problem !== null)(
  suiteTitle(`an upgrade${problem === null ? '' : ` [skipped: ${problem}]`}`),
  () => {
    beforeAll(async () => {
      world = await createWorld(undefined, { isFirstTable: true });
    });
    afterAll(() => Promise.all(processes.map((one) => one.kill())));

    describe.each([
      { first: '0.1.0', second: 'this release' },
      { first: 'this release', second: '0.1.0' },
    ] as const)('with $first, then $second on the table', ({ first, second }) => {
      test('answers a repeated request from the record of the other', async () => {
        const model = await world.model(STAGES);
        const request = { model_name: model, request_id: 'r', reason: 'TEST_FAILURE' };
        const one = answerIn(await send(first, request));
        const again = answerIn(await send(second, request));
        expect(one).toMatchObject({ rolled_back: true, from_version: '4', to_version: '3' });
        expect(again).toMatchObject({
          replayed: true,
          rolled_back: true,
          from_version: '4',
          to_version: '3',
          timestamp: one.timestamp,
          rollback_id: one.rollback_id,
        });
        expect(await live(model)).toEqual(['3']);
        expect(await world.notices(model)).toHaveLength(1);
      });

      test('keeps the cooldown, the quarantine and the history of the other', async () => {
        const model = await world.model(STAGES);
        await send(first, { model_name: model, request_id: '1' });
        const refused = answerIn(await send(second, { model_name: model, request_id: '2' }));
        expect(refused.refusals.map(({ code }) => code)).toEqual(['COOLDOWN']);
        const overrides = ['COOLDOWN'];
        const next = { model_name: model, request_id: '3', overrides };
        expect(answerIn(await send(second, next))).toMatchObject({ to_version: '2' });
        const last = { model_name: model, request_id: '4', overrides };
        expect(answerIn(await send(first, last))).toMatchObject({ to_version: '1' });
        const none = answerIn(await send(second, { ...last, request_id: '5' }));
        expect(none.outcome).toBe('NO_TARGET');
        const rows = await world.history(model);
        expect(rows.map(({ outcome }) => outcome).toSorted()).toEqual([
          'NO_TARGET',
          'REFUSED',
          'ROLLED_BACK',
          'ROLLED_BACK',
          'ROLLED_BACK',
        ]);
      });

      test('sweeps what the other left', async () => {
        const model = await world.model(STAGES);
        await send(first, { model_name: model, request_id: 'r' });
        const swept = await send(second, { sweep: true }, { [CLOCK_OFFSET]: '150000' });
        expect(swept).toMatchObject({ outcome: 'SWEPT', failed: [], pointers_differ: 0 });
        expect((swept as unknown as { pointers_checked: number }).pointers_checked).toBeGreaterThan(
          0,
        );
      });

      test('opens a key again that the other ended without effect', async () => {
        const model = await world.model(['None', 'Production']);
        const request = { model_name: model, request_id: 'r' };
        expect(answerIn(await send(first, request)).outcome).toBe('NO_TARGET');
        await world.mlflow.transition(model, '1', 'Archived', false);
        expect(answerIn(await send(second, request))).toMatchObject({
          outcome: 'ROLLED_BACK',
          to_version: '1',
        });
      });
    });

    test('lets 0.1.0 roll back what this release promoted, to exactly what that replaced', async () => {
      const model = await world.model(STAGES);
      await world.mlflow.createVersion(model);
      const promoter = await startFunction(world.env(), builtFile('dist/promote/index.mjs'));
      processes.push(promoter);
      const promoted = await promoter.invoke({ model_name: model, new_version: '5' });
      expect(promoted).toMatchObject({ promoted: true, archived_version: '4' });
      const back = answerIn(await send('0.1.0', { model_name: model, request_id: 'r' }));
      expect(back).toMatchObject({ rolled_back: true, from_version: '5', to_version: '4' });
      expect(await live(model)).toEqual(['4']);
    });

    test('answers and notifies with every field of 0.1.0, of the same type and in the same order', async () => {
      const seen = {
        '0.1.0': await everyAnswer('0.1.0'),
        'this release': await everyAnswer('this release'),
      };
      for (const [what, before] of Object.entries(seen['0.1.0'])) {
        const known = fieldsOf(before);
        const now = fieldsOf(seen['this release'][what]);
        expect({ what, fields: now.filter((field) => known.includes(field)) }).toEqual({
          what,
          fields: known,
        });
      }
    });

    test('sends the notices that 0.1.0 could not send', async () => {
      const model = await world.model(STAGES);
      const settings = { ALERT_SNS_TOPIC_ARN: NOWHERE };
      const answer = answerIn(
        await send('0.1.0', { model_name: model, request_id: 'r' }, settings),
      );
      expect(answer.notified).toBe(false);
      expect(await world.notices(model)).toEqual([]);
      await send('this release', { sweep: true }, { [CLOCK_OFFSET]: String(HOUR_MS) });
      expect(await world.notices(model)).toMatchObject([
        { subject: `Model Rollback: ${model}`, message: { rollback_id: answer.rollback_id } },
      ]);
      const again = await send('this release', { model_name: model, request_id: 'r' });
      expect(answerIn(again)).toMatchObject({ replayed: true, notified: true });
    });

    describe('that uses what 0.1.0 does not know', () => {
      test('makes it refuse the model by name, and move and overwrite nothing', async () => {
        const model = await world.model(STAGES);
        await send('this release', { model_name: model, request_id: '1' });
        const released = await runCommand(['release', model, '4', '--json'], world.env());
        expect(released).toMatchObject({ exitCode: 0 });
        const before = await world.everything(model);
        const next = { model_name: model, request_id: '2', overrides: ['COOLDOWN'] };

        const failure = failureIn(await send('0.1.0', next));

        expect(failure).toMatchObject({ errorType: 'StateCorruptError', code: 'STATE_CORRUPT' });
        expect(failure.message).toContain('schema is 2');
        expect(await world.everything(model)).toEqual(before);
        expect(answerIn(await send('this release', next))).toMatchObject({
          rolled_back: true,
          from_version: '3',
        });
      });

      test('makes it refuse a model with a policy, which it would overlook', async () => {
        const model = await world.model(STAGES);
        const policy = { mode: 'ask', cooldown_hours: 48 };
        const fields = { operation: 'policy-set', model_name: model, policy, reason: 'pays' };
        await send('this release', fields);
        const before = await world.everything(model);

        const failure = failureIn(await send('0.1.0', { model_name: model, request_id: '1' }));

        expect(failure).toMatchObject({ errorType: 'StateCorruptError', code: 'STATE_CORRUPT' });
        expect(failure.message).toContain('schema is 2');
        expect(await world.everything(model)).toEqual(before);
        const next = { model_name: model, request_id: '2' };
        expect(answerIn(await send('this release', next))).toMatchObject({ rolled_back: true });
        const again = answerIn(await send('this release', { ...next, request_id: '3' }));
        const [refusal] = again.refusals;
        const hours = (Date.parse(refusal?.clears_at ?? '') - Date.now()) / HOUR_MS;
        expect(hours).toBeGreaterThan(47);
      });

      test('leaves its other models to it', async () => {
        const [model, other] = [await world.model(STAGES), await world.model(STAGES)];
        await send('this release', { model_name: model, request_id: '1' });
        await runCommand(['release', model, '4', '--json'], world.env());
        const answer = answerIn(await send('0.1.0', { model_name: other, request_id: '1' }));
        expect(answer).toMatchObject({ rolled_back: true, to_version: '3' });
      });
    });

    test('with reindex, and a downgrade with reindex --back, leaves each release its due work', async () => {
      // The shared one, busy with other suites, takes minutes to add an index.
      const dynamodb = await startDynamoDBLocal();
      onTestFinished(() => dynamodb.stop());
      world = await createWorld(undefined, { isFirstTable: true, dynamodb });
      const [before, after] = [await world.model(STAGES), await world.model(STAGES)];
      await send('0.1.0', { model_name: before, request_id: 'r' });
      const later = { [CLOCK_OFFSET]: '150000' };
      const checked = async (release: Release): Promise<unknown> =>
        ((await send(release, { sweep: true }, later)) as unknown as Record<string, unknown>)[
          'pointers_checked'
        ];

      const made = await runCommand(['create-table', '--json'], world.env());
      expect(made.json).toMatchObject({ created: false, index_added: true });
      expect((await runCommand(['reindex', '--json'], world.env())).json).toMatchObject({
        layout: 'sharded',
        complete: true,
      });
      await send('this release', { model_name: after, request_id: 'r' });
      expect(await checked('0.1.0')).toBe(0);
      expect((await world.history(null)).map(({ model_name: name }) => name)).toEqual([
        after,
        before,
      ]);

      const back = await runCommand(['reindex', '--back', '--json'], world.env());
      expect(back.json).toMatchObject({ layout: 'single', complete: true });
      expect(await checked('0.1.0')).toBe(2);
      expect(await checked('this release')).toBe(0);
    });
  },
);

// ---------------------------------------------------------------------------------------------------

/** What a caller and a subscriber get, one of each kind. */
async function everyAnswer(release: Release): Promise<Readonly<Record<string, unknown>>> {
  const model = await world.model(STAGES);
  const red = await world.model(STAGES);
  const request = { model_name: model, request_id: '1', requested_by: 'ada' };
  const message = {
    Records: [{ EventSource: 'aws:sns', Sns: { TopicArn: NOWHERE, Message: 'x' } }],
  };
  const alarm = directAlarm({ model: red, name: uniqueName('alarm'), atMs: Date.now() });
  const answers = {
    preview: await send(release, { model_name: model, dry_run: true }),
    rollback: await send(release, request),
    replay: await send(release, request),
    refusal: await send(release, { model_name: model, request_id: '2' }),
    alarm: await send(release, alarm),
    'messages of a topic': await send(release, message),
    sweep: await send(release, { sweep: true }),
    error: await send(release, { model_nam: model }),
  };
  const [done, refused] = await world.notices(model);
  const [acted] = await world.notices(red);
  return {
    ...answers,
    'notice of a rollback': done,
    'of a refusal': refused,
    'of an alarm': acted,
  };
}

/** Paths with types, in their order; a list is known by its first entry. */
function fieldsOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value))
    return [`${path}: list`, ...value.slice(0, 1).flatMap((one) => fieldsOf(one, `${path}[]`))];
  if (typeof value !== 'object' || value === null)
    return [`${path}: ${value === null ? 'null' : typeof value}`];
  return Object.entries(value).flatMap(([name, one]) => fieldsOf(one, `${path}.${name}`));
}

/** One event to a process of a release, which is started for these settings. */
async function send(release: Release, event: object, settings: Settings = {}): Promise<Answer> {
  const file =
    release === '0.1.0' ? [join(lastReleaseFolder(), 'dist', 'lambda', 'index.mjs')] : [];
  const process = await startFunction(world.env(settings), ...file);
  processes.push(process);
  return (await process.invoke(event)) as Answer;
}

async function live(model: string): Promise<string[]> {
  const versions = await world.mlflow.versions(model);
  return versions.filter(({ stage }) => stage === 'Production').map(({ version }) => version);
}
