/** What every model registry must do; each adapter has a run file beside this one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { ModelNotFoundError, VersionNotFoundError } from '../../src/domain/errors.ts';
import type { ModelPointers } from '../../src/domain/pointer/observe.ts';
import type { ModelTag, RegistrySnapshot } from '../../src/domain/registry/model.ts';
import { promptTag } from '../../src/domain/registry/prompt.ts';
import { MarkKind, markText, type RollbackMark } from '../../src/domain/registry/rollback-mark.ts';
import { type Deadline, deadlineAfter } from '../../src/ports/deadline.ts';
import type { ModelRegistry, PointersPage, TaggedModels } from '../../src/ports/model-registry.ts';
import { uniqueName } from '../engines/engines.ts';
import type { Stage } from '../engines/mlflow-admin.ts';
import type { ServerTraits } from '../engines/mlflow-versions.ts';

/** What a registry has beside versions and aliases. */
export interface RegistryKind {
  /** Without them, what stages and their traces show is left out. @default true */
  readonly hasStages?: boolean;
  /** A name that it takes. */
  nameOf?(name: string): string;
}

/** A registry, and the hands of somebody else on it. */
export interface RegistryPlace extends ServerTraits {
  readonly registry: ModelRegistry;
  /** Creates a model whose versions 1 to n end in these stages (see MLflowAdmin.seedModel). */
  seed(modelName: string, stages: readonly Stage[]): Promise<void>;
  /** Creates a prompt with versions 1 to n. */
  seedPrompt(modelName: string, count: number): Promise<void>;
  /** Moves one version and leaves the others. */
  promoteBeside(modelName: string, version: string): Promise<void>;
  tag(modelName: string, version: string, key: string): Promise<string | undefined>;
  setAlias(modelName: string, alias: string, version: string): Promise<void>;
  deleteVersion(modelName: string, version: string): Promise<void>;
  rename(modelName: string, newName: string): Promise<void>;
  /** Tags the registered model itself, over an older tag. */
  tagModel(modelName: string, key: string, value: string): Promise<void>;
  close(): Promise<void>;
}

/** What MLflow takes as a name and a careless client mangles. */
const AWKWARD_NAMES: readonly string[] = [
  "the customer's model",
  'the "best" model',
  ' a  b ',
  '模型 — café ☕ 🤖',
  '100%',
  '%27%20OR%201',
  'a+b',
  'a&b=c',
  'a#b?c',
  'name = x OR name',
];

/** Runs the contract on one adapter. */
export function describeModelRegistry(
  name: string,
  openRegistry: () => Promise<RegistryPlace>,
  { hasStages = true, nameOf = String }: RegistryKind = {},
): void {
  describe(name, () => {
    let place: RegistryPlace;
    let model: string;

    beforeEach(async () => {
      place = await openRegistry();
      model = nameOf(uniqueName('model'));
    });

    afterEach(async () => {
      await place.close();
    });

    const context: RegistryContext = { place: () => place, model: () => model };
    describeWalk(context);
    describeAnnotate(context);
    describeAliases(context);
    describePages(context);
    if (!hasStages) return;
    describeRead(context);
    describeChanges(context);
    describeMove(context);
    describeMarks(context);
    describeTags(context);
    describePointers(context);
    describeNames(context);
  });
}

/** Enough for any call of these suites. */
export function soon(): Deadline {
  return deadlineAfter(systemClock, 30_000);
}

/** The versions of a snapshot with their stages, live ones first. */
export function stagesOf(snapshot: RegistrySnapshot): readonly string[] {
  return [...snapshot.live, ...snapshot.others].map(({ version, stage }) => `${version} ${stage}`);
}

// ---------------------------------------------------------------------------------------------------

interface RegistryContext {
  place(): RegistryPlace;
  model(): string;
}

