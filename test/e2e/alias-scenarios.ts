/**
 * What a rollback of an alias does from outside, through both ways in: the scenarios that a stage does not
 * have, and those whose evidence is another one. Beside `scenarios.ts`, which are about the stage.
 */
import { expect } from 'vitest';
import { startRegistryServer } from '../../src/embedded/registry-server.ts';
import { uniqueName } from '../engines/engines.ts';
import type { Stage } from '../engines/mlflow-admin.ts';
import { runCommand } from './command.ts';
import { type Answer, answerIn, failureIn, modelIn } from './reply.ts';
import type { Scenario, Stagehand } from './scenarios.ts';
import type { Settings, World } from './world.ts';

const CHAMPION: Settings = { ROLLBACK_POINTER: 'alias:champion' };
const WITHOUT_COOLDOWN: Settings = { ...CHAMPION, ROLLBACK_COOLDOWN_HOURS: '0' };

export const aliasScenarios: readonly Scenario[] = [
  {
    title: 'moves the alias to the named version, and no stage; records and announces it',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await aliased(world, { versions: 3, champion: '3' });
      const before = await rowsOf(world, model);

      const answer = answerIn(await way.ask({ model_name: model, target_version: '1' }, CHAMPION));

      expect(answer).toMatchObject({
        rolled_back: true,
        from_version: '3',
        to_version: '1',
        outcome: 'ROLLED_BACK',
        live_versions: ['1'],
        pointer: 'alias:champion',
        replayed: false,
        notified: true,
        refusals: [],
        warnings: [],
      });
      expect(answer.plan).toMatchObject({ rule: 'explicit', live_versions: ['3'] });
      await expectRolledBack({ world, way }, answer);
      expect(await rowsOf(world, model)).toEqual(before);
      const [first, second, third] = await world.mlflow.versions(model);
      expect(second?.tags).toEqual({});
      for (const row of [first, third]) {
        const [text] = Object.values(row?.tags ?? {});
        expect(text).toContain(answer.rollback_id);
        expect(text).toContain('alias:champion');
      }
    },
  },
  {
    title: 'says that a target that no record shows is a guess',
    run: async ({ world, way }) => {
      const model = await aliased(world, { versions: 3, champion: '3' });

      const preview = answerIn(await way.ask({ model_name: model, dry_run: true }, CHAMPION));
      const answer = answerIn(await way.ask({ model_name: model }, CHAMPION));

      for (const one of [preview, answer]) {
        expect(one).toMatchObject({ from_version: '3', to_version: '2' });
        expect(one.plan?.rule).toBe('ready-below');
        expect(codesOf(one)).toEqual(['TARGET_IS_A_GUESS']);
      }
      await expectRolledBack({ world, way }, answer);
      const [notice] = await world.notices(model);
      expect(notice?.message['warnings']).toMatchObject([{ code: 'TARGET_IS_A_GUESS' }]);
    },
  },
  {
    title: 'goes back to what a reported promotion replaced, without a warning',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await aliased(world, { versions: 4, champion: '4' });
      expect(await promoted(world, model, '4', '1')).toMatchObject({ recorded: true });
      expect(await promoted(world, model, '4', '1')).toMatchObject({ recorded: false });

      const answer = answerIn(await way.ask({ model_name: model }, CHAMPION));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '4', to_version: '1' });
      expect(answer.plan?.rule).toBe('recorded');
      expect(answer.warnings).toEqual([]);
      await expectRolledBack({ world, way }, answer);
    },
  },
  {
    title: 'goes back to what was live before, from one reported promotion to the next',
    run: async ({ world, way }) => {
      const model = await aliased(world, { versions: 4, champion: '2' });
      await promoted(world, model, '2', '1');
      await world.mlflow.setAlias(model, 'champion', '4');
      await promoted(world, model, '4');
      const ask = async (): Promise<Answer> =>
        answerIn(
          await way.ask({ model_name: model, request_id: uniqueName('key') }, WITHOUT_COOLDOWN),
        );

      const answers = [await ask(), await ask(), await ask()];

      expect(answers.map(({ to_version: to, outcome }) => [outcome, to])).toEqual([
        ['ROLLED_BACK', '2'],
        ['ROLLED_BACK', '1'],
        ['NO_TARGET', null],
      ]);
      expect(answers.map(({ plan }) => plan?.rule)).toEqual(['recorded', 'recorded', null]);
      expect(await world.mlflow.aliases(model)).toEqual({ champion: '1' });
      await expectOnRecord({ world, way }, answers.toReversed());
    },
  },
  {
    title: 'refuses to record a promotion that the alias does not show',
    run: async ({ world }) => {
      const model = await aliased(world, { versions: 3, champion: '3' });
      const before = await world.everything(model);

      const wrong = await runCommand(['promoted', model, '2', '--json'], world.env(CHAMPION));

      expect(wrong.exitCode).toBe(2);
      expect(wrong.stderr).toMatch(/names version 3, not 2.*Nothing was recorded/);
      expect(await world.everything(model)).toEqual(before);
    },
  },
  {
    title: 'goes back to what the alias of the previous version names',
    run: async ({ world, way }) => {
      for (const previous of ['champion-previous', 'previous-champion']) {
        const model = await aliased(world, { versions: 3, champion: '3', [previous]: '1' });

        const answer = answerIn(await way.ask({ model_name: model }, CHAMPION));

        expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '1', warnings: [] });
        expect(answer.plan?.rule).toBe('previous-alias');
        expect(await world.mlflow.aliases(model)).toEqual({ champion: '1', [previous]: '1' });
      }
    },
  },
  {
    title: 'writes nothing anywhere in a dry run',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await aliased(world, { versions: 3, champion: '3', stable: '3' });
      const before = await world.everything(model);
      const aliases = await world.mlflow.aliases(model);

      const answer = answerIn(
        await way.ask({ model_name: model, dry_run: true, target_version: '1' }, CHAMPION),
      );

      expect(answer).toMatchObject({
        outcome: 'DRY_RUN',
        from_version: '3',
        to_version: '1',
        live_versions: ['3'],
        pointer: 'alias:champion',
        rollback_id: null,
        notified: false,
      });
      expect(codesOf(answer)).toEqual(['ALIAS_LEFT_BEHIND']);
      expect(await world.everything(model)).toEqual(before);
      expect(await world.mlflow.aliases(model)).toEqual(aliases);
      expect(await world.history(model)).toEqual([]);
    },
  },
  {
    title: 'has a cooldown of its own beside that of the stage',
    run: async ({ world, way }) => {
      const model = await staged(world, '3');

      const stage = answerIn(
        await way.ask({ model_name: model, pointer: 'stage:Production' }, CHAMPION),
      );
      const alias = answerIn(await way.ask({ model_name: model, target_version: '2' }, CHAMPION));
      const again = answerIn(await way.ask({ model_name: model, target_version: '1' }, CHAMPION));

      expect(stage).toMatchObject({ outcome: 'ROLLED_BACK', pointer: 'stage:Production' });
      expect(alias).toMatchObject({ outcome: 'ROLLED_BACK', pointer: 'alias:champion' });
      expect(again.refusals.map(({ code }) => code)).toEqual(['COOLDOWN']);
      expect(again.message).toContain(alias.rollback_id);
      expect(await world.mlflow.aliases(model)).toEqual({ champion: '2' });
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
    },
  },
  {
    title: 'shares the quarantine with the stage, both ways',
    run: async ({ world, way }) => {
      const model = await staged(world, '2');
      await way.ask({ model_name: model, pointer: 'stage:Production' }, CHAMPION);

      const named: Ask = { model_name: model, target_version: '3' };
      const refused = answerIn(await way.ask(named, CHAMPION));
      await world.mlflow.setAlias(model, 'champion', '4');
      const around = answerIn(await way.ask({ model_name: model, dry_run: true }, CHAMPION));

      expect(refused).toMatchObject({ outcome: 'REFUSED', from_version: '2', to_version: '3' });
      expect(refused.refusals.map(({ code }) => code)).toEqual(['QUARANTINED']);
      expect(around).toMatchObject({ from_version: '4', to_version: '2' });

      // The alias leaves 2: the stage does not go back to it either.
      await world.mlflow.setAlias(model, 'champion', '2');
      await way.ask({ model_name: model, target_version: '1' }, CHAMPION);
      await world.mlflow.transition(model, '4', 'Production', true);
      const stage = answerIn(
        await way.ask(
          { model_name: model, target_version: '2', pointer: 'stage:Production' },
          WITHOUT_COOLDOWN,
        ),
      );
      expect(stage.refusals.map(({ code }) => code)).toContain('QUARANTINED');
    },
  },
  {
    title: 'does not set an alias that nobody uses where a version is in Production',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await world.model(['Archived', 'Production']);
      const request: Ask = { model_name: model, target_version: '1' };

      const refused = answerIn(await way.ask(request, CHAMPION));
      expect(refused.refusals).toMatchObject([{ code: 'POINTER_UNUSED', overridable: true }]);
      expect(refused.message).toContain(
        `model-rollback apply ${model} --to 1 --pointer stage:Production`,
      );
      expect(await world.mlflow.aliases(model)).toEqual({});

      const overrides = ['POINTER_UNUSED'];
      const answer = answerIn(await way.ask({ ...request, overrides }, CHAMPION));
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: null, to_version: '1' });
      expect(codesOf(answer)).toContain('OVERRIDDEN_POINTER_UNUSED');
      expect(await world.mlflow.aliases(model)).toEqual({ champion: '1' });
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
    },
  },
  {
    title: 'does not move a stage that nobody uses where an alias names a version',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await aliased(world, { versions: 3, champion: '3', challenger: '2' });
      const request: Ask = { model_name: model, target_version: '1' };

      for (const one of [request, { model_name: model }]) {
        const refused = answerIn(await way.ask(one));
        expect(refused.refusals.map(({ code }) => code)).toContain('POINTER_UNUSED');
        expect(refused.message).toMatch(/alias:champion names version 3.*--pointer alias:champion/);
      }
      const answer = answerIn(await way.ask({ ...request, pointer: 'stage:Production' }));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: null, to_version: '1' });
      expect(await world.mlflow.liveVersions(model)).toEqual(['1']);
      expect(await world.mlflow.aliases(model)).toEqual({ champion: '3', challenger: '2' });
    },
  },
  {
    title: 'moves the pointer of the request, else that of the model, else the one set for all',
    run: async ({ world, way }) => {
      const model = await aliased(world, { versions: 4, champion: '4', blue: '4', green: '4' });
      const settings = {
        ...CHAMPION,
        ROLLBACK_MODEL_POINTERS: JSON.stringify({
          'no-such-model': 'stage:Production',
          [`${prefix}*`]: 'alias:blue',
        }),
      };
      const ask = async (version: string, more: Partial<Ask>, set: Settings): Promise<unknown> => {
        const request = { model_name: model, target_version: version, ...more };
        return answerIn(await way.ask(request, set)).pointer;
      };

      expect(await ask('1', { pointer: 'alias:green' }, settings)).toBe('alias:green');
      expect(await ask('2', {}, settings)).toBe('alias:blue');
      expect(await ask('3', {}, CHAMPION)).toBe('alias:champion');
      const aliases = { green: '1', blue: '2', champion: '3' };
      expect(await world.mlflow.aliases(model)).toEqual(aliases);
      const answers = await world.history(model);
      expect(answers.map(({ pointer }) => pointer)).toEqual([
        'alias:champion',
        'alias:blue',
        'alias:green',
      ]);
    },
  },
  {
    title: 'keeps apart two aliases that differ in case only',
    run: async ({ world, way }) => {
      const model = await aliased(world, { versions: 3, champion: '3', Champion: '2' });

      const answer = answerIn(
        await way.ask({ model_name: model, target_version: '1', pointer: 'alias:Champion' }),
      );

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '2', to_version: '1' });
      expect(await world.mlflow.aliases(model)).toEqual({ champion: '3', Champion: '1' });
    },
  },
  {
    title: 'refuses a pointer that cannot be one, before anything is read',
    run: async ({ world, way }) => {
      const model = await aliased(world, { versions: 2, champion: '2' });
      const before = await world.everything(model);

      const pointers = ['alias:latest', 'alias:V3', 'alias:a.b', 'alias:a b', 'alias:', 'champion'];
      for (const pointer of [...pointers, `alias:${'a'.repeat(256)}`, 'stage:Staging']) {
        const failure = failureIn(
          await way.ask({ model_name: model, target_version: '1', pointer }),
        );
        expect(failure.errorType).toBe('InvalidRequestError');
        expect(failure.message).toMatch(/pointer/);
      }

      expect(await world.everything(model)).toEqual(before);
    },
  },
  {
    title: 'replays the answer to the same request_id, also when another pointer is set since',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await aliased(world, { versions: 3, champion: '3' });
      const request: Ask = { model_name: model, request_id: 'one-key', target_version: '2' };
      const first = answerIn(await way.ask(request, CHAMPION));
      // Somebody promotes again: a repeated request does not undo it.
      await world.mlflow.setAlias(model, 'champion', '3');

      const second = answerIn(await way.ask(request, CHAMPION));
      const third = answerIn(await way.ask(request));
      const other = failureIn(await way.ask({ ...request, pointer: 'alias:other' }, CHAMPION));

      expect(second).toEqual({ ...first, replayed: true });
      expect(third).toEqual({ ...first, replayed: true });
      expect(other).toMatchObject({ errorType: 'InvalidRequestError' });
      expect(await world.mlflow.aliases(model)).toEqual({ champion: '3' });
      await expectOnRecord({ world, way }, [first]);
    },
  },
  {
    title: 'refuses an alias that is not set, unless the request names a target',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await aliased(world, { versions: 2 });

      const refused = answerIn(await way.ask({ model_name: model }, CHAMPION));
      expect(refused).toMatchObject({ outcome: 'REFUSED', from_version: null, to_version: null });
      expect(refused.refusals.map(({ code }) => code)).toEqual(['NO_LIVE_VERSION']);
      expect(await world.mlflow.aliases(model)).toEqual({});

      const answer = answerIn(await way.ask({ model_name: model, target_version: '2' }, CHAMPION));
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: null, to_version: '2' });
      expect(await world.mlflow.aliases(model)).toEqual({ champion: '2' });
    },
  },
  {
    title: 'finds no live version when the version was deleted, or goes back from its number',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await aliased(world, { versions: 3, champion: '3' });
      await world.mlflow.deleteVersion(model, '3');

      const gone = failureIn(await way.ask({ model_name: model, target_version: '3' }, CHAMPION));
      const answer = answerIn(await way.ask({ model_name: model }, CHAMPION));

      expect(gone.errorType).toBe('VersionNotFoundError');
      if (world.traits.keepsAliasOfDeleted) {
        expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '3' });
        expect(codesOf(answer)).toContain('LIVE_VERSION_DELETED');
        await expectRolledBack({ world, way }, answer);
      } else {
        expect(answer).toMatchObject({ outcome: 'REFUSED', from_version: null });
        expect(answer.refusals.map(({ code }) => code)).toEqual(['NO_LIVE_VERSION']);
        expect(await world.mlflow.aliases(model)).toEqual({});
      }
    },
  },
  {
    // MLflow to 3.5.1 leaves the alias after every delete, later ones by a race.
    title: 'goes back from a version that was deleted while its alias still names it',
    run: async ({ way }) => {
      const model = uniqueName('dangling');
      await using registry = await danglingRegistry(model);
      const settings = { ...CHAMPION, MLFLOW_TRACKING_URI: registry.url };

      const preview = answerIn(await way.ask({ model_name: model, dry_run: true }, settings));
      const answer = answerIn(await way.ask({ model_name: model }, settings));

      for (const one of [preview, answer]) {
        expect(one).toMatchObject({ from_version: '3', to_version: '2' });
        expect(codesOf(one)).toContain('LIVE_VERSION_DELETED');
      }
      expect(answer.outcome).toBe('ROLLED_BACK');
      expect(registry.named()).toBe('2');
    },
  },
  {
    title: 'compares versions as numbers: 10 is newer than 9',
    run: async ({ world, way }) => {
      const model = await aliased(world, { versions: 11, champion: '10' });

      const answer = answerIn(await way.ask({ model_name: model }, CHAMPION));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '10', to_version: '9' });
      await expectRolledBack({ world, way }, answer);
    },
  },
  {
    title: 'says which other pointers still name the version that it left',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await staged(world, '3');
      await world.mlflow.setAlias(model, 'stable', '3');
      await world.mlflow.setAlias(model, 'challenger', '3');

      const answer = answerIn(await way.ask({ model_name: model, target_version: '2' }, CHAMPION));

      expect(codesOf(answer).toSorted()).toEqual(['ALIAS_LEFT_BEHIND', 'STAGE_LEFT_BEHIND']);
      const [text] = answer.warnings.map(({ message }) => message);
      expect(text).toContain(`model-rollback apply ${model} --to 2 --pointer alias:stable`);
      expect(text).not.toContain('challenger');
      expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
    },
  },
  {
    title:
      'warns of a stage below a version that an alias names, unless the request names the stage',
    run: async ({ world, way }) => {
      const model = await world.model(['Archived', 'Production', 'None', 'None']);
      await world.mlflow.setAlias(model, 'champion', '4');
      await world.mlflow.setAlias(model, 'challenger', '3');
      const named: Ask = { model_name: model, pointer: 'stage:Production', dry_run: true };

      const certain = answerIn(await way.ask(named));
      const preview = answerIn(await way.ask({ model_name: model, dry_run: true }));
      const answer = answerIn(await way.ask({ model_name: model }));

      expect(codesOf(certain)).toEqual([]);
      for (const one of [preview, answer]) {
        expect(codesOf(one)).toEqual(['POINTER_DOUBTFUL']);
        expect(one.warnings[0]?.message).toContain(
          'alias:champion names version 4, above version 2',
        );
      }
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '2', to_version: '1' });
      const [notice] = await world.notices(model);
      expect(notice?.message['warnings']).toMatchObject([{ code: 'POINTER_DOUBTFUL' }]);
    },
  },
  {
    title: 'warns when the alias of the previous version contradicts the record, which decides',
    run: async ({ world, way }) => {
      const model = await aliased(world, { versions: 3, champion: '3', 'champion-previous': '1' });
      await promoted(world, model, '3', '2');

      const preview = answerIn(await way.ask({ model_name: model, dry_run: true }, CHAMPION));
      const answer = answerIn(await way.ask({ model_name: model }, CHAMPION));

      for (const one of [preview, answer]) {
        expect(one).toMatchObject({ to_version: '2', plan: { rule: 'recorded' } });
        expect(codesOf(one)).toEqual(['PREVIOUS_ALIAS_DIFFERS']);
      }
      const [notice] = await world.notices(model);
      expect(notice?.message['warnings']).toMatchObject([{ code: 'PREVIOUS_ALIAS_DIFFERS' }]);
    },
  },
  {
    title: 'refuses when the alias names another version than the request expects',
    run: async ({ world, way }) => {
      const model = await aliased(world, { versions: 3, champion: '3' });
      const request: Ask = { model_name: model, target_version: '1' };

      const refused = answerIn(await way.ask({ ...request, expected_from_version: '2' }, CHAMPION));
      const live = answerIn(await way.ask({ ...request, target_version: '3' }, CHAMPION));

      expect(refused.refusals.map(({ code }) => code)).toEqual(['LIVE_VERSION_CHANGED']);
      expect(live).toMatchObject({ outcome: 'ALREADY_LIVE', pointer: 'alias:champion' });
      expect(await world.mlflow.aliases(model)).toEqual({ champion: '3' });
    },
  },
  {
    title: 'reports a model that is not there, also under an alias',
    isForEveryServer: true,
    run: async ({ way }) => {
      const failure = failureIn(await way.ask({ model_name: uniqueName('nowhere') }, CHAMPION));
      expect(failure.errorType).toBe('ModelNotFoundError');
    },
  },
];

