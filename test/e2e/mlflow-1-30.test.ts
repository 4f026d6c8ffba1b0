/** A server that is too old: `doctor` names it, an alias is refused, and a stage can be moved. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TOO_OLD_MLFLOW, traitsOf } from '../engines/mlflow-versions.ts';
import type { RunningEngine } from '../engines/start.ts';
import { directAlarm } from '../fakes/alarm-events.ts';
import { runCommand } from './command.ts';
import { olderMLflow } from './other-server.ts';
import { answerIn, failureIn } from './reply.ts';
import { scenarios } from './scenarios.ts';
import { commandWay, type FunctionWay, functionWay, type Way } from './ways.ts';
import { createWorld, isEngineMissing, suiteTitle, type World } from './world.ts';

const server = await olderMLflow(TOO_OLD_MLFLOW);
const ALIASED = { ROLLBACK_POINTER: 'alias:champion' };

describe.skipIf(isEngineMissing || server.isMissing)(suiteTitle(server.title), () => {
  let running: RunningEngine;
  let world: World;
  let bundle: FunctionWay;
  let command: Way;

  beforeAll(async () => {
    running = await server.start();
    world = await createWorld({ url: running.url, traits: traitsOf(TOO_OLD_MLFLOW) });
    bundle = functionWay(world);
    command = commandWay(world);
  });
  afterAll(async () => {
    await bundle?.close();
    await running?.stop();
  });

  test('doctor names it as a problem, although it does not report its version', async () => {
    await world.model(['Archived', 'Production']);
    const { exitCode, json } = await runCommand(['doctor', '--json'], world.env());
    const { checks } = json as { readonly checks: readonly { readonly name: string }[] };
    expect(exitCode).toBe(1);
    expect(checks.find(({ name }) => name === 'registry')).toMatchObject({
      verdict: 'problem',
      message: expect.stringMatching(/unknown version.*too old: its searches have no order/),
      mend: 'Update the server to MLflow 2.3 or later.',
    });
  });

  test.each(['function', 'command'] as const)(
    'the %s refuses a plan and a move of an alias by name, and writes nothing',
    async (name) => {
      const way = name === 'function' ? bundle : command;
      const model = await world.model(['Archived', 'Archived', 'Production']);
      const before = await world.everything(model);

      for (const fields of [{ dry_run: true }, {}, { target_version: '2' }]) {
        const failure = failureIn(await way.ask({ model_name: model, ...fields }, ALIASED));
        expect(failure.errorType).toBe('RegistryRefusedError');
        expect(failure.message).toContain('aliases: they need MLflow 2.3 or later');
      }
      expect(await world.everything(model)).toEqual(before);
    },
  );

  test('an alarm about an alias fails, moves nothing and is announced', async () => {
    const model = await world.model(['Archived', 'Archived', 'Production']);
    const event = directAlarm({ model, name: 'drawdown', atMs: Date.now() });

    const answer = answerIn(await bundle.send(event, ALIASED));

    expect(answer).toMatchObject({ outcome: 'FAILED', rolled_back: false, notified: true });
    expect(answer.message).toContain('aliases: they need MLflow 2.3 or later');
    expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
  });

  for (const { title, run } of scenarios.filter((one) => one.isForEveryServer)) {
    test(`the function ${title}`, () => run({ world, way: bundle }));
  }

  test('its searches have no order and no end: the promotion is found among all versions', async () => {
    const model = await world.model(['Production', 'Production']);
    for (let count = 0; count < 120; count += 1) await world.mlflow.createVersion(model);
    await world.mlflow.transition(model, '1', 'Production', true);
    await world.mlflow.transition(model, '122', 'Production', true);

    const shown = answerIn(await command.ask({ model_name: model, dry_run: true }));

    expect(shown).toMatchObject({ from_version: '122', to_version: '1' });
    expect(shown.plan).toMatchObject({ rule: 'displaced', unread_below: null });
  });
});
