/** Promotions by the built command and by the bundle of their own, on the real engines. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { uniqueName } from '../engines/engines.ts';
import { builtFile } from './built.ts';
import { runCommand } from './command.ts';
import { type FunctionProcess, startFunction } from './function-process.ts';
import { isFailure, type Reply } from './reply.ts';
import { createWorld, isEngineMissing, suiteTitle, type World } from './world.ts';

const bundle = builtFile('dist/promote/index.mjs');
const stages = ['Archived', 'Archived', 'Production', 'Staging'] as const;
const mlmodelOf = (names: readonly string[]): string =>
  `flavors: {}\nsignature:\n  inputs: '${JSON.stringify(
    names.map((name) => ({ type: 'long', name, required: true })),
  )}'\n  outputs: null\n`;
/** Nothing is refused for the rollbacks of the rounds before. */
const free = { ROLLBACK_COOLDOWN_HOURS: '0', ROLLBACK_BUDGET: 'off' };
const champion = { ROLLBACK_POINTER: 'alias:champion' };
const rounds = Number(process.env['PROMOTION_ROUNDS'] ?? '10');

describe.skipIf(isEngineMissing)(suiteTitle('promote'), () => {
  let world: World;
  let promoter: FunctionProcess;
  let rival: FunctionProcess;
  let roller: FunctionProcess;

  beforeAll(async () => {
    world = await createWorld();
    [promoter, rival, roller] = await Promise.all([
      startFunction(world.env(free), bundle),
      startFunction(world.env(free), bundle),
      startFunction(world.env(free)),
    ]);
  });
  afterAll(async () => {
    await Promise.all([promoter, rival, roller].map((process) => process?.kill()));
  });

  const command = async (args: readonly string[], settings = {}) => {
    const { exitCode, json } = await runCommand([...args, '--json'], world.env(settings));
    return { exitCode, answer: json as Record<string, unknown> };
  };

  test('by the command makes the latest in Staging live, and a rollback goes back to what it replaced', async () => {
    const model = await world.model(stages);
    const { exitCode, answer } = await command(['promote', model, '--yes']);
    expect(exitCode).toBe(0);
    expect(Object.keys(answer).slice(0, 7)).toEqual([
      'promoted',
      'already_promoted',
      'model_name',
      'new_version',
      'new_stage',
      'archived_version',
      'reason',
    ]);
    expect(answer).toMatchObject({
      promoted: true,
      already_promoted: false,
      model_name: model,
      new_version: '4',
      new_stage: 'Production',
      archived_version: '3',
      reason: null,
      outcome: 'PROMOTED',
      notified: true,
    });
    expect(await world.mlflow.liveVersions(model)).toEqual(['4']);
    const [notice] = await world.notices(model);
    expect(notice?.subject).toBe(`Model Rollback promoted: ${model}`);
    const back = await command(['apply', model, '--yes']);
    expect(back.answer).toMatchObject({ rolled_back: true, from_version: '4', to_version: '3' });
    const again = await command(['promote', model, '4', '--yes']);
    expect(again.exitCode).toBe(3);
    expect(again.answer).toMatchObject({ promoted: false, outcome: 'REFUSED' });
    expect(again.answer['reason']).toMatch(
      /in quarantine: .+ rolled it back at .+Z, reason MANUAL_REQUEST/,
    );
  });

  test('of an alias takes the challenger, and a rollback goes back to what it replaced', async () => {
    const model = await world.model(['None', 'None', 'None', 'None']);
    await world.mlflow.setAlias(model, 'champion', '1');
    await world.mlflow.setAlias(model, 'challenger', '4');
    const { answer } = await command(['promote', model, '--yes'], champion);
    expect(answer).toMatchObject({
      promoted: true,
      new_version: '4',
      new_stage: 'champion',
      archived_version: '1',
    });
    const back = await command(['apply', model, '--yes'], champion);
    expect(back.answer).toMatchObject({ rolled_back: true, from_version: '4', to_version: '1' });
    expect(back.answer).toMatchObject({ plan: { rule: 'recorded' } });
  });

  test('and what follows it keep champion-previous on what champion left, where the policy asks for it', async () => {
    const model = await world.model(['None', 'None', 'None']);
    await world.mlflow.setAlias(model, 'champion', '1');
    const policy = ['--previous-alias', 'on', '--pointer', 'alias:champion', '--reason', 'servers'];
    await command(['policy', 'set', model, ...policy]);
    const steps = [
      {
        args: ['promote', model, '3', '--yes'],
        names: { champion: '3', 'champion-previous': '1' },
      },
      { args: ['apply', model, '--yes'], names: { champion: '1', 'champion-previous': '3' } },
      { args: ['undo', model, '--yes'], names: { champion: '3', 'champion-previous': '1' } },
    ];
    for (const { args, names } of steps) {
      expect((await command(args)).exitCode, args.join(' ')).toBe(0);
      expect(await world.mlflow.aliases(model), args.join(' ')).toEqual(names);
    }
    // By the bundles: the one that promotes, and the one that rolls back.
    const asked = { model_name: model, request_id: uniqueName('previous') };
    expect(await promoter.invoke({ ...asked, new_version: '2' })).toMatchObject({ promoted: true });
    expect(await world.mlflow.aliases(model)).toEqual({ champion: '2', 'champion-previous': '3' });
    expect(await roller.invoke({ ...asked, target_version: '1' })).toMatchObject({
      rolled_back: true,
    });
    expect(await world.mlflow.aliases(model)).toEqual({ champion: '1', 'champion-previous': '2' });
  });

  test('succeeds where MLflow takes no alias of that length, with a warning that is kept', async () => {
    const model = await world.model(['None', 'None']);
    const alias = 'a'.repeat(250);
    await world.mlflow.setAlias(model, alias, '1');
    const settings = { ROLLBACK_POINTER: `alias:${alias}`, ROLLBACK_PREVIOUS_ALIAS: 'on' };
    const { exitCode, answer } = await command(['promote', model, '2', '--yes'], settings);
    expect(exitCode).toBe(0);
    expect(answer).toMatchObject({
      outcome: 'PROMOTED',
      notified: true,
      warnings: [
        {
          code: 'PREVIOUS_ALIAS_NOT_SET',
          message: expect.stringContaining(
            `The alias ${alias}-previous was not set to version 1: `,
          ),
        },
      ],
    });
    expect(await world.mlflow.aliases(model)).toEqual({ [alias]: '2' });
    const [record] = await world.history(model);
    expect(record?.warnings).toEqual(answer['warnings']);
  });

  test('says that nothing is in Staging, that a version is live, and that the model is frozen', async () => {
    const model = await world.model(['Archived', 'Production', 'None']);
    const none = await command(['promote', model, '--yes']);
    expect(none.exitCode).toBe(4);
    expect(none.answer).toMatchObject({ promoted: false, reason: 'No Staging version found' });
    const live = await command(['promote', model, '2', '--yes']);
    expect(live.exitCode).toBe(0);
    expect(live.answer).toMatchObject({ promoted: true, already_promoted: true });
    await command(['freeze', model, '--until', '1h', '--reason', 'a release']);
    const frozen = await command(['promote', model, '3', '--yes']);
    expect(frozen.exitCode).toBe(3);
    expect(frozen.answer).toMatchObject({ promoted: false, refusals: [{ code: 'FROZEN' }] });
    expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
  });

  test('wants the evidence that the policy asks for', async () => {
    const model = await world.model(stages);
    await command(['policy', 'set', model, '--promotion-evidence', '7d', '--reason', 'audit']);
    const { exitCode, answer } = await command(['promote', model, '4', '--yes']);
    expect(exitCode).toBe(3);
    expect(answer).toMatchObject({ promoted: false, refusals: [{ code: 'EVIDENCE_MISSING' }] });
    expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
  });

  test('refuses a version whose run is deleted, and warns of one that needs another input', async () => {
    const model = uniqueName('made');
    await world.mlflow.createModel(model);
    const needs = [['age'], ['age', 'zip'], ['age']];
    const runs: string[] = [];
    for (const names of needs) {
      const runId = await world.mlflow.createRun({}, {});
      runs.push(runId);
      await world.mlflow.createLoggedVersion(model, runId, mlmodelOf(names));
    }
    await world.mlflow.transition(model, '1', 'Production', true);
    await world.mlflow.deleteRun(runs[2] ?? '');
    const deleted = await command(['promote', model, '3', '--yes']);
    expect(deleted.exitCode).toBe(3);
    expect(deleted.answer).toMatchObject({
      promoted: false,
      reason: expect.stringContaining(`The run ${runs[2]} of version 3 is deleted`),
      refusals: [{ code: 'TARGET_UNFIT' }],
    });
    expect(await promoter.invoke({ model_name: model, new_version: '2' })).toMatchObject({
      promoted: true,
      warnings: [
        {
          code: 'SIGNATURE_DIFFERS',
          message: expect.stringContaining('it needs the input "zip"'),
        },
      ],
    });
    expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
  });

  test('warns when the files of the new version are gone', async () => {
    const model = uniqueName('made');
    await world.mlflow.createModel(model);
    const [first, second] = [
      await world.mlflow.createRun({}, {}),
      await world.mlflow.createRun({}, {}),
    ];
    await world.mlflow.createLoggedVersion(model, first, mlmodelOf(['age']));
    await world.mlflow.createLoggedVersion(model, second, mlmodelOf(['age']));
    await world.mlflow.transition(model, '1', 'Production', true);
    await world.mlflow.deleteArtifact(second, 'model/MLmodel');
    const { answer } = await command(['promote', model, '2', '--yes']);
    expect(answer).toMatchObject({
      promoted: true,
      warnings: [
        { code: 'TARGET_NOT_CHECKED', message: expect.stringContaining('No such artifact') },
      ],
    });
  });

  test('is shown as what it is by history, explain, status and history --live', async () => {
    const model = await world.model(stages);
    const { answer } = await command(['promote', model, '4', '--yes']);
    const id = String(answer['rollback_id']);
    expect(await world.history(model)).toMatchObject([{ outcome: 'PROMOTED', promotes: true }]);
    const text = async (...args: readonly string[]): Promise<string> =>
      (await runCommand(args, world.env())).stdout;
    expect(await text('explain', id)).toContain('PROMOTED');
    expect(await text('history', '--live', model)).toContain(`promotion ${id.split('/').at(-1)}`);
    expect(await text('status', model)).toContain('4');
    const undo = await runCommand(['undo', model, '--yes'], world.env());
    expect(undo.exitCode).toBe(2);
    expect(undo.stderr).toContain(`model-rollback apply ${model} --to 3`);
  });

  test('by the function answers the event of promote-model', async () => {
    const model = await world.model(stages);
    const event = { model_name: model, confidence: 0.9 };
    const answer = await promoter.invoke(event);
    expect(answer).toMatchObject({ promoted: true, new_version: '4', archived_version: '3' });
    expect(await promoter.invoke(event)).toMatchObject({ promoted: true, already_promoted: true });
    expect(await promoter.invoke({ model_name: model, dry_rum: true })).toMatchObject({
      errorType: 'InvalidRequestError',
    });
    expect(promoter.log()).toContain('"trigger":"promotion"');
    expect(promoter.log()).toContain('"PromotionSucceeded":1');
  });

  test.each([
    ['a stage', {}],
    ['an alias', { pointer: 'alias:champion' }],
  ])(
    'twice and a rollback at once leave one live version of %s, and true answers',
    { timeout: 60_000 + rounds * 5_000 },
    async (title, pointed) => {
      const ends: Record<string, number> = {};
      for (let round = 0; round < rounds; round += 1) {
        const model = await world.model(['Archived', 'Archived', 'Production', 'None', 'None']);
        if ('pointer' in pointed) await world.mlflow.setAlias(model, 'champion', '3');
        const asked = { model_name: model, ...pointed };
        const keys = uniqueName('round');
        const replies = await Promise.all([
          promoter.invoke({ ...asked, new_version: '4', request_id: `${keys}-4` }),
          rival.invoke({ ...asked, new_version: '5', request_id: `${keys}-5` }),
          roller.invoke({ ...asked, request_id: `${keys}-back`, target_version: '2' }),
        ]);
        await expectTruth(model, replies, 'pointer' in pointed);
        for (const reply of replies) {
          const end = isFailure(reply) ? reply.errorType : String(reply.outcome);
          ends[end] = (ends[end] ?? 0) + 1;
        }
      }
      console.log(`race for ${title}: ${rounds} rounds, ${JSON.stringify(ends)}`);
    },
  );

  /** One version is live, and it is what the last of those that say that they moved the pointer left. */
  async function expectTruth(
    model: string,
    replies: readonly Reply[],
    isAlias: boolean,
  ): Promise<void> {
    const told = JSON.stringify(replies);
    const answers = replies.flatMap((reply) => (isFailure(reply) ? [] : [reply]));
    for (const reply of replies) {
      if (isFailure(reply)) expect(reply.errorType, told).toBe('RollbackInProgressError');
    }
    const moves = answers
      .filter(({ outcome }) => outcome === 'PROMOTED' || outcome === 'ROLLED_BACK')
      .toSorted((a, b) => String(a.timestamp).localeCompare(String(b.timestamp)));
    expect(moves.length, told).toBeGreaterThan(0);
    const live = isAlias
      ? [(await world.mlflow.aliases(model))['champion']]
      : await world.mlflow.liveVersions(model);
    const last = moves.at(-1) as Record<string, unknown> | undefined;
    expect(live, told).toEqual([last?.['new_version'] ?? last?.['to_version']]);
    const records = await world.history(model);
    for (const answer of answers) {
      const record = records.find(({ rollback_id: id }) => id === answer.rollback_id);
      expect(record?.outcome, told).toBe(answer.outcome);
    }
    expect(
      records.filter(({ outcome }) => outcome === 'IN_PROGRESS'),
      told,
    ).toEqual([]);
  }
});
