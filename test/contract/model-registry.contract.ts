/** What every model registry must do; each adapter has a run file beside this one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { ModelNotFoundError, VersionNotFoundError } from '../../src/domain/errors.ts';
import type { ModelTag, RegistrySnapshot } from '../../src/domain/model.ts';
import { type Deadline, deadlineAfter } from '../../src/ports/deadline.ts';
import type { ModelRegistry, TaggedModels } from '../../src/ports/model-registry.ts';
import { uniqueName } from '../engines/engines.ts';
import type { Stage } from '../engines/mlflow-admin.ts';

/** A registry, and the hands of somebody else on it. */
export interface RegistryPlace {
  readonly registry: ModelRegistry;
  /** Creates a model whose versions 1 to n end in these stages (see MLflowAdmin.seedModel). */
  seed(modelName: string, stages: readonly Stage[]): Promise<void>;
  /** Moves one version and leaves the others. */
  promoteBeside(modelName: string, version: string): Promise<void>;
  tag(modelName: string, version: string, key: string): Promise<string | undefined>;
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
): void {
  describe(name, () => {
    let place: RegistryPlace;
    let model: string;

    beforeEach(async () => {
      place = await openRegistry();
      model = uniqueName('model');
    });

    afterEach(async () => {
      await place.close();
    });

    const context: RegistryContext = { place: () => place, model: () => model };
    describeRead(context);
    describeWalk(context);
    describeMove(context);
    describeAnnotate(context);
    describeTags(context);
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
      const own = { ...tag, value: `${tag.value} ${model()}` };
      await place().seed(model(), ['Production']);
      await place().tagModel(model(), own.key, own.value);
      await place().registry.annotate(model(), '1', own, soon());
      for (const of of ['model', 'live-version'] as const) {
        expect((await list({ of, ...own })).names).toEqual([model()]);
      }
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
