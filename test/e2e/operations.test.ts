/** What people decide, by the built command and the built bundle, on the real engines; with a file too. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { runCommand } from './command.ts';
import { answerIn, failureIn, type Reply } from './reply.ts';
import { type FunctionWay, functionWay } from './ways.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

const THREE = ['Archived', 'Archived', 'Production'] as const;
let world: World;
let lambda: FunctionWay;

describe.skipIf(isEngineMissing)(suiteTitle('operations'), () => {
  beforeAll(async () => {
    world = await createWorld();
    lambda = functionWay(world);
  });
  afterAll(() => lambda?.close());

  const command = async (
    args: readonly string[],
    settings: Settings = {},
  ): Promise<{ readonly exitCode: number; readonly json: Reply }> => {
    const { exitCode, stdout } = await runCommand([...args, '--json'], world.env(settings));
    return { exitCode: exitCode ?? -1, json: JSON.parse(stdout) as Reply };
  };

  test('a freeze by the command stops the function, which takes its end as an event', async () => {
    const model = await world.model(THREE);
    const frozen = await command(['freeze', model, '--until', '2h', '--reason', 'migration']);
    expect(frozen).toMatchObject({ exitCode: 0, json: { operation: 'freeze', changed: true } });

    const refused = answerIn(await lambda.ask({ model_name: model }));
    expect(refused).toMatchObject({ outcome: 'REFUSED', refusals: [{ code: 'FROZEN' }] });
    const event = { operation: 'unfreeze', model_name: model, requested_by: 'ana' };
    expect(await lambda.send(event)).toMatchObject({ operation: 'unfreeze', changed: true });
    expect(answerIn(await lambda.ask({ model_name: model }))).toMatchObject({ to_version: '2' });

    const decisions = await command(['history', model, '--decisions']);
    expect(decisions.json).toMatchObject([
      { operation: 'unfreeze', requested_by: 'ana' },
      { operation: 'freeze', reason: 'migration' },
    ]);
    const subjects = (await world.notices(model)).map(({ subject }) => subject);
    expect(subjects).toContain(`Model Rollback frozen: ${model}`);
    expect(subjects).toContain(`Model Rollback freeze ended: ${model}`);
  });

  test('a misspelt operation of a model rolls nothing back', async () => {
    const model = await world.model(THREE);
    const failure = failureIn(await lambda.send({ operation: 'freez', model_name: model }));
    expect(failure.errorType).toBe('InvalidRequestError');
    expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
  });

  test('a version that a person put into quarantine is passed over by the function', async () => {
    const model = await world.model(THREE);
    await command(['quarantine', model, '2', '--reason', 'trained on the wrong data']);
    const answer = answerIn(await lambda.ask({ model_name: model }));
    expect(answer).toMatchObject({ rolled_back: true, to_version: '1' });
  });

  test.each(['DynamoDB', 'SQLite'])(
    'a rollback is undone by the command, once, with its state in %s',
    async (store) => {
      const folder = mkdtempSync(join(tmpdir(), 'model-rollback-undo-'));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      const settings: Settings =
        store === 'SQLite'
          ? { ROLLBACK_STATE_TABLE: '', ROLLBACK_STORE: `sqlite:${join(folder, 'state.sqlite')}` }
          : {};
      const model = await world.model(THREE);
      const { json: rollback } = await command(['apply', model, '--yes'], settings);
      const id = answerIn(rollback).rollback_id ?? '';

      const undone = await command(['undo', model, '--yes'], settings);
      expect(undone).toMatchObject({
        exitCode: 0,
        json: { outcome: 'ROLLED_BACK', from_version: '2', to_version: '3', undoes: id },
      });
      expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
      const again = await command(['undo', id, '--yes'], settings);
      expect(again.json).toMatchObject({ replayed: true });
      const undo = answerIn(undone.json).rollback_id ?? '';
      const refused = await runCommand(['undo', undo, '--yes'], world.env(settings));
      expect(refused.exitCode).toBe(2);
      expect(refused.stderr).toContain('is itself an undo');
      const status = await command(['status', model], settings);
      expect(status.json).toMatchObject({ live_versions: ['3'], quarantined: [] });
    },
  );
});
