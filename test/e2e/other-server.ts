/**
 * What holds on another server than the one of all suites: the contracts of the registry, and of the scenarios
 * those that rest on answers that differ from server to server. `npm run matrix` plays all of them, on
 * more versions. A file for each server, because files run beside each other.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeAliasPointer } from '../contract/alias-pointer.contract.ts';
import { mlflowPlace } from '../contract/mlflow-place.ts';
import { describeModelRegistry } from '../contract/model-registry.contract.ts';
import { type Registry, uniqueName } from '../engines/engines.ts';
import { type MLflowVersion, mlflowName, traitsOf } from '../engines/mlflow-versions.ts';
import { type RunningEngine, startMlflow } from '../engines/start.ts';
import { tool } from '../engines/tools.ts';
import { directAlarm } from '../fakes/alarm-events.ts';
import { aliasScenarios } from './alias-scenarios.ts';
import { runCommand } from './command.ts';
import { type Answer, answerIn } from './reply.ts';
import { scenarios } from './scenarios.ts';
import { commandWay, type FunctionWay, functionWay, type Way } from './ways.ts';
import { createWorld, isEngineMissing, suiteTitle, type World } from './world.ts';

export interface OtherServer {
  readonly version: MLflowVersion;
  readonly title: string;
  readonly isMissing: boolean;
  start(): Promise<RunningEngine>;
}

/** The cores are shared with other suites, and PostgreSQL makes a cluster first. */
const START_TIMEOUT_MS = 180_000;

/** The suite of one server, with the ways in through which the scenarios are played. */
export function describeServer(server: OtherServer, wayNames: readonly Way['name'][]): void {
  describe.skipIf(isEngineMissing || server.isMissing)(suiteTitle(server.title), () => {
    let running: RunningEngine;
    let registry: Registry;

    beforeAll(async () => {
      running = await server.start();
      registry = { url: running.url, traits: traitsOf(server.version) };
    }, START_TIMEOUT_MS);
    afterAll(() => running?.stop());

    describeModelRegistry('MLflowModelRegistry', async () => mlflowPlace(registry));
    describeAliasPointer('MLflowModelRegistry', async () => mlflowPlace(registry));
    describeRollbacks(() => registry, wayNames);
  });
}

/** A version beside that of all suites, installed unless it is there. */
export async function olderMLflow(version: MLflowVersion): Promise<OtherServer> {
  const { isMissing, title } = await tool(mlflowName(version));
  const start = (): Promise<RunningEngine> => startMlflow({ version });
  return { version, title: title(`MLflow ${version}`), isMissing, start };
}

// ---------------------------------------------------------------------------------------------------

function describeRollbacks(registry: () => Registry, wayNames: readonly Way['name'][]): void {
  let world: World;
  let bundle: FunctionWay;
  let command: Way;

  beforeAll(async () => {
    world = await createWorld(registry());
    bundle = functionWay(world);
    command = commandWay(world);
  });
  afterAll(() => bundle?.close());

  const chosen = [...scenarios, ...aliasScenarios].filter((one) => one.isForEveryServer);
  for (const { title, run } of chosen) {
    for (const name of wayNames) {
      const way = (): Way => (name === 'function' ? bundle : command);
      test(`the ${name} ${title}`, () => run({ world, way: way() }));
    }
  }

  const alarm = async (model: string, pointer: string): Promise<Answer> => {
    const event = directAlarm({ model, name: uniqueName('alarm'), atMs: Date.now() });
    return answerIn(await bundle.send(event, { ROLLBACK_POINTER: pointer }));
  };

  test('a name with a slash and a colon is that of a model, or refused by the server', async () => {
    const model = uniqueName('team/fraud:eu');
    if (!world.traits.takesPathInName) {
      await expect(world.mlflow.createModel(model)).rejects.toThrow('Names cannot contain');
      return;
    }
    await world.mlflow.seedModel(model, ['Archived', 'Production']);
    await world.mlflow.setAlias(model, 'champion', '2');

    for (const pointer of ['stage:Production', 'alias:champion']) {
      const answer = answerIn(
        await bundle.ask({ model_name: model, target_version: '1', pointer }),
      );
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '2', pointer });
    }
    expect(await world.mlflow.liveVersions(model)).toEqual(['1']);
    expect(await world.mlflow.aliases(model)).toEqual({ champion: '1' });
  });

  test('an alarm goes back to what the promotion of the live version archived', async () => {
    const model = await world.model(['Archived', 'Archived', 'Production', 'None']);

    expect(await alarm(model, 'stage:Production')).toMatchObject({
      outcome: 'ROLLED_BACK',
      from_version: '3',
      to_version: '2',
      plan: { rule: 'displaced' },
    });
    expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
  });

  test('an alarm goes back to what a reported promotion of the alias replaced', async () => {
    const model = await world.model(['None', 'None', 'None']);
    await world.mlflow.setAlias(model, 'champion', '3');
    const env = world.env({ ROLLBACK_POINTER: 'alias:champion' });
    const reported = await runCommand(['promoted', model, '3', '--replaced', '1'], env);

    expect(reported.exitCode, reported.stderr).toBe(0);
    expect(await alarm(model, 'alias:champion')).toMatchObject({
      outcome: 'ROLLED_BACK',
      from_version: '3',
      to_version: '1',
      plan: { rule: 'recorded' },
    });
    expect(await world.mlflow.aliases(model)).toEqual({ champion: '1' });
  });
}