function describeRead({ place, model }: RegistryContext): void {
  describe('read', () => {
    test('gives the live version apart from the others, highest first', async () => {
      await place().seed(model(), ['Archived', 'Production', 'None', 'Staging', 'None']);
      const snapshot = await place().registry.read(model(), [], soon());
      expect(snapshot).toMatchObject({ modelName: model(), isComplete: true });
      expect(stagesOf(snapshot)).toEqual([
        '2 Production',
        '5 None',
        '4 Staging',
        '3 None',
        '1 Archived',
      ]);
      const [live] = snapshot.live;
      expect(live).toMatchObject({ version: '2', status: 'READY' });
      expect(live?.createdAtMs).toBeGreaterThan(0);
      expect(live?.lastUpdatedAtMs).toBeGreaterThanOrEqual(live?.createdAtMs ?? 0);
    });

    test('orders versions as numbers', async () => {
      const stages: Stage[] = Array.from({ length: 11 }, () => 'None');
      await place().seed(model(), stages);
      const { live, others } = await place().registry.read(model(), [], soon());
      expect(live).toEqual([]);
      expect(others.map(({ version }) => Number(version))).toEqual([
        11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1,
      ]);
    });

    test('gives every live version, the one that consumers load first', async () => {
      await place().seed(model(), ['Production', 'None', 'None']);
      await place().promoteBeside(model(), '3');
      const { live } = await place().registry.read(model(), [], soon());
      expect(live.map(({ version }) => version)).toEqual(['3', '1']);
    });

    test('gives a displaced version the time of its displacer, and no other', async () => {
      await place().seed(model(), ['Archived', 'Archived', 'Production']);
      const { live, others } = await place().registry.read(model(), [], soon());
      const [second, first] = others;
      expect(second?.lastUpdatedAtMs).toBe(live[0]?.lastUpdatedAtMs);
      expect(first?.lastUpdatedAtMs).toBeLessThan(live[0]?.lastUpdatedAtMs ?? 0);
    });

    test('gives included versions once, and none that is missing', async () => {
      await place().seed(model(), ['Archived', 'Production']);
      const snapshot = await place().registry.read(model(), ['1', '2', '7', '999999999'], soon());
      expect(stagesOf(snapshot)).toEqual(['2 Production', '1 Archived']);
    });

    test('gives the live version although the tag of prompts is on another one', async () => {
      await place().seed(model(), ['Archived', 'Production']);
      // MLflow then hides the model from a search, and shows version 1 to a search for prompts.
      await place().registry.annotate(model(), '1', promptTag, soon());
      const { live } = await place().registry.read(model(), [], soon());
      expect(live.map(({ version }) => version)).toEqual(['2']);
    });

    test('knows models by their whole name', async () => {
      await place().seed(model(), ['Production']);
      await place().seed(`${model()}-2`, ['None', 'Production']);
      await place().seed(model().toUpperCase(), ['None']);
      const snapshot = await place().registry.read(model(), [], soon());
      expect(stagesOf(snapshot)).toEqual(['1 Production']);
    });

    test('throws ModelNotFoundError for a model that is not there', async () => {
      const read = place().registry.read(model(), ['1'], soon());
      await expect(read).rejects.toBeInstanceOf(ModelNotFoundError);
      await expect(read).rejects.toThrow(model());
    });
  });
}

function describeWalk({ place, model }: RegistryContext): void {
  describe('readBelow', () => {
    const below = async (version: string | null): Promise<readonly string[]> => {
      const rows = await place().registry.readBelow(model(), version, soon());
      return rows.map((row) => row.version);
    };

    test('walks down from any version to the end', async () => {
      await place().seed(model(), ['Archived', 'None', 'Production', 'None']);
      expect(await below(null)).toEqual(['4', '3', '2', '1']);
      expect(await below('9')).toEqual(['4', '3', '2', '1']);
      expect(await below('3')).toEqual(['2', '1']);
      expect(await below('1')).toEqual([]);
    });

    test('gives whole rows', async () => {
      await place().seed(model(), ['Archived', 'Production']);
      const { live, others } = await place().registry.read(model(), [], soon());
      expect(await place().registry.readBelow(model(), null, soon())).toEqual([...live, ...others]);
    });

    test('finds nothing below in a model that is not there', async () => {
      expect(await below(null)).toEqual([]);
    });
  });
}

