/** What every state store must do with what was live when: the log of each model, and the heads beside it. */
import { describe, expect, test } from 'vitest';
import { next } from '../../src/domain/revision.ts';
import {
  cursorPart,
  type HeadsItem,
  type LiveLogEntry,
  liveLogName,
  newHeadsItem,
} from '../../src/domain/state/live-log.ts';
import { newModelState } from '../../src/domain/state/model-state.ts';
import { committed, firstClaim, NOON_MS, REGISTRY } from './rollback-samples.ts';
import { readItems, type StoreContext, soon } from './rollback-store-place.ts';

export function describeLive(context: StoreContext): void {
  describe('the live log', () => describeLog(context));
  describe('the heads of the pointers', () => describeHeads(context));
}

// ---------------------------------------------------------------------------------------------------

const pointer = 'alias:champion';

function entryAt(atMs: number, change: Partial<LiveLogEntry> = {}): LiveLogEntry {
  return {
    modelName: 'fraud',
    pointer,
    version: '3',
    atMs,
    notBeforeMs: atMs - 1_000,
    how: 'observed',
    hasGap: false,
    source: null,
    ...change,
  };
}

function describeLog({ store, open, backDoor }: StoreContext): void {
  test('is empty where nothing was written', async () => {
    expect(await store().listLive('fraud', soon())).toEqual({ entries: [], unreadable: [] });
  });

  test('gives the entries of one model to every client, newest first', async () => {
    const [first, second] = [entryAt(NOON_MS), entryAt(NOON_MS + 5, { version: null })];
    const other = entryAt(NOON_MS + 1, { modelName: 'fraud/2' });
    for (const live of [[second], [first, other]]) {
      expect(await store().write({ live }, soon())).toBe('written');
    }
    for (const client of [store(), await open()]) {
      const { entries } = await client.listLive('fraud', soon());
      expect(entries).toEqual([second, first]);
    }
    expect((await store().listLive('fraud/2', soon())).entries).toEqual([other]);
  });

  test('has an entry once, however often it is written', async () => {
    const entry = entryAt(NOON_MS, { source: 'delivery' });
    await store().write({ live: [entry] }, soon());
    await store().write({ live: [entry] }, soon());
    expect((await store().listLive('fraud', soon())).entries).toEqual([entry]);
  });

  test('orders by time, not by the length of its number', async () => {
    const entries = [999, 1_000, 99_999].map((atMs) => entryAt(atMs, { notBeforeMs: null }));
    await store().write({ live: entries }, soon());
    expect((await store().listLive('fraud', soon())).entries).toEqual(entries.toReversed());
  });

  test('is written with the state and the end of a rollback, or not at all', async () => {
    const claimed = firstClaim('fraud', '1');
    await store().write(claimed, soon());
    const ended = committed(claimed);
    expect(ended.live).toMatchObject([
      { version: '3', how: 'seen' },
      { version: '2', how: 'made', source: ended.record.id },
    ]);
    expect(await store().write(ended, soon())).toBe('written');
    const { entries } = await store().listLive('fraud', soon());
    expect(entries.map(({ version }) => version)).toEqual(['2', '3']);

    const late = { state: next(newModelState('fraud', REGISTRY)), live: [entryAt(NOON_MS + 9)] };
    expect(await store().write(late, soon())).toBe('conflict');
    expect((await store().listLive('fraud', soon())).entries).toHaveLength(2);
    const { state } = await readItems(store(), 'fraud', ended.record.id);
    expect(state).toEqual(ended.state);
  });

  test('names what cannot be read, and gives the rest', async () => {
    const [broken, sound] = [entryAt(NOON_MS), entryAt(NOON_MS + 1)];
    await store().write({ live: [broken, sound] }, soon());
    const item = { kind: 'live', modelName: 'fraud', name: liveLogName(broken) } as const;
    await backDoor().edit(item, { doc: '{"schema":2,"version":3}' });
    const { entries, unreadable } = await store().listLive('fraud', soon());
    expect(entries).toEqual([sound]);
    expect(unreadable).toHaveLength(1);
    expect(unreadable[0]?.id).toContain(liveLogName(broken));
    expect(unreadable[0]?.why).toContain('cannot be read');
  });

  test('of one workspace is not that of another', async () => {
    const [red, blue] = [await open('red'), await open('blue')];
    await red.write({ live: [entryAt(NOON_MS)] }, soon());
    expect((await blue.listLive('fraud', soon())).entries).toEqual([]);
  });
}

function describeHeads({ store, open }: StoreContext): void {
  const head = { version: '3', atMs: NOON_MS };
  const first = (part: string): HeadsItem =>
    next({ ...newHeadsItem(part), heads: { fraud: { [pointer]: head } } });

  test('are those of the parts that are asked for, and were written', async () => {
    expect(await store().readHeads(['00', '01'], soon())).toEqual([]);
    for (const part of ['00', '01', '02']) {
      expect(await store().write({ heads: first(part) }, soon())).toBe('written');
    }
    for (const client of [store(), await open()]) {
      const items = await client.readHeads(['00', '02', '03'], soon());
      expect(items.toSorted((a, b) => (a.part < b.part ? -1 : 1))).toEqual([
        first('00'),
        first('02'),
      ]);
    }
  });

  test('go from revision to revision: of two writers one is too late', async () => {
    const cursor = { next: null, notBeforeMs: NOON_MS, passBeganAtMs: NOON_MS, passMs: 0 };
    const begun = next({ ...newHeadsItem(cursorPart), cursor });
    expect(await store().write({ heads: begun }, soon())).toBe('written');
    const writers = await Promise.all([open(), open()]);
    const results = await Promise.all(
      writers.map((writer, index) =>
        writer.write({ heads: next({ ...begun, cursor: { ...cursor, passMs: index } }) }, soon()),
      ),
    );
    expect(results.toSorted()).toEqual(['conflict', 'written']);
    expect(await store().write({ heads: begun }, soon())).toBe('conflict');
  });

  test('are kept of models with any name', async () => {
    const heads = Object.fromEntries(
      ['prototype', 'constructor', '__proto__', '模型'].map((name) => [name, { [pointer]: head }]),
    );
    const names = Object.keys(heads);
    const policies = Object.fromEntries(names.map((name) => [name, 'alias:champion']));
    const item = next({ ...newHeadsItem('00'), heads, policies });
    expect(await store().write({ heads: item }, soon())).toBe('written');
    const [read] = await store().readHeads(['00'], soon());
    expect(JSON.stringify(read?.heads)).toBe(JSON.stringify(heads));
    expect(JSON.stringify(read?.policies)).toBe(JSON.stringify(policies));
  });

  test('of one workspace are not those of another', async () => {
    const [red, blue] = [await open('red'), await open('blue')];
    await red.write({ heads: first('00') }, soon());
    expect(await blue.readHeads(['00'], soon())).toEqual([]);
    expect(await blue.write({ heads: first('00') }, soon())).toBe('written');
  });
}
