/** What every model registry must do when the pointer is an alias; run beside model-registry.contract.ts. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ModelNotFoundError, VersionNotFoundError } from '../../src/domain/errors.ts';
import { limits } from '../../src/domain/limits.ts';
import type { RegistrySnapshot } from '../../src/domain/registry/model.ts';
import { promptTag } from '../../src/domain/registry/prompt.ts';
import type { ModelRegistry } from '../../src/ports/model-registry.ts';
import { uniqueName } from '../engines/engines.ts';
import type { Stage } from '../engines/mlflow-admin.ts';
import {
  type RegistryKind,
  type RegistryPlace,
  soon,
  stagesOf,
} from './model-registry.contract.ts';

/** Runs the contract on one adapter. */
export function describeAliasPointer(
  name: string,
  openPlace: () => Promise<RegistryPlace>,
  { hasStages = true, nameOf = String }: RegistryKind = {},
): void {
  describe(`${name} through an alias`, () => {
    let place: RegistryPlace;
    let model: string;
    let registry: ModelRegistry;

    beforeEach(async () => {
      place = await openPlace();
      model = nameOf(uniqueName('aliased'));
      registry = through('champion');
    });

    afterEach(async () => {
      await place.close();
    });

    const through = (alias: string): ModelRegistry =>
      place.registry.through({ kind: 'alias', alias });
    const context: AliasContext = {
      place: () => place,
      model: () => model,
      registry: () => registry,
      stage: (stage) => (hasStages ? stage : 'None'),
      hasStages,
      through,
    };
    describeRead(context);
    describeDeleted(context);
    describeMany(context);
    describePrompts(context);
    describeMove(context);
  });
}

// ---------------------------------------------------------------------------------------------------

interface AliasContext {
  place(): RegistryPlace;
  model(): string;
  registry(): ModelRegistry;
  through(alias: string): ModelRegistry;
  /** As the registry shows it. */
  stage(stage: Stage): Stage;
  readonly hasStages: boolean;
}

/** All versions of a reading, with their times. */
function rowsOf({ live, others }: RegistrySnapshot): readonly string[] {
  return [...live, ...others].map((row) => JSON.stringify(row)).toSorted();
}

function describeRead(context: AliasContext): void {
  const { place, model, registry, through, stage, hasStages } = context;
  describe('read', () => {
    test('gives the version that the alias names as live, whatever its stage', async () => {
      await place().seed(model(), ['Archived', 'Production', 'None']);
      await place().setAlias(model(), 'champion', '1');
      const snapshot = await registry().read(model(), [], soon());
      expect(snapshot).toMatchObject({
        modelName: model(),
        pointer: { kind: 'alias', alias: 'champion' },
        isComplete: true,
        isEvidenceRead: true,
      });
      expect(snapshot.live).toMatchObject([
        { version: '1', stage: stage('Archived'), status: 'READY' },
      ]);
      const texts = [`1 ${stage('Archived')}`, '3 None', `2 ${stage('Production')}`];
      expect(stagesOf(snapshot)).toEqual(texts);
      expect(rowsOf(snapshot)).toEqual(rowsOf(await place().registry.read(model(), [], soon())));
    });

    test('gives no live version for an alias that is not set, and all others', async () => {
      await place().seed(model(), ['Archived', 'Production']);
      const snapshot = await registry().read(model(), [], soon());
      expect(snapshot.live).toEqual([]);
      expect(stagesOf(snapshot)).toEqual([`2 ${stage('Production')}`, `1 ${stage('Archived')}`]);
    });

    test('distinguishes upper and lower case', async () => {
      await place().seed(model(), ['None', 'None', 'None']);
      await place().setAlias(model(), 'champion', '1');
      await place().setAlias(model(), 'Champion', '2');
      const liveOf = async (alias: string): Promise<readonly string[]> =>
        (await through(alias).read(model(), [], soon())).live.map(({ version }) => version);
      expect(await liveOf('champion')).toEqual(['1']);
      expect(await liveOf('Champion')).toEqual(['2']);
      expect(await liveOf('CHAMPION')).toEqual([]);
      expect(await through('Champion').movePointer(model(), '3', soon())).toEqual({
        kind: 'moved',
      });
      expect(await liveOf('Champion')).toEqual(['3']);
      expect(await liveOf('champion')).toEqual(['1']);
      expect(await registry().readAlias(model(), 'CHAMPION', soon())).toBeNull();
    });

    test.each(['über', '日本', 'a-b_c', '3', 'v3a', 'a'.repeat(255)])('takes %s', async (alias) => {
      await place().seed(model(), ['None', 'None']);
      const named = through(alias);
      expect(await named.movePointer(model(), '1', soon())).toEqual({ kind: 'moved' });
      expect((await named.read(model(), [], soon())).live).toMatchObject([{ version: '1' }]);
    });

    test('gives included versions once, and none that is missing', async () => {
      await place().seed(model(), ['None', 'None', 'None']);
      await place().setAlias(model(), 'champion', '2');
      for (const rowsMax of [limits.registryPageRows, limits.recheckRows]) {
        const include = ['1', '2', '7', '999999999'];
        const snapshot = await registry().read(model(), include, soon(), rowsMax);
        expect(snapshot.live.map(({ version }) => version)).toEqual(['2']);
        const others = snapshot.others.map(({ version }) => version);
        // A reading without a search does not know what else there is. The memory always knows.
        expect(others).toEqual(snapshot.isComplete ? ['3', '1'] : ['1']);
        if (rowsMax === limits.registryPageRows) expect(snapshot.isComplete).toBe(true);
      }
    });

    test('throws ModelNotFoundError for a model that is not there', async () => {
      const read = registry().read(model(), ['1'], soon());
      await expect(read).rejects.toBeInstanceOf(ModelNotFoundError);
      await expect(read).rejects.toThrow(model());
    });

    test('is a view: the registry that it was taken from keeps its own pointer', async ({
      skip,
    }) => {
      skip(!hasStages, 'this registry has one kind of pointer');
      await place().seed(model(), ['Archived', 'Production']);
      await place().setAlias(model(), 'champion', '1');
      expect(registry().address).toBe(place().registry.address);
      const back = registry().through({ kind: 'stage', stage: 'Production' });
      for (const staged of [place().registry, back]) {
        expect((await staged.read(model(), [], soon())).live).toMatchObject([{ version: '2' }]);
      }
    });
  });

  describe('readAlias', () => {
    test('gives the whole row of what an alias names, for any pointer', async () => {
      await place().seed(model(), ['Archived', 'Production']);
      await place().setAlias(model(), 'champion-previous', '1');
      const { others } = await place().registry.read(model(), [], soon());
      const row = others.find(({ version }) => version === '1');
      for (const any of [registry(), place().registry]) {
        expect(await any.readAlias(model(), 'champion-previous', soon())).toEqual(row);
        expect(await any.readAlias(model(), 'champion', soon())).toBeNull();
      }
    });
  });
}