function describeChanges({ place, model }: RegistryContext): void {
  describe('readChangesBelow', () => {
    const below = async (version: string): Promise<readonly string[]> => {
      const page = await place().registry.readChangesBelow(model(), version, null, soon());
      expect(page.next).toBeNull();
      return page.rows.map((row) => row.version);
    };

    test('gives what is below a version, the latest change first', async () => {
      await place().seed(model(), ['Archived', 'None', 'Archived', 'Production', 'None']);
      // 3 was archived by the promotion of 4, after all else.
      expect(await below('5')).toEqual(['4', '3', '1', '2']);
      expect(await below('4')).toEqual(['3', '1', '2']);
      expect(await below('1')).toEqual([]);
    });

    test('gives whole rows', async () => {
      await place().seed(model(), ['Archived', 'Production']);
      const { others } = await place().registry.read(model(), [], soon());
      const { rows } = await place().registry.readChangesBelow(model(), '2', null, soon());
      expect(rows).toEqual(others);
    });
  });
}

function describeMove({ place, model }: RegistryContext): void {
  describe('movePointer', () => {
    test('makes the version live and archives the former one at the same time', async () => {
      await place().seed(model(), ['Archived', 'Archived', 'Production', 'Staging']);
      const { registry } = place();
      expect(await registry.movePointer(model(), '1', soon())).toEqual({ kind: 'moved' });
      const snapshot = await registry.read(model(), [], soon());
      expect(stagesOf(snapshot)).toEqual(['1 Production', '4 Staging', '3 Archived', '2 Archived']);
      const [, former, untouched] = snapshot.others;
      expect(former?.lastUpdatedAtMs).toBe(snapshot.live[0]?.lastUpdatedAtMs);
      expect(untouched?.lastUpdatedAtMs).toBeLessThan(former?.lastUpdatedAtMs ?? 0);
    });

    test('leaves exactly one live version where several were', async () => {
      await place().seed(model(), ['Archived', 'Production', 'None']);
      await place().promoteBeside(model(), '3');
      expect(await place().registry.movePointer(model(), '2', soon())).toEqual({ kind: 'moved' });
      const snapshot = await place().registry.read(model(), [], soon());
      expect(stagesOf(snapshot)).toEqual(['2 Production', '3 Archived', '1 Archived']);
    });

    test('makes a version live where none was', async () => {
      await place().seed(model(), ['None']);
      expect(await place().registry.movePointer(model(), '1', soon())).toEqual({ kind: 'moved' });
      expect(stagesOf(await place().registry.read(model(), [], soon()))).toEqual(['1 Production']);
    });

    test('may be repeated', async () => {
      await place().seed(model(), ['Archived', 'Production']);
      for (const _ of [1, 2]) {
        expect(await place().registry.movePointer(model(), '1', soon())).toEqual({ kind: 'moved' });
      }
      const snapshot = await place().registry.read(model(), [], soon());
      expect(stagesOf(snapshot)).toEqual(['1 Production', '2 Archived']);
    });

    test('is refused for a version that is missing, and changes nothing', async () => {
      await place().seed(model(), ['Archived', 'Production']);
      const before = await place().registry.read(model(), [], soon());
      const answer = await place().registry.movePointer(model(), '3', soon());
      expect(answer).toMatchObject({ kind: 'refused', error: expect.any(VersionNotFoundError) });
      const { live, others } = await place().registry.read(model(), [], soon());
      expect({ live, others }).toEqual({ live: before.live, others: before.others });
    });

    test('is refused for a model that is missing', async () => {
      const answer = await place().registry.movePointer(model(), '1', soon());
      expect(answer.kind).toBe('refused');
    });
  });
}

function describeAnnotate({ place, model }: RegistryContext): void {
  describe('annotate', () => {
    const key = 'model-rollback.rolled_back_from';

    test('writes a tag on one version, over an older one', async () => {
      await place().seed(model(), ['Archived', 'Production']);
      const before = await place().registry.read(model(), [], soon());
      for (const value of ['first', 'second "quoted" 模型\n']) {
        await place().registry.annotate(model(), '1', { key, value }, soon());
        expect(await place().tag(model(), '1', key)).toBe(value);
      }
      expect(await place().tag(model(), '2', key)).toBeUndefined();
      // A tag is no change of the version: what a rollback compares stays.
      const { live, others } = await place().registry.read(model(), [], soon());
      expect({ live, others }).toEqual({ live: before.live, others: before.others });
    });

    test('throws VersionNotFoundError for a version that is missing', async () => {
      await place().seed(model(), ['Production']);
      const write = place().registry.annotate(model(), '2', { key, value: 'x' }, soon());
      await expect(write).rejects.toBeInstanceOf(VersionNotFoundError);
    });
  });
}