// ---------------------------------------------------------------------------------------------------

const prefix = 'aliased';

type Ask = Parameters<Stagehand['way']['ask']>[0];

/** How many versions a model has, none in a stage, and what its aliases name. */
interface Aliased {
  readonly versions: number;
  readonly [alias: string]: string | number;
}

async function aliased(world: World, { versions, ...aliases }: Aliased): Promise<string> {
  const model = await world.model(nones(versions), prefix);
  for (const [alias, version] of Object.entries(aliases)) {
    await world.mlflow.setAlias(model, alias, String(version));
  }
  return model;
}

/** Version 3 of four is in Production and displaced 2; the alias names `champion`. */
async function staged(world: World, champion: string): Promise<string> {
  const model = await world.model(['Archived', 'Archived', 'Production', 'None'], prefix);
  await world.mlflow.setAlias(model, 'champion', champion);
  return model;
}

/** `model-rollback promoted`, as a pipeline runs it. */
async function promoted(
  world: World,
  model: string,
  version: string,
  replaced?: string,
): Promise<unknown> {
  const more = replaced === undefined ? [] : ['--replaced', replaced];
  const line = ['promoted', model, version, ...more, '--json'];
  const { exitCode, stderr, json } = await runCommand(line, world.env(CHAMPION));
  if (exitCode !== 0) throw new Error(stderr);
  return json;
}