function describeDeleted({ place, model, registry }: AliasContext): void {
  describe('a version that was deleted under its alias', () => {
    test('is live, and known by its number only, or the alias is gone with it', async () => {
      await place().seed(model(), ['None', 'None', 'None']);
      await place().setAlias(model(), 'champion', '3');
      await place().deleteVersion(model(), '3');
      const kept = place().keepsAliasOfDeleted ? ['3 DELETED'] : [];
      for (const include of [[], ['3', '1']]) {
        for (const rowsMax of [limits.registryPageRows, limits.recheckRows]) {
          const { live, others } = await registry().read(model(), include, soon(), rowsMax);
          expect(live.map(({ version, status }) => `${version} ${status}`)).toEqual(kept);
          expect(others.map(({ version }) => version)).not.toContain('3');
        }
      }
      expect(await registry().readAlias(model(), 'champion', soon())).toBeNull();
    });

    test('leaves an alias that can be set again', async () => {
      await place().seed(model(), ['None', 'None']);
      await place().setAlias(model(), 'champion', '2');
      await place().deleteVersion(model(), '2');
      expect(await registry().movePointer(model(), '1', soon())).toEqual({ kind: 'moved' });
      const { live } = await registry().read(model(), [], soon());
      expect(live).toMatchObject([{ version: '1', status: 'READY' }]);
    });
  });
}

function describeMany({ place, model, registry }: AliasContext): void {
  describe('more versions than a page', () => {
    test('are not all read, but what the alias names and what is included', async () => {
      const count = limits.registryPageRows + 5;
      const nones = Array.from({ length: count }, () => 'None' as const);
      await place().seed(model(), nones);
      await place().setAlias(model(), 'champion', '1');
      const { live, others, isComplete } = await registry().read(model(), ['2', '9999'], soon());
      expect(live.map(({ version }) => version)).toEqual(['1']);
      // The memory has no pages.
      expect(others.length).toBe(isComplete ? count - 1 : limits.registryPageRows + 1);
      const numbers = others.map(({ version }) => Number(version));
      expect(numbers).toEqual(numbers.toSorted((a, b) => b - a));
      expect(numbers.slice(0, 2)).toEqual([count, count - 1]);
      expect(numbers).toContain(2);
      const below = await registry().readBelow(model(), '4', soon());
      expect(below.map(({ version }) => version)).toEqual(['3', '2', '1']);
    });
  });
}