function describeMarks({ place, model }: RegistryContext): void {
  describe('what a rollback left on a version', () => {
    const mark: RollbackMark = {
      kind: MarkKind.ROLLED_BACK,
      other: '1',
      atMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
      reason: 'DRIFT_SEVERE',
      by: 'ada, of the "drift" team — 模型',
      rollbackId: 'm/0123456789abcdef',
      pointer: 'stage:Production',
    };
    const restored: RollbackMark = { ...mark, kind: MarkKind.RESTORED, other: '2' };
    const annotate = async (version: string, key: string, value: string): Promise<void> =>
      await place().registry.annotate(model(), version, { key, value }, soon());

    test('comes with the rows of every reading, and only what is ours', async () => {
      await place().seed(model(), ['Archived', 'Production']);
      await annotate('2', mark.kind, markText(mark));
      await annotate('2', restored.kind, markText(restored));
      await annotate('2', 'model_rollback.note', markText(mark));
      await annotate('1', mark.kind, 'because I say so');
      const { registry } = place();
      const { live, others } = await registry.read(model(), ['2'], soon());
      expect(live[0]?.marks).toHaveLength(2);
      expect(live[0]?.marks).toEqual(expect.arrayContaining([mark, restored]));
      expect(others[0]).not.toHaveProperty('marks');
      const [below] = await registry.readBelow(model(), null, soon());
      const changes = await registry.readChangesBelow(model(), '3', null, soon());
      expect(below).toEqual(live[0]);
      expect(changes.rows).toContainEqual(live[0]);
    });

    test('stays with the version when the registered model is renamed', async () => {
      const name = `${model()}-new`;
      await place().seed(model(), ['Archived', 'None', 'Production']);
      await annotate('3', mark.kind, markText(mark));
      await place().setAlias(model(), 'champion', '3');
      await place().rename(model(), name);
      const { live, others } = await place().registry.read(name, [], soon());
      expect(live).toMatchObject([{ version: '3', marks: [mark] }]);
      // And all rows have one time now, as if one promotion had touched them.
      const times = [...live, ...others].map((row) => row.lastUpdatedAtMs);
      expect(new Set(times).size).toBe(1);
      expect(await place().registry.readAliasesOf(name, '3', soon())).toEqual(['champion']);
      const gone = place().registry.read(model(), [], soon());
      await expect(gone).rejects.toBeInstanceOf(ModelNotFoundError);
    });
  });
}

function describeAliases({ place, model }: RegistryContext): void {
  describe('aliases', () => {
    test('are those of the model, and those of a version', async () => {
      await place().seed(model(), ['Archived', 'Production', 'None']);
      const { registry } = place();
      expect(await registry.readAliases(model(), soon())).toEqual([]);
      expect(await registry.readAliasesOf(model(), '2', soon())).toEqual([]);
      await place().setAlias(model(), 'champion', '1');
      await place().setAlias(model(), 'champion', '2');
      await place().setAlias(model(), 'a-b', '2');
      await place().setAlias(model(), 'challenger', '3');
      const aliases = await registry.readAliases(model(), soon());
      expect(aliases).toHaveLength(3);
      expect(aliases).toEqual(
        expect.arrayContaining([
          { alias: 'champion', version: '2' },
          { alias: 'a-b', version: '2' },
          { alias: 'challenger', version: '3' },
        ]),
      );
      const ofTwo = await registry.readAliasesOf(model(), '2', soon());
      expect(ofTwo.toSorted()).toEqual(['a-b', 'champion']);
      expect(await registry.readAliasesOf(model(), '1', soon())).toEqual([]);
      expect(await registry.readAliasesOf(model(), '9', soon())).toEqual([]);
    });

    test('change no version', async () => {
      await place().seed(model(), ['Archived', 'Production']);
      const before = await place().registry.read(model(), [], soon());
      await place().setAlias(model(), 'champion', '1');
      const { live, others } = await place().registry.read(model(), [], soon());
      expect({ live, others }).toEqual({ live: before.live, others: before.others });
    });
  });
}