function codesOf({ warnings }: Answer): readonly string[] {
  return warnings.map(({ code }) => code);
}

/** Stages, statuses and times of all versions; not what a rollback tags. */
async function rowsOf(world: World, model: string): Promise<readonly unknown[]> {
  const versions = await world.mlflow.versions(model);
  return versions.map(({ tags: _tags, ...row }) => row);
}

/** What holds after every rollback: the alias names the target, one record is the answer, one notice. */
async function expectRolledBack({ world, way }: Stagehand, answer: Answer): Promise<void> {
  const model = modelIn(answer);
  expect(await world.mlflow.aliases(model)).toMatchObject({ champion: answer.to_version });
  await expectOnRecord({ world, way }, [answer]);
  const notices = await world.notices(model);
  expect(notices).toHaveLength(1);
  expect(notices[0]?.subject).toBe(`Model Rollback: ${model}`);
  expect(notices[0]?.message).toMatchObject({
    model_name: model,
    from_version: answer.from_version,
    to_version: answer.to_version,
    pointer: 'alias:champion',
    timestamp: answer.timestamp,
    outcome: 'ROLLED_BACK',
    rollback_id: answer.rollback_id,
  });
}

/** The history shows these answers, newest first, field for field. */
async function expectOnRecord({ world }: Stagehand, answers: readonly Answer[]): Promise<void> {
  const [answer] = answers;
  if (answer === undefined) throw new Error('no answer is expected on record');
  expect(await world.history(modelIn(answer))).toEqual(answers);
}