function describePrompts({ place, model, registry }: AliasContext): void {
  describe('a prompt', () => {
    test('is read and moved as a model, and its rows say what it is', async ({ skip }) => {
      skip(!place().hasPrompts, 'this server has no prompts');
      await place().seedPrompt(model(), 3);
      await place().setAlias(model(), 'champion', '3');
      const { live, others, isComplete } = await registry().read(model(), ['1'], soon());
      expect(live).toMatchObject([{ version: '3', isPrompt: true }]);
      expect(others.map(({ version, isPrompt }) => [version, isPrompt])).toEqual([
        ['2', true],
        ['1', true],
      ]);
      expect(isComplete).toBe(true);
      const staged = await place().registry.read(model(), [], soon());
      expect(rowsOf(staged)).toEqual(rowsOf({ live, others } as RegistrySnapshot));
      expect(await registry().movePointer(model(), '2', soon())).toEqual({ kind: 'moved' });
      const recheck = await registry().read(model(), ['3'], soon(), limits.recheckRows);
      expect(recheck.live).toMatchObject([{ version: '2' }]);
    });

    test('is read whatever its alias names', async ({ skip }) => {
      skip(!place().hasPrompts, 'this server has no prompts');
      await place().seedPrompt(model(), 2);
      const { live, others } = await registry().read(model(), [], soon());
      expect(live).toEqual([]);
      expect(others.map(({ version }) => version)).toEqual(['2', '1']);
    });

    test('is walked down, by number and by change, page after page', async ({ skip }) => {
      skip(!place().hasPrompts, 'this server has no prompts');
      const count = limits.registryPageRows + 5;
      await place().seedPrompt(model(), count);
      await place().setAlias(model(), 'champion', String(count));
      const numbers = Array.from({ length: count - 1 }, (_, index) => String(count - 1 - index));
      const below = await registry().readBelow(model(), '4', soon());
      expect(below.map(({ version }) => version)).toEqual(['3', '2', '1']);
      const seen: string[] = [];
      let next: string | null = null;
      do {
        const page = await registry().readChangesBelow(model(), String(count), next, soon());
        seen.push(...page.rows.map(({ version }) => version));
        next = page.next;
      } while (next !== null);
      expect(seen).toEqual(numbers);
    });

    test('is listed by its tag, and by no other', async ({ skip }) => {
      skip(!place().hasPrompts, 'this server has no prompts');
      const value = model();
      await place().seedPrompt(model(), 1);
      await place().tagModel(model(), 'feature_set', value);
      const list = async (key: string, wanted: string): Promise<readonly string[]> =>
        (await place().registry.listByTag({ of: 'model', key, value: wanted }, 1_000, soon()))
          .names;
      expect(await list(promptTag.key, 'true')).toContain(model());
      expect(await list('feature_set', value)).toEqual([]);
    });
  });
}

function describeMove({ place, model, registry, through }: AliasContext): void {
  describe('movePointer', () => {
    const named = async (): Promise<string | undefined> =>
      (await registry().readAlias(model(), 'champion', soon()))?.version;

    test('sets the alias, moves it, and changes no version and no other alias', async () => {
      await place().seed(model(), ['Archived', 'Production', 'None']);
      await place().setAlias(model(), 'challenger', '3');
      const before = rowsOf(await place().registry.read(model(), [], soon()));
      for (const version of ['3', '1', '1', '2']) {
        expect(await registry().movePointer(model(), version, soon())).toEqual({ kind: 'moved' });
        expect(await named()).toBe(version);
        expect(rowsOf(await place().registry.read(model(), [], soon()))).toEqual(before);
      }
      expect(await through('challenger').read(model(), [], soon())).toMatchObject({
        live: [{ version: '3' }],
      });
      expect(await registry().readAliasesOf(model(), '2', soon())).toEqual(['champion']);
    });

    test('is refused for a version that is missing, and changes nothing', async () => {
      await place().seed(model(), ['None', 'None', 'None']);
      await place().setAlias(model(), 'champion', '2');
      await place().deleteVersion(model(), '3');
      for (const version of ['3', '4']) {
        const answer = await registry().movePointer(model(), version, soon());
        expect(answer).toMatchObject({ kind: 'refused', error: expect.any(VersionNotFoundError) });
        expect(await named()).toBe('2');
      }
    });

    test('is refused for a model that is missing', async () => {
      const answer = await registry().movePointer(model(), '1', soon());
      expect(answer.kind).toBe('refused');
    });

    test('follows the model under its new name', async () => {
      const name = `${model()}-new`;
      await place().seed(model(), ['None', 'None']);
      await place().setAlias(model(), 'champion', '2');
      await place().rename(model(), name);
      expect((await registry().read(name, [], soon())).live).toMatchObject([{ version: '2' }]);
      const gone = registry().read(model(), [], soon());
      await expect(gone).rejects.toBeInstanceOf(ModelNotFoundError);
    });
  });
}