/** What MLflow takes in a tag and a careless client mangles. */
const AWKWARD_TAGS: readonly { readonly key: string; readonly value: string }[] = [
  { key: 'feature_set', value: 'v7' },
  { key: 'feature set', value: 'the version 7' },
  { key: 'team.feature-set/v', value: "the customer's v7" },
  { key: 'from', value: 'the "best" v7' },
  { key: '7', value: '7' },
  { key: 'and', value: 'x" OR "a" = "a' },
  { key: 'clé', value: '模型 — café ☕ 🤖' },
  { key: 'a.b', value: '100%' },
  { key: 'like', value: 'v_' },
  { key: 'a-b:c', value: 'a+b&c=%27' },
];

function describeTags({ place, model }: RegistryContext): void {
  describe('listByTag', () => {
    const list = async (tag: ModelTag, namesMax = 1_000): Promise<TaggedModels> =>
      await place().registry.listByTag(tag, namesMax, soon());
    /** Of this test alone: the registry may be shared. */
    const key = (): string => `feature_set_${model()}`;
    const seed = async (name: string, ofModel: string | null, ofVersions: readonly string[]) => {
      const stages = ofVersions.map((_, index) =>
        index === ofVersions.length - 1 ? ('Production' as const) : ('Archived' as const),
      );
      await place().seed(name, stages);
      if (ofModel !== null) await place().tagModel(name, key(), ofModel);
      for (const [index, value] of ofVersions.entries()) {
        const tag = { key: key(), value };
        if (value !== '') {
          await place().registry.annotate(name, String(index + 1), tag, soon());
        }
      }
    };

    test('gives the models that have the tag, by name, and no others', async () => {
      await seed(`${model()}-b`, 'v7', ['']);
      await seed(`${model()}-a`, 'v7', ['v6']);
      await seed(`${model()}-c`, 'v70', ['v7']);
      await seed(`${model()}-d`, 'V7', ['v7']);
      await seed(`${model()}-e`, null, ['v7']);
      await place().tagModel(`${model()}-e`, `${key()}_2`, 'v7');
      expect(await list({ of: 'model', key: key(), value: 'v7' })).toEqual({
        names: [`${model()}-a`, `${model()}-b`],
        isComplete: true,
      });
    });

    test('gives the models whose live version has the tag, and no others', async () => {
      await seed(`${model()}-b`, null, ['v6', 'v7']);
      await seed(`${model()}-a`, 'v6', ['v7', 'v7']);
      await seed(`${model()}-c`, 'v7', ['v7', 'v6']);
      await seed(`${model()}-d`, 'v7', ['v7', '']);
      await seed(`${model()}-e`, null, ['v7', 'V7']);
      await place().seed(`${model()}-f`, ['None']);
      await place().registry.annotate(`${model()}-f`, '1', { key: key(), value: 'v7' }, soon());
      expect(await list({ of: 'live-version', key: key(), value: 'v7' })).toEqual({
        names: [`${model()}-a`, `${model()}-b`],
        isComplete: true,
      });
    });

    test('follows the pointer', async () => {
      await seed(model(), null, ['v6', 'v7']);
      await place().registry.movePointer(model(), '1', soon());
      expect((await list({ of: 'live-version', key: key(), value: 'v7' })).names).toEqual([]);
      expect((await list({ of: 'live-version', key: key(), value: 'v6' })).names).toEqual([
        model(),
      ]);
    });

    test('gives a model with several live versions once', async () => {
      await seed(model(), null, ['v7', 'v7']);
      await place().promoteBeside(model(), '1');
      expect((await list({ of: 'live-version', key: key(), value: 'v7' })).names).toEqual([
        model(),
      ]);
    });

    test('gives at most as many as asked for, and says that there are more', async () => {
      for (const name of ['a', 'b', 'c']) await seed(`${model()}-${name}`, 'v7', ['v7']);
      for (const of of ['model', 'live-version'] as const) {
        const tag = { of, key: key(), value: 'v7' };
        expect(await list(tag, 2)).toEqual({
          names: [`${model()}-a`, `${model()}-b`],
          isComplete: false,
        });
        expect(await list(tag, 3)).toMatchObject({ isComplete: true });
      }
    });

    test('finds nothing for a tag that is nowhere', async () => {
      const nothing = { names: [], isComplete: true };
      expect(await list({ of: 'model', key: key(), value: 'v7' })).toEqual(nothing);
      expect(await list({ of: 'live-version', key: key(), value: 'v7' })).toEqual(nothing);
    });

    test.each(AWKWARD_TAGS)('takes the key $key and the value $value', async (tag) => {
      const key = place().takesColonInTag ? tag.key : tag.key.replaceAll(':', '/');
      const own = { key, value: `${tag.value} ${model()}` };
      await place().seed(model(), ['Production']);
      await place().tagModel(model(), own.key, own.value);
      await place().registry.annotate(model(), '1', own, soon());
      for (const of of ['model', 'live-version'] as const) {
        expect((await list({ of, ...own })).names).toEqual([model()]);
      }
    });
  });
}