function nones(count: number): Stage[] {
  return Array.from({ length: count }, () => 'None');
}

/** A registry whose alias `champion` still names the deleted version 3, until somebody moves it. */
async function danglingRegistry(
  model: string,
): Promise<AsyncDisposable & { readonly url: string; named(): string | undefined }> {
  const server = await startRegistryServer();
  server.seed(model, [{}, {}]);
  let named = '3';
  server.fault = ({ path, method, body, search }) => {
    const answer = (status: number, value: unknown) =>
      ({ kind: 'status', status, body: JSON.stringify(value) }) as const;
    if (path.endsWith('/registered-models/get')) {
      const aliases = [{ alias: 'champion', version: named }];
      return answer(200, { registered_model: { name: model, aliases, latest_versions: [{}] } });
    }
    if (!path.endsWith('/registered-models/alias')) return undefined;
    if (method === 'POST') {
      named = (body as { readonly version: string }).version;
      return undefined;
    }
    const message = `Model Version (name=${model}, version=3) not found`;
    const isOther = !search.includes('alias=champion&') && !search.endsWith('alias=champion');
    if (named !== '3' || isOther) return undefined;
    return answer(404, { error_code: 'RESOURCE_DOES_NOT_EXIST', message });
  };
  return {
    url: server.url,
    named: () => named,
    [Symbol.asyncDispose]: () => server.close(),
  };
}