function describePointers({ place, model }: RegistryContext): void {
  describe('listPointers', () => {
    const pointersOf = async (name: string): Promise<ModelPointers | undefined> =>
      (await listAll(place(), 100)).find(({ modelName }) => modelName === name);

    test('gives what the stage and every alias of a model name', async () => {
      await place().seed(model(), ['Archived', 'Production', 'Staging']);
      await place().setAlias(model(), 'champion', '1');
      await place().setAlias(model(), 'challenger', '3');
      const { aliases, staged } = (await pointersOf(model())) ?? { aliases: [], staged: null };
      expect(staged).toBe('2');
      expect(aliases.toSorted((a, b) => (a.alias < b.alias ? -1 : 1))).toEqual([
        { alias: 'challenger', version: '3' },
        { alias: 'champion', version: '1' },
      ]);
    });

    test('gives nothing for what names nothing', async () => {
      await place().seed(model(), ['None', 'Staging']);
      expect(await pointersOf(model())).toEqual({ modelName: model(), aliases: [], staged: null });
    });

    test('gives the highest of several live versions', async () => {
      await place().seed(model(), ['Production', 'Production']);
      await place().promoteBeside(model(), '1');
      expect((await pointersOf(model()))?.staged).toBe('2');
    });
  });
}

/** All pages of a registry that others use too. */
async function listAll(place: RegistryPlace, rows: number): Promise<readonly ModelPointers[]> {
  const all: ModelPointers[] = [];
  let from: string | null = null;
  do {
    const page: PointersPage = await place.registry.listPointers({ from, rows }, soon());
    expect(page.rows.length).toBeLessThanOrEqual(rows);
    all.push(...page.rows);
    from = page.next;
  } while (from !== null);
  return all;
}

function describePages({ place, model }: RegistryContext): void {
  describe('listPointers', () => {
    test('gives every model, by name, through small pages', async () => {
      const names = ['a', 'b', 'c'].map((end) => `${model()}-${end}`);
      for (const name of names) await place().seed(name, ['None']);
      const ours = new Set<string>();
      // MLflow's pages count rows: a model that others make or rename meanwhile moves the rest by one.
      for (let attempt = 1; attempt <= 3 && ours.size < names.length; attempt += 1) {
        for (const { modelName } of await listAll(place(), 7)) {
          if (names.includes(modelName)) ours.add(modelName);
        }
      }
      expect([...ours].toSorted()).toEqual(names);
    });
  });
}

function describeNames({ place, model }: RegistryContext): void {
  describe('the model name', () => {
    test.each(AWKWARD_NAMES)('may be %s', async (awkward) => {
      const name = `${awkward}${model()}`;
      const { registry } = place();
      await place().seed(name, ['Archived', 'Production']);
      expect(stagesOf(await registry.read(name, ['2'], soon()))).toHaveLength(2);
      expect(await registry.readBelow(name, '2', soon())).toHaveLength(1);
      expect(await registry.movePointer(name, '1', soon())).toEqual({ kind: 'moved' });
      await registry.annotate(name, '2', { key: 'key', value: name }, soon());
      expect(await place().tag(name, '2', 'key')).toBe(name);
      expect(stagesOf(await registry.read(name, [], soon()))).toEqual([
        '1 Production',
        '2 Archived',
      ]);
      const missing = registry.read(`${awkward}missing-${model()}`, [], soon());
      await expect(missing).rejects.toBeInstanceOf(ModelNotFoundError);
    });
  });
}
