/** What every state store must do; each adapter has a run file beside this one. */

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cloudWatchRef } from '../../src/domain/alarm/alarm.ts';
import { defaultAlarmSettings } from '../../src/domain/alarm/alarm-settings.ts';
import { outboxNotice } from '../../src/domain/answer/notice.ts';
import { StateStoreUnavailableError } from '../../src/domain/errors.ts';
import { limits } from '../../src/domain/limits.ts';
import { afterPointerCheck } from '../../src/domain/protocol/follow-up.ts';
import { fail } from '../../src/domain/protocol/transition.ts';
import { afterRecovery, closeWatch } from '../../src/domain/protocol/watch.ts';
import type { ListPosition } from '../../src/domain/record/list-position.ts';
import {
  type RollbackRecord,
  type StoreChange,
  shownAtMs,
} from '../../src/domain/record/record.ts';
import { Recovery, WatchEnd } from '../../src/domain/record/trigger.ts';
import { next } from '../../src/domain/revision.ts';
import {
  type FleetState,
  newFleetState,
  pauseFleet,
  resumeFleet,
  takeSlot,
} from '../../src/domain/state/fleet.ts';
import { newModelState } from '../../src/domain/state/model-state.ts';
import type { DueItem, ListPage, RollbackStore } from '../../src/ports/rollback-store.ts';
import {
  AWKWARD_NAMES,
  fleetState,
  modelName,
  modelState,
  outboxItem,
  rollbackRecord,
} from './rollback-arbitraries.ts';
import {
  alarmClaim,
  alarmOf,
  announced,
  attemptAt,
  changed,
  committed,
  firstClaim,
  marked,
  NOON_MS,
  planless,
  prepareClaims,
  type Racer,
  REGISTRY,
  refused,
  timeAt,
  unclaimed,
  writeClaims,
} from './rollback-samples.ts';
import { describeLive } from './rollback-store-live.contract.ts';
import { describeNotices } from './rollback-store-notices.contract.ts';
import {
  allDue,
  EXPIRED,
  itemsOf,
  listDue,
  listRecords,
  NOTHING,
  readItems,
  type StoreContext,
  type StoreData,
  soon,
} from './rollback-store-place.ts';
import { describeDamage, describeShapes } from './rollback-store-shapes.contract.ts';

export interface StoreContractOptions {
  /** True where conditions are on a copy of the revision, or of the token, beside the document. */
  readonly hasColumns: boolean;
}

/** What MLflow's column for names takes. */
const NAME_LENGTH_MAX = 256;
const RACERS = 50;
const ROUNDS = 50;
const FLEET_RACERS = 20;
const FLEET_ROUNDS = 20;
const ROUND_TRIPS = 60;

/** Runs the contract on one adapter. */
export function describeRollbackStore(
  name: string,
  openStore: () => Promise<StoreData>,
  { hasColumns }: StoreContractOptions,
): void {
  describe(name, () => {
    let data: StoreData;
    let store: RollbackStore;
    const opened: RollbackStore[] = [];
    const open = async (workspace?: string): Promise<RollbackStore> => {
      const client = await data.open(workspace);
      opened.push(client);
      return client;
    };

    beforeEach(async () => {
      data = await openStore();
      store = await open();
    });

    afterEach(async () => {
      for (const client of opened.splice(0)) client.close();
      await data.close();
    });

    const context: StoreContext = {
      store: () => store,
      open,
      backDoor: () => data.backDoor,
    };
    describeReading(context);
    describeConditions(context);
    describeFleet(context);
    describeNotices(context);
    describeLive(context);
    describeRoundTrips(context);
    describeList(context);
    describeDue(context);
    describePages(context);
    describeDeadline(context);
    describeRace(context);
    describeFleetRace(context);
    describeShapes(context);
    describeDamage(context, hasColumns);
    describeWorkspaces(context);
  });
}

/** From a commit to the check of its alarm. */
const BAKE_MS = defaultAlarmSettings.bakeMs;

// ---------------------------------------------------------------------------------------------------

function describeReading({ store, open }: StoreContext): void {
  describe('read', () => {
    test('finds nothing where nothing was written', async () => {
      expect(await readItems(store(), 'fraud', null)).toEqual(NOTHING);
      expect(await readItems(store(), 'fraud', 'fraud/0')).toEqual(NOTHING);
    });

    test('gives state and record as they were written, to every client', async () => {
      const claimed = firstClaim('fraud', '1');
      expect(await store().write(claimed, soon())).toBe('written');
      const other = await open();
      for (const client of [store(), other]) {
        expect(await readItems(client, 'fraud', claimed.record.id)).toEqual(itemsOf(claimed));
      }
    });

    test('gives the state alone when no record is asked for', async () => {
      const claimed = firstClaim('fraud', '1');
      await store().write(claimed, soon());
      const { state } = claimed;
      expect(await readItems(store(), 'fraud', null)).toEqual({ ...NOTHING, state });
    });

    test('gives the state beside a record that was never seen', async () => {
      const claimed = firstClaim('fraud', '1');
      await store().write(claimed, soon());
      const { state } = claimed;
      expect(await readItems(store(), 'fraud', 'fraud/2')).toEqual({ ...NOTHING, state });
    });

    test('separates models whose names begin alike', async () => {
      const names = ['fraud', 'fraud/1', 'fraud/', 'FRAUD', 'fraud '];
      const claims = names.map((model) => firstClaim(model, '1'));
      for (const claimed of claims) expect(await store().write(claimed, soon())).toBe('written');
      for (const claimed of claims) {
        const { id, modelName: model } = claimed.record;
        expect(await readItems(store(), model, id)).toEqual(itemsOf(claimed));
      }
    });
  });
}

function describeConditions({ store }: StoreContext): void {
  describe('write', () => {
    test('takes a record alone', async () => {
      const { record } = refused('fraud', '1');
      expect(await store().write({ record }, soon())).toBe('written');
      expect(await readItems(store(), 'fraud', record.id)).toEqual({ ...NOTHING, record });
    });

    test('takes a state alone', async () => {
      const state = next(newModelState('fraud', REGISTRY));
      expect(await store().write({ state }, soon())).toBe('written');
      expect(await readItems(store(), 'fraud', 'fraud/1')).toEqual({ ...NOTHING, state });
    });

    test('goes from revision to revision', async () => {
      const claimed = firstClaim('fraud', '1');
      expect(await store().write(claimed, soon())).toBe('written');
      const ended = committed(claimed, NOON_MS + 1);
      expect(await store().write(ended, soon())).toBe('written');
      const record = changed(ended.record);
      expect(await store().write({ record }, soon())).toBe('written');
      expect(await readItems(store(), 'fraud', record.id)).toEqual({ ...itemsOf(ended), record });
    });

    const first = firstClaim('fraud', '1');
    const later = fail(first, timeAt(NOON_MS + 1), 'no');
    const rival = firstClaim('fraud', '2');
    const conflicts: readonly { title: string; change: StoreChange }[] = [
      { title: 'a first write over both items', change: first },
      { title: 'a first write of the state alone', change: { state: first.state } },
      { title: 'a first write of the record alone', change: { record: first.record } },
      { title: 'a first state beside a new record', change: rival },
      {
        title: 'a stale state beside a fresh record',
        change: { state: first.state, record: later.record },
      },
      {
        title: 'a fresh state beside a stale record',
        change: { state: later.state, record: first.record },
      },
      {
        title: 'a state of the future beside a fresh record',
        change: { state: next(later.state), record: later.record },
      },
      {
        title: 'a fresh state beside a record of the future',
        change: { state: later.state, record: next(later.record) },
      },
      {
        title: 'a fresh state beside a record that should be there and is not',
        change: { state: later.state, record: next(rival.record) },
      },
    ];
    for (const { title, change } of conflicts) {
      test(`calls ${title} a conflict and writes nothing at all`, async () => {
        await store().write(first, soon());
        expect(await store().write(change, soon())).toBe('conflict');
        expect(await readItems(store(), 'fraud', first.record.id)).toEqual(itemsOf(first));
        expect(await listRecords(store(), null)).toEqual([first.record]);
      });
    }

    test('calls a later revision of what is not there a conflict', async () => {
      expect(await store().write(later, soon())).toBe('conflict');
      expect(await store().write({ state: later.state }, soon())).toBe('conflict');
      expect(await store().write({ record: later.record }, soon())).toBe('conflict');
      expect(await readItems(store(), 'fraud', first.record.id)).toEqual(NOTHING);
    });

    test('lets one of two equal changes through', async () => {
      await store().write(first, soon());
      const change = { state: later.state, record: later.record };
      expect(await store().write(change, soon())).toBe('written');
      expect(await store().write(change, soon())).toBe('conflict');
    });
  });
}

function describeFleet({ store, open }: StoreContext): void {
  describe('the fleet', () => {
    const first = takeSlot(newFleetState, 'fraud', NOON_MS);
    const pause = { atMs: NOON_MS, why: 'blast-radius', message: 'm', rollbackId: 'x/1' } as const;

    test('comes with every read of every client, whatever is read', async () => {
      expect(await store().write({ fleet: first }, soon())).toBe('written');
      const claimed = firstClaim('churn', '1');
      await store().write(claimed, soon());
      for (const client of [store(), await open()]) {
        const alone = { ...NOTHING, fleet: first };
        expect(await readItems(client, 'fraud', null)).toEqual(alone);
        expect(await readItems(client, '-', '-/1')).toEqual(alone);
        expect(await readItems(client, 'churn', claimed.record.id)).toEqual({
          ...itemsOf(claimed),
          fleet: first,
        });
      }
    });

    test('is written alone, from revision to revision', async () => {
      const paused = pauseFleet(takeSlot(first, 'churn', NOON_MS + 1), pause);
      const steps = [
        first,
        takeSlot(first, 'churn', NOON_MS + 1),
        paused,
        next(resumeFleet(paused)),
      ];
      for (const fleet of steps) {
        expect(await store().write({ fleet }, soon())).toBe('written');
        expect(await readItems(store(), 'fraud', null)).toEqual({ ...NOTHING, fleet });
      }
      expect(await listRecords(store(), null)).toEqual([]);
      expect(await allDue(store(), 'record')).toEqual([]);
      expect(await allDue(store(), 'notice')).toEqual([]);
    });

    test('is written with a state, with a record, and with both', async () => {
      const state = next(newModelState('fraud', REGISTRY));
      expect(await store().write({ state, fleet: first }, soon())).toBe('written');
      expect(await readItems(store(), 'fraud', null)).toEqual({ ...NOTHING, state, fleet: first });

      const { record } = refused('churn', '1');
      const second = next(first);
      expect(await store().write({ record, fleet: second }, soon())).toBe('written');
      const beside = { ...NOTHING, record, fleet: second };
      expect(await readItems(store(), 'churn', record.id)).toEqual(beside);

      const claimed = alarmClaim('drift', '1', second);
      expect(await store().write(claimed, soon())).toBe('written');
      expect(await readItems(store(), 'drift', claimed.record.id)).toEqual(itemsOf(claimed));
    });

    test('is no state of a model, whatever its name', async () => {
      await store().write({ fleet: first }, soon());
      const names = ['FLEET', 'FLEET#', 'FLEET#main', 'fleet', '-', '/', ...AWKWARD_NAMES];
      for (const model of names) {
        const claimed = firstClaim(model, '0123456789abcdef');
        expect(await store().write(claimed, soon())).toBe('written');
        const { id } = claimed.record;
        const stored = { ...itemsOf(claimed), fleet: first };
        expect(await readItems(store(), model, id)).toEqual(stored);
      }
      expect(await store().write({ fleet: next(first) }, soon())).toBe('written');
    });

    test('alone at another revision than the next is a conflict', async () => {
      expect(await store().write({ fleet: next(first) }, soon())).toBe('conflict');
      expect(await readItems(store(), 'fraud', null)).toEqual(NOTHING);

      await store().write({ fleet: first }, soon());
      for (const fleet of [first, next(next(first))]) {
        expect(await store().write({ fleet }, soon())).toBe('conflict');
        expect(await readItems(store(), 'fraud', null)).toEqual({ ...NOTHING, fleet: first });
      }
      expect(await store().write({ fleet: next(first) }, soon())).toBe('written');
      expect(await store().write({ fleet: next(first) }, soon())).toBe('conflict');
    });

    const samples = () => {
      const stored = alarmClaim('fraud', '1');
      const later = { ...fail(stored, timeAt(NOON_MS + 1), 'no'), fleet: next(stored.fleet) };
      return { stored, later, other: alarmClaim('churn', '1', stored.fleet) };
    };
    type Samples = ReturnType<typeof samples>;
    const staleBeside =
      (name: 'record' | 'state' | 'notice') =>
      ({ later, stored }: Samples): StoreChange => ({ [name]: later[name], fleet: stored.fleet });
    const conflicts: readonly { title: string; change: (from: Samples) => StoreChange }[] = [
      {
        title: 'a stale state',
        change: ({ later, stored }) => ({ ...later, state: stored.state }),
      },
      {
        title: 'a stale record',
        change: ({ later, stored }) => ({ ...later, record: stored.record }),
      },
      {
        title: 'a stale fleet',
        change: ({ later, stored }) => ({ ...later, fleet: stored.fleet }),
      },
      {
        title: 'a state of the future',
        change: ({ later }) => ({ ...later, state: next(later.state) }),
      },
      {
        title: 'a record of the future',
        change: ({ later }) => ({ ...later, record: next(later.record) }),
      },
      {
        title: 'a fleet of the future',
        change: ({ later }) => ({ ...later, fleet: next(later.fleet) }),
      },
      {
        title: 'a notice over one that is not there',
        change: ({ later }) => ({ ...later, notice: { ...later.notice, over: 'another' } }),
      },
      {
        title: 'a stale fleet beside first items',
        change: ({ other, stored }) => ({ ...other, fleet: stored.fleet }),
      },
      {
        title: 'a first state beside a fresh fleet',
        change: ({ other, stored }) => ({ ...other, state: stored.state }),
      },
      { title: 'a stale fleet beside a fresh record', change: staleBeside('record') },
      { title: 'a stale fleet beside a fresh state', change: staleBeside('state') },
      { title: 'a stale fleet beside a first notice', change: staleBeside('notice') },
    ];
    for (const { title, change } of conflicts) {
      test(`makes a change with ${title} a conflict that writes nothing at all`, async () => {
        const from = samples();
        const { stored, later, other } = from;
        await store().write(stored, soon());
        expect(await store().write(change(from), soon())).toBe('conflict');
        expect(await readItems(store(), 'fraud', stored.record.id)).toEqual(itemsOf(stored));
        expect(await readItems(store(), 'churn', other.record.id)).toEqual({
          ...NOTHING,
          fleet: stored.fleet,
        });
        expect(await listRecords(store(), null)).toEqual([stored.record]);
        expect(await allDue(store(), 'notice')).toEqual([]);
        // The same change, with nothing stale in it, is no conflict.
        expect(await store().write(later, soon())).toBe('written');
        expect(await readItems(store(), 'fraud', stored.record.id)).toEqual(itemsOf(later));
      });
    }
  });
}

function describeRoundTrips({ store }: StoreContext): void {
  describe('a stored item', () => {
    test.each(AWKWARD_NAMES)('keeps the model name %s', async (model) => {
      const claimed = firstClaim(model, '0123456789abcdef');
      const { id } = claimed.record;
      expect(await store().write(claimed, soon())).toBe('written');
      expect(await readItems(store(), model, id)).toEqual(itemsOf(claimed));
      expect(await listRecords(store(), model)).toEqual([claimed.record]);
      expect(await listDue(store(), 'record', NOON_MS + 60_000)).toEqual([
        { id, topic: null, dueAtMs: NOON_MS + 60_000 },
      ]);

      const ended = committed(claimed);
      const { item } = ended.notice;
      expect(await store().write(ended, soon())).toBe('written');
      expect(await readItems(store(), model, id)).toEqual(itemsOf(ended));
      expect(await store().readNotice(id, 'end', soon())).toEqual(item);
      expect(await allDue(store(), 'notice')).toEqual([
        { id, topic: 'end', dueAtMs: item.dueAtMs },
      ]);
    });

    test('comes back exactly, whatever it holds', async () => {
      let run = 0;
      const change = modelName.chain((model) =>
        fc.record({
          state: modelState(model),
          record: rollbackRecord(model),
          fleet: fleetState,
          item: outboxItem(''),
        }),
      );
      await fc.assert(
        fc.asyncProperty(change, async ({ state, record, fleet, item }) => {
          // Runs share the store: a name of its own for each, with the drawn one in it.
          run += 1;
          const model = `${run}:${state.modelName}`.slice(0, NAME_LENGTH_MAX);
          const id = `${model}/${record.id.slice(-16)}`;
          // The fleet is one for all of them.
          const { fleet: before } = await readItems(store(), model, null);
          const unique = {
            state: { ...state, modelName: model },
            record: { ...record, modelName: model, id },
            fleet: { ...fleet, revision: (before?.revision ?? 0) + 1 },
            notice: { item: { ...item, rollbackId: id }, over: null },
          };
          expect(await store().write(unique, soon())).toBe('written');
          const stored = itemsOf(unique);
          const { notice } = stored;
          const isOfEnd = notice?.topic === 'end';
          expect(await readItems(store(), model, id)).toEqual(
            isOfEnd ? stored : { ...stored, notice: undefined },
          );
          expect(await store().readNotice(id, item.topic, soon())).toEqual(notice);
        }),
        { numRuns: ROUND_TRIPS },
      );
    });

    test('may be as large as the limits allow', async () => {
      const large = largeChange();
      expect(await store().write(large, soon())).toBe('written');
      const { modelName: model, id } = large.record;
      expect(await readItems(store(), model, id)).toEqual(itemsOf(large));
    });

    test.each(settledRecords)(
      'keeps a record $title, and lists it when it is due',
      async (sample) => {
        const { record, dueAtMs } = sample;
        expect(await store().write({ record }, soon())).toBe('written');
        const { id, modelName: model } = record;
        expect(await readItems(store(), model, id)).toEqual({ ...NOTHING, record });
        expect(await listRecords(store(), model)).toEqual([record]);
        expect(await listRecords(store(), null)).toEqual([record]);
        expect(await allDue(store(), 'notice')).toEqual([]);
        if (dueAtMs === null) {
          expect(await allDue(store(), 'record')).toEqual([]);
        } else {
          expect(await listDue(store(), 'record', dueAtMs - 1)).toEqual([]);
          expect(await listDue(store(), 'record', dueAtMs)).toEqual([{ id, topic: null, dueAtMs }]);
        }
      },
    );
  });
}

/** The ids of all records, page by page. */
async function allPages(
  store: RollbackStore,
  modelName: string | null,
  page: ListPage,
): Promise<readonly string[]> {
  const ids: string[] = [];
  let before: ListPosition | undefined;
  do {
    const { records, next } = await store.list(modelName, soon(), { ...page, before });
    ids.push(...records.map(({ record }) => record.id));
    before = next;
  } while (before !== undefined);
  return ids;
}

function describeList({ store, backDoor }: StoreContext): void {
  describe('list', () => {
    test('is empty where nothing was written', async () => {
      const nothing = { records: [], unreadable: [] };
      expect(await store().list(null, soon())).toEqual(nothing);
      expect(await store().list('fraud', soon())).toEqual(nothing);
    });

    test('gives the records of one model or of all, newest first', async () => {
      const [oldest, second, third, newest] = [
        refused('fraud', 'd', NOON_MS),
        refused('churn', 'c', NOON_MS + 1),
        refused('fraud', 'a', NOON_MS + 1_000),
        refused('fraud/d', 'b', NOON_MS + 60_000),
      ] as const;
      // Their notices are no records.
      for (const end of [second, newest, oldest, third]) await store().write(end, soon());

      expect(await listRecords(store(), 'fraud')).toEqual([third.record, oldest.record]);
      expect(await listRecords(store(), 'churn')).toEqual([second.record]);
      expect(await listRecords(store(), 'chur')).toEqual([]);
      expect(await listRecords(store(), null)).toEqual(
        [newest, third, second, oldest].map(({ record }) => record),
      );
    });

    test('gives the newest of all and of one model when only some are asked for', async () => {
      // The keys are not in the order of time.
      const ends = [0, 1, 2, 3, 4, 5].map((index) =>
        refused(index % 3 === 0 ? 'churn' : 'fraud', `${9 - index}`, NOON_MS + index * 1_000),
      );
      for (const end of ends) await store().write(end, soon());
      const newest = [ends[5]?.record, ends[4]?.record];
      for (const model of [null, 'fraud']) {
        const { records } = await store().list(model, soon(), { limit: 2 });
        expect(records.map(({ record }) => record)).toEqual(newest);
      }
    });

    test('gives all by pages, in order, each record once, also where times are equal', async () => {
      const ends = Array.from({ length: 23 }, (_, index) =>
        refused(index % 3 === 0 ? 'churn' : 'fraud', `${(index * 7) % 23}`, NOON_MS + (index >> 2)),
      );
      for (const end of ends) await store().write(end, soon());
      const inOrder = ends
        .map(({ record }) => record)
        .toSorted((a, b) => shownAtMs(b) - shownAtMs(a) || (a.id < b.id ? 1 : -1))
        .map(({ id, modelName }) => ({ id, modelName }));
      for (const of of [null, 'fraud']) {
        const expected = inOrder.filter(({ modelName: name }) => of === null || name === of);
        for (const limit of [1, 5, 23, 50]) {
          const found = await allPages(store(), of, { limit });
          expect({ limit, found }).toEqual({ limit, found: expected.map(({ id }) => id) });
        }
      }
      const before = { atMs: NOON_MS + 2, id: '' };
      const { records } = await store().list(null, soon(), { before });
      expect(records.map(({ record }) => shownAtMs(record) - NOON_MS)).toEqual(
        [1, 0].flatMap((atMs) => Array(4).fill(atMs)),
      );
    });

    test('gives the latest record of each model by pages', async () => {
      const ends = Array.from({ length: 12 }, (_, index) =>
        refused(`m${index % 4}`, `${9 - (index % 3)}`, NOON_MS + index * 1_000),
      );
      for (const end of ends) await store().write(end, soon());
      const latest = ends.slice(-4).map(({ record }) => record.id);
      for (const limit of [1, 3, 50]) {
        const found = await allPages(store(), null, { limit, isLatestOnly: true });
        expect({ limit, found }).toEqual({ limit, found: latest.toReversed() });
      }
    });

    test('names on its page what cannot be read, and goes on behind it', async () => {
      const ends = [0, 1, 2].map((atMs) => refused('fraud', `${atMs}`, NOON_MS + atMs));
      for (const end of ends) await store().write(end, soon());
      const [, spoiled] = ends;
      const rollbackId = spoiled?.record.id ?? '';
      await backDoor().edit({ kind: 'record', modelName: 'fraud', rollbackId }, { doc: '{' });
      expect(await allPages(store(), null, { limit: 1 })).toEqual(['fraud/2', 'fraud/0']);
    });

    test('keeps the place of a record that changed', async () => {
      const { record: first } = refused('fraud', '1', NOON_MS);
      const { record: second } = refused('fraud', '2', NOON_MS + 1);
      for (const record of [first, second]) await store().write({ record }, soon());
      const later = changed(first);
      await store().write({ record: later }, soon());
      for (const of of ['fraud', null]) {
        expect(await listRecords(store(), of)).toEqual([second, later]);
      }
    });

    test('gives more than fits one answer of an engine', async () => {
      const records = Array.from({ length: 24 }, (_, index) => {
        const { record } = refused('fraud', `${index}`, NOON_MS + index);
        const why = 'x'.repeat(60_000);
        const candidates = [{ version: '1', stage: 'Archived', isTaken: false, why }];
        if (record.plan === null) throw new Error('a refusal has its plan');
        return { ...record, plan: { ...record.plan, candidates } };
      });
      await Promise.all(records.map((record) => store().write({ record }, soon())));
      const newestFirst = records.toReversed().map(({ id }) => id);
      for (const of of ['fraud', null]) {
        const found = await listRecords(store(), of);
        expect(found.map(({ id }) => id)).toEqual(newestFirst);
      }
    });

    test('says of each record whether people were notified of its end', async () => {
      const sent = refused('fraud', 'a', NOON_MS + 4);
      const waiting = refused('fraud', 'b', NOON_MS + 3);
      const halfSent = refused('fraud', 'c', NOON_MS + 2);
      const without = refused('fraud', 'd', NOON_MS + 1).record;
      for (const end of [sent, waiting, halfSent]) await store().write(end, soon());
      await store().write({ record: without }, soon());
      await store().write({ notice: marked(sent.notice.item) }, soon());
      const half = marked(halfSent.notice.item, NOON_MS + 9, { sns: true, console: false });
      await store().write({ notice: half }, soon());

      for (const of of ['fraud', null]) {
        expect((await store().list(of, soon())).records).toEqual([
          { record: sent.record, isNotified: true },
          { record: waiting.record, isNotified: false },
          { record: halfSent.record, isNotified: false },
          { record: without, isNotified: false },
        ]);
      }
    });

    test('takes the notice of another topic for none of the end', async () => {
      const { record, notice } = refused('fraud', '1');
      const item = marked({ ...notice.item, topic: 'pointer' }).item;
      await store().write({ record }, soon());
      await store().write({ notice: { item, over: null } }, soon());
      for (const of of ['fraud', null]) {
        const expected = [{ record, isNotified: false }];
        expect((await store().list(of, soon())).records).toEqual(expected);
      }
    });

    test('knows the notice that release 0.1.0 keeps in the record', async () => {
      const sent = { kind: 'sent', about: 'end', sentAtMs: NOON_MS, attempts: 1 } as const;
      const done = { ...refused('fraud', '1', NOON_MS + 1).record, notice: sent };
      const waiting = { ...refused('fraud', '2', NOON_MS).record, notice: pendingAt(NOON_MS + 1) };
      for (const record of [done, waiting]) await store().write({ record }, soon());
      for (const of of ['fraud', null]) {
        expect((await store().list(of, soon())).records).toEqual([
          { record: done, isNotified: true },
          { record: waiting, isNotified: false },
        ]);
      }
    });

    test('knows that of more records than one call of an engine takes', async () => {
      const ends = Array.from({ length: 110 }, (_, index) =>
        refused('fraud', String(index), NOON_MS + index),
      );
      await Promise.all(ends.map((end) => store().write(end, soon())));
      const sent = ends.filter((_, index) => index % 3 === 0);
      const marks = sent.map(({ notice }) => marked(notice.item));
      await Promise.all(marks.map((notice) => store().write({ notice }, soon())));

      const expected = ends.toReversed().map((end) => [end.record.id, sent.includes(end)]);
      for (const of of ['fraud', null]) {
        const { records } = await store().list(of, soon());
        expect(records.map((one) => [one.record.id, one.isNotified])).toEqual(expected);
      }
    });
  });
}

function describeDue({ store }: StoreContext): void {
  describe('listDue', () => {
    test('gives what is due, the longest due first, up to its limit', async () => {
      const due = [30, 10, 40, 20].map((atMs) => pending(`m${atMs}`, NOON_MS + atMs));
      for (const record of due) await store().write({ record }, soon());
      const row = (at: number): DueItem => ({
        id: `m${at}/1`,
        topic: null,
        dueAtMs: NOON_MS + at,
      });
      const dueBy = (atMs: number, limit = 10): Promise<readonly DueItem[]> =>
        listDue(store(), 'record', NOON_MS + atMs, limit);

      expect(await dueBy(9)).toEqual([]);
      expect(await dueBy(10)).toEqual([row(10)]);
      expect(await dueBy(39)).toEqual([row(10), row(20), row(30)]);
      expect(await dueBy(99, 2)).toEqual([row(10), row(20)]);
      expect(await dueBy(99, 1)).toEqual([row(10)]);
    });

    test('lists records and notices apart', async () => {
      const claimed = firstClaim('churn', '1');
      const end = refused('fraud', '1');
      await store().write(claimed, soon());
      await store().write(end, soon());
      expect(await allDue(store(), 'record')).toEqual([
        { id: 'churn/1', topic: null, dueAtMs: NOON_MS + 60_000 },
      ]);
      expect(await allDue(store(), 'notice')).toEqual([
        { id: 'fraud/1', topic: 'end', dueAtMs: NOON_MS + limits.noticeDueMs },
      ]);
    });

    test('follows a run from its lease to the last check, its notice by itself', async () => {
      const claimed = firstClaim('fraud', '1', NOON_MS);
      const { id } = claimed.record;
      await store().write(claimed, soon());
      expect(await allDue(store(), 'record')).toEqual([recordDue(id, NOON_MS + 60_000)]);
      expect(await allDue(store(), 'notice')).toEqual([]);

      const ended = committed(claimed, NOON_MS + 5);
      await store().write(ended, soon());
      const pointerDue = [recordDue(id, NOON_MS + 5 + limits.pointerCheckMs)];
      expect(await allDue(store(), 'record')).toEqual(pointerDue);
      expect(await allDue(store(), 'notice')).toEqual([
        { id, topic: 'end', dueAtMs: NOON_MS + 5 + limits.noticeDueMs },
      ]);

      await store().write({ notice: marked(ended.notice.item) }, soon());
      expect(await allDue(store(), 'record')).toEqual(pointerDue);
      expect(await allDue(store(), 'notice')).toEqual([]);

      const live = ended.record.plan.to?.version ?? '';
      const checked = afterPointerCheck(
        ended.record,
        { liveVersions: [live], lastMove: undefined, replaced: null },
        timeAt(NOON_MS + 7),
      );
      await store().write(checked, soon());
      expect(await allDue(store(), 'record')).toEqual([]);
      expect(await store().list('fraud', soon())).toEqual({
        records: [{ record: checked.record, isNotified: true }],
        unreadable: [],
      });
    });

    test('follows the rollback of an alarm on to the end of its bake time', async () => {
      const claimed = alarmClaim('fraud', '1');
      const { id } = claimed.record;
      await store().write(claimed, soon());
      const ended = committed(claimed);
      await store().write(ended, soon());
      // A notice that is not sent holds back neither check.
      const endDue = { id, topic: 'end', dueAtMs: NOON_MS + limits.noticeDueMs };
      expect(await allDue(store(), 'notice')).toEqual([endDue]);
      expect(await allDue(store(), 'record')).toEqual([
        recordDue(id, NOON_MS + limits.pointerCheckMs),
      ]);

      const { record } = afterPointerCheck(
        ended.record,
        { liveVersions: ['2'], lastMove: undefined, replaced: null },
        timeAt(NOON_MS + 2),
      );
      await store().write({ record }, soon());
      expect(await allDue(store(), 'record')).toEqual([recordDue(id, NOON_MS + BAKE_MS)]);

      const found = Recovery.NOT_RECOVERED;
      const checked = afterRecovery(record, ended.state, found, timeAt(NOON_MS + BAKE_MS));
      const { notice } = announced(checked);
      expect(await store().write(checked, soon())).toBe('written');
      expect(await allDue(store(), 'record')).toEqual([]);
      const dueAtMs = NOON_MS + BAKE_MS + limits.noticeDueMs;
      const recoveryDue = { id, topic: 'recovery', dueAtMs };
      expect(await allDue(store(), 'notice')).toEqual([endDue, recoveryDue]);

      const sent = marked(notice.item, NOON_MS + BAKE_MS);
      await store().write({ notice: sent }, soon());
      expect(await allDue(store(), 'notice')).toEqual([endDue]);
      expect(await store().readNotice(id, 'recovery', soon())).toEqual(sent.item);
      const stored = itemsOf({ ...claimed, ...checked, notice: ended.notice });
      expect(stored.state).toMatchObject({ pause: { why: 'recovery', rollbackId: id } });
      expect(await readItems(store(), 'fraud', id)).toEqual(stored);
    });

    test('follows a refused alarm from check to check until it is closed', async () => {
      const attempt = attemptAt('fraud', '1', { verdict: 'REFUSED', alarm: alarmOf('fraud') });
      const end = announced(unclaimed(attempt, 'REFUSED'));
      const { id } = end.record;
      await store().write(end, soon());
      expect(await allDue(store(), 'record')).toEqual([
        recordDue(id, NOON_MS + limits.watchIntervalMs),
      ]);
      expect(await allDue(store(), 'notice')).toHaveLength(1);

      const sent = marked(end.notice.item);
      await store().write({ notice: sent }, soon());
      const closed = closeWatch(end.record, WatchEnd.RECOVERED, NOON_MS + 2);
      await store().write({ record: closed }, soon());
      expect(await allDue(store(), 'record')).toEqual([]);
      expect(await allDue(store(), 'notice')).toEqual([]);
      const stored = { ...itemsOf(end), record: closed, notice: sent.item };
      expect(await readItems(store(), 'fraud', id)).toEqual(stored);
    });
  });
}

function describePages({ store }: StoreContext): void {
  /** Records and notices, due at these times. */
  const seed = async (times: readonly number[]): Promise<readonly RollbackRecord[]> => {
    const ends = times.map((atMs, index) => {
      const { notice, record } = refused('fraud', `${index}`);
      const item = { ...notice.item, dueAtMs: NOON_MS + atMs };
      return {
        record: { ...record, notice: pendingAt(NOON_MS + atMs) },
        notice: { item, over: null },
      };
    });
    await Promise.all(ends.map((end) => store().write(end, soon())));
    return ends.map(({ record }) => record);
  };
  const page = async (
    kind: 'record' | 'notice',
    after: DueItem | null,
    limit = 3,
  ): Promise<readonly DueItem[]> =>
    await store().listDue(kind, NOON_MS + 1_000, { limit, after }, soon());
  /** Every page to the last, with what happens after each. */
  const allPages = async (
    kind: 'record' | 'notice',
    afterEach: (page: readonly DueItem[], number: number) => Promise<void>,
    limit?: number,
  ): Promise<readonly DueItem[]> => {
    const seen: DueItem[] = [];
    let items = await page(kind, null, limit);
    for (let number = 0; items.length > 0; number += 1) {
      seen.push(...items);
      await afterEach(items, number);
      items = await page(kind, items.at(-1) ?? null, limit);
    }
    return seen;
  };
  const idsOf = (items: readonly { readonly id: string }[]): readonly string[] =>
    items.map(({ id }) => id).toSorted();
  const orders = [
    { title: 'different', times: [50, 10, 40, 20, 70, 30, 60] },
    { title: 'equal', times: [10, 10, 10, 10, 10, 10, 10] },
    { title: 'partly equal', times: [10, 20, 10, 20, 20, 10, 30, 20, 10] },
  ];
  const nothing = async (): Promise<void> => undefined;

  describe.each(['record', 'notice'] as const)('the pages of every %s that is due', (kind) => {
    test.each(orders)('hold each once, with $title times', async ({ times }) => {
      const records = await seed(times);
      for (const limit of [1, 2, 3, times.length, 100]) {
        const seen = await allPages(kind, nothing, limit);
        expect(idsOf(seen)).toEqual(idsOf(records));
        const atMs = seen.map(({ dueAtMs }) => dueAtMs);
        expect(atMs).toEqual(atMs.toSorted((a, b) => a - b));
      }
    });

    test.each(orders)(
      'hold each once while each page is settled, with $title times',
      async (order) => {
        const records = await seed(order.times);
        const seen = await allPages(kind, async (items) => await settle(kind, items));
        expect(idsOf(seen)).toEqual(idsOf(records));
        expect(await page(kind, null)).toEqual([]);
      },
    );

    test('hold each once when those before it are due again later', async () => {
      const records = await seed(orders[2]?.times ?? []);
      const seen = await allPages(kind, async (items) => await settle(kind, items, 5_000));
      expect(idsOf(seen)).toEqual(idsOf(records));
      expect(await allDue(store(), kind)).toHaveLength(records.length);
    });

    test('go on when what comes next was settled by another, and what comes after changed', async () => {
      const records = await seed([10, 10, 20, 20, 30, 30, 30]);
      const first = await page(kind, null, 2);
      const second = await page(kind, first.at(-1) ?? null, 2);
      await settle(kind, second);
      const rest = await page(kind, first.at(-1) ?? null, 2);
      expect(rest.map(({ dueAtMs }) => dueAtMs)).toEqual([NOON_MS + 30, NOON_MS + 30]);
      // The same time, another revision or token.
      await settle(kind, rest, 30);
      const last = await page(kind, rest.at(-1) ?? null, 2);
      expect(idsOf([...first, ...second, ...rest, ...last])).toEqual(idsOf(records));
    });
  });

  /** Takes items off the list, or puts them off to a later time. */
  async function settle(
    kind: 'record' | 'notice',
    items: readonly DueItem[],
    laterMs?: number,
  ): Promise<void> {
    for (const { id } of items) {
      const { record, notice } = await readItems(store(), 'fraud', id);
      if (record === undefined || notice === undefined) throw new Error(`${id} is gone`);
      if (kind === 'record') {
        const embedded =
          laterMs === undefined ? ({ kind: 'none' } as const) : pendingAt(NOON_MS + laterMs);
        const settled = next({ ...record, notice: embedded });
        expect(await store().write({ record: settled }, soon())).toBe('written');
      } else {
        const sent = marked(notice, NOON_MS, { sns: laterMs === undefined });
        const item = { ...sent.item, dueAtMs: NOON_MS + (laterMs ?? 0) };
        expect(await store().write({ notice: { ...sent, item } }, soon())).toBe('written');
      }
    }
  }
}

function describeDeadline({ store }: StoreContext): void {
  describe('an expired deadline', () => {
    test('is StateStoreUnavailableError everywhere, and nothing is written', async () => {
      const claimed = firstClaim('fraud', '1');
      const { notice } = refused('fraud', '1');
      const firstPage = { limit: 10, after: null };
      const calls = [
        () => store().read('fraud', null, EXPIRED),
        () => store().readNotice('fraud/1', 'end', EXPIRED),
        () => store().write(claimed, EXPIRED),
        () => store().write({ record: claimed.record }, EXPIRED),
        () => store().write({ fleet: next(newFleetState) }, EXPIRED),
        () => store().write({ notice }, EXPIRED),
        () => store().list(null, EXPIRED),
        () => store().list('fraud', EXPIRED),
        () => store().listDue('record', NOON_MS, firstPage, EXPIRED),
        () => store().listDue('notice', NOON_MS, firstPage, EXPIRED),
        () => store().readHeads(['00'], EXPIRED),
        () => store().listLive('fraud', EXPIRED),
      ];
      for (const call of calls) {
        await expect(call()).rejects.toBeInstanceOf(StateStoreUnavailableError);
      }
      expect(await readItems(store(), 'fraud', claimed.record.id)).toEqual(NOTHING);
    });
  });
}

function describeRace({ store, open }: StoreContext): void {
  describe('the race for a claim', () => {
    test(`has exactly one winner of ${RACERS} clients in each of ${ROUNDS} rounds`, async () => {
      const racers: readonly Racer[] = await Promise.all(
        Array.from({ length: RACERS }, async (_, index) => ({
          store: await open(),
          owner: `client-${index}`,
        })),
      );
      for (let round = 0; round < ROUNDS; round += 1) {
        const claims = await prepareClaims(racers, 'fraud', round, soon());
        const results = await writeClaims(racers, claims, soon());

        const winners = results.filter(({ answer }) => answer === 'written');
        const others = results.filter(({ answer }) => answer !== 'written');
        expect(winners).toHaveLength(1);
        expect(new Set(others.map(({ answer }) => answer))).toEqual(new Set(['conflict']));

        const owner = winners[0]?.owner ?? '';
        const won = claims.find(({ state }) => state.active?.owner === owner);
        if (won === undefined) throw new Error('the winner had no claim');
        expect(await readItems(store(), 'fraud', won.record.id)).toEqual(itemsOf(won));
        // The next round starts from a higher revision, the first one from none.
        const freed = fail(won, timeAt(NOON_MS), 'next round');
        expect(await store().write(freed, soon())).toBe('written');
      }
      expect(await listRecords(store(), 'fraud')).toHaveLength(ROUNDS);
    });

    test('for a notice has exactly one winner, whatever is written with it', async () => {
      const clients = await Promise.all(Array.from({ length: FLEET_RACERS }, () => open()));
      const end = refused('fraud', '1');
      await store().write(end, soon());
      let { item } = end.notice;
      let { record } = end;
      for (let round = 1; round <= FLEET_ROUNDS; round += 1) {
        const changes = clients.map((_, index): StoreChange & { notice: object } => ({
          notice: marked(item, NOON_MS + round, { sns: false }),
          ...(index % 2 === 0 ? {} : { record: changed(record) }),
        }));
        const answers = await Promise.all(
          clients.map((client, index) => client.write(changes[index] ?? {}, soon())),
        );
        const winners = changes.filter((_, index) => answers[index] === 'written');
        expect(winners).toHaveLength(1);
        record = winners[0]?.record ?? record;
        item = winners[0]?.notice?.item ?? item;
        expect(await readItems(store(), 'fraud', record.id)).toEqual({
          ...NOTHING,
          record,
          notice: item,
        });
      }
      expect(item.attempts).toBe(FLEET_ROUNDS);
    });
  });
}

function describeFleetRace({ store, open }: StoreContext): void {
  const races: readonly {
    title: string;
    change: (fleet: FleetState, model: string) => StoreChange & { readonly fleet: FleetState };
  }[] = [
    {
      title: 'alone',
      change: (fleet, model) => ({ fleet: takeSlot(fleet, model, NOON_MS) }),
    },
    {
      title: 'each with the claim of a model of its own',
      change: (fleet, model) => alarmClaim(model, '1', fleet),
    },
  ];

  describe('the race for the fleet', () => {
    test.each(races)(
      `has one winner of ${FLEET_RACERS} clients for each revision: $title`,
      async (race) => {
        const racers: readonly Racer[] = await Promise.all(
          Array.from({ length: FLEET_RACERS }, async (_, index) => ({
            store: await open(),
            owner: `client-${index}`,
          })),
        );
        const winners: string[] = [];
        for (let round = 1; round <= FLEET_ROUNDS; round += 1) {
          const models = racers.map(({ owner }) => `${round}-${owner}`);
          const changes = await Promise.all(
            racers.map(async (racer, index) => {
              const model = models[index] ?? '';
              const { fleet } = await readItems(racer.store, model, null);
              return race.change(fleet ?? newFleetState, model);
            }),
          );
          const results = await writeClaims(racers, changes, soon());

          const won = results.findIndex(({ answer }) => answer === 'written');
          const others = results.filter((_, index) => index !== won);
          expect(new Set(others.map(({ answer }) => answer))).toEqual(new Set(['conflict']));
          const { fleet } = changes[won] ?? {};
          expect(fleet?.revision).toBe(round);
          // Whoever lost wrote nothing of the rest either.
          const found = await Promise.all(
            models.map((model) => readItems(store(), model, `${model}/1`)),
          );
          expect(found).toEqual(
            changes.map((change, index) =>
              index === won ? itemsOf(change) : { ...NOTHING, fleet },
            ),
          );
          winners.push(models[won] ?? '');
        }
        const { fleet } = await readItems(store(), 'any', null);
        expect(fleet?.slots.map((slot) => slot.modelName)).toEqual(winners);
      },
    );
  });
}

function describeWorkspaces({ open }: StoreContext): void {
  describe('a workspace', () => {
    test('does not see another one', async () => {
      const [red, blue] = [await open('red'), await open('blue')];
      const mine = firstClaim('fraud', '1');
      const theirs = fail(mine, timeAt(NOON_MS + 1), 'no');
      const { id } = mine.record;
      expect(await red.write(mine, soon())).toBe('written');

      expect(await readItems(blue, 'fraud', id)).toEqual(NOTHING);
      expect(await listRecords(blue, null)).toEqual([]);
      expect(await listRecords(blue, 'fraud')).toEqual([]);
      expect(await allDue(blue, 'record')).toEqual([]);
      expect(await blue.write(theirs, soon())).toBe('conflict');

      expect(await blue.write(mine, soon())).toBe('written');
      expect(await blue.write(theirs, soon())).toBe('written');
      expect(await readItems(red, 'fraud', id)).toEqual(itemsOf(mine));
    });

    test('has notices of its own', async () => {
      const [red, blue] = [await open('red'), await open('blue')];
      const mine = refused('fraud', '1');
      const { record, notice } = mine;
      expect(await red.write(mine, soon())).toBe('written');
      expect(await blue.readNotice(record.id, 'end', soon())).toBeUndefined();
      expect(await allDue(blue, 'notice')).toEqual([]);
      expect(await blue.write({ notice: marked(notice.item) }, soon())).toBe('conflict');

      expect(await blue.write({ record }, soon())).toBe('written');
      const sent = { ...marked(notice.item), over: null };
      expect(await blue.write({ notice: sent }, soon())).toBe('written');
      expect(await readItems(red, 'fraud', record.id)).toEqual(itemsOf(mine));
      expect((await red.list(null, soon())).records).toEqual([{ record, isNotified: false }]);
      expect((await blue.list(null, soon())).records).toEqual([{ record, isNotified: true }]);
    });

    test('has a fleet of its own', async () => {
      const [red, blue] = [await open('red'), await open('blue')];
      const mine = takeSlot(newFleetState, 'fraud', NOON_MS);
      const theirs = takeSlot(newFleetState, 'churn', NOON_MS);
      expect(await red.write({ fleet: mine }, soon())).toBe('written');
      expect(await readItems(blue, 'fraud', null)).toEqual(NOTHING);
      expect(await blue.write({ fleet: next(mine) }, soon())).toBe('conflict');
      expect(await readItems(blue, 'fraud', null)).toEqual(NOTHING);

      expect(await blue.write({ fleet: theirs }, soon())).toBe('written');
      expect(await blue.write({ fleet: next(theirs) }, soon())).toBe('written');
      expect(await readItems(red, 'fraud', null)).toEqual({ ...NOTHING, fleet: mine });
      expect(await readItems(blue, 'fraud', null)).toEqual({ ...NOTHING, fleet: next(theirs) });
    });
  });
}

// ---------------------------------------------------------------------------------------------------

/** Every list as long, every text as large, as it may be. */
function largeChange(): Required<StoreChange> {
  const model = '界'.repeat(NAME_LENGTH_MAX);
  const arn = (index: number): string =>
    `arn:aws:cloudwatch:eu-west-1:111122223333:alarm:${'界'.repeat(251)}${1_000 + index}`;
  const message = '界'.repeat(limits.messageLengthMax);
  const claimed = committed(alarmClaim(model, '0123456789abcdef'));
  const { record } = claimed;
  const rollbackId = record.id;
  const { alarm } = record;
  if (alarm === null) throw new Error('the claim has no alarm');
  const pause = { atMs: NOON_MS, why: 'budget', message, rollbackId } as const;
  const many = <T>(length: number, of: (index: number) => T): T[] =>
    Array.from({ length }, (_, index) => of(index));
  const warnings = many(20, () => ({ code: 'W', message }));
  return {
    state: {
      ...claimed.state,
      revision: 1,
      quarantine: many(limits.quarantineRecentMax, (index) => ({
        version: String(10 ** 14 + index),
        atMs: NOON_MS,
        rollbackId,
        earlierRollbacks: many(limits.quarantineCausesMax, () => '0123456789abcdef'),
      })),
      quarantineEarlier: many(limits.quarantineIntervalsMax, (index) => [
        10 ** 14 - 3 * index,
        10 ** 14 - 3 * index + 1,
      ]),
      pause,
      recentCommits: many(limits.recentCommitsMax, (index) => NOON_MS + index),
      announcedRefusals: many(limits.announcedRefusalsMax, (index) => ({
        alarm: `${arn(index)}#${'界'.repeat(255)}`,
        codes: 'COOLDOWN,LIVE_VERSION_CHANGED,QUARANTINED,TARGET_UNFIT,PAUSED,NOT_THE_CAUSE',
        atMs: NOON_MS,
      })),
      released: many(limits.releasedVersionsMax, (index) => ({
        version: String(10 ** 14 + index),
        atMs: NOON_MS,
      })),
    },
    record: {
      ...record,
      revision: 1,
      alarm: {
        ...alarm,
        transition: {
          ...alarm.transition,
          ref: cloudWatchRef(arn(0), 'a'),
          childrenInAlarm: many(100, arn),
        },
      },
      warnings,
    },
    notice: outboxNotice({ ...record, warnings }, 'end', {
      previous: undefined,
      ...timeAt(NOON_MS),
      isSending: true,
    }),
    fleet: {
      ...newFleetState,
      revision: 1,
      pause,
      slots: many(limits.fleetSlotsMax, (index) => ({
        modelName: `${'界'.repeat(NAME_LENGTH_MAX - 4)}${1_000 + index}`,
        atMs: NOON_MS,
      })),
    },
    live: many(2, (index) => ({
      modelName: model,
      pointer: `alias:${'a'.repeat(255)}`,
      version: String(10 ** 14),
      atMs: NOON_MS + index,
      notBeforeMs: NOON_MS,
      how: 'observed',
      hasGap: true,
      source: rollbackId,
    })),
    heads: {
      part: '00',
      revision: 1,
      heads: Object.fromEntries(
        many(2_000, (index) => [
          `model ${index} ${'x'.repeat(40)}`,
          { 'alias:champion': { version: '12', atMs: NOON_MS } },
        ]),
      ),
    },
  };
}

function recordDue(id: string, dueAtMs: number): DueItem {
  return { id, topic: null, dueAtMs };
}

/** A record that is due then: for the notice that release 0.1.0 left in it. */
function pending(model: string, dueAtMs: number): RollbackRecord {
  return { ...refused(model, '1').record, notice: pendingAt(dueAtMs) };
}

function pendingAt(dueAtMs: number): RollbackRecord['notice'] {
  return { kind: 'pending', about: 'end', dueAtMs, leaseEndsAtMs: NOON_MS, attempts: 1 };
}

/** Records of alarms as they stand between two sweeps, and when the next one takes each up. */
const settledRecords: readonly {
  readonly title: string;
  readonly record: RollbackRecord;
  readonly dueAtMs: number | null;
}[] = settledSamples();

function settledSamples(): typeof settledRecords {
  const first = (record: RollbackRecord): RollbackRecord => ({ ...record, revision: 1 });
  const alarm = alarmOf('fraud');
  const running = alarmClaim('fraud', '1').record;
  const done = first(committed(alarmClaim('fraud', '1')).record);
  const deferred = planless('model', 'DEFERRED').record;
  const nameless = planless('alarm', 'FAILED').record;
  const longArn = `arn:aws:cloudwatch:eu-west-1:111122223333:alarm:${'界'.repeat(255)}`;
  const waiting = unclaimed(attemptAt('fraud', '1', { alarm }), 'AWAITING_APPROVAL').record;
  const later = (afterMs: number) =>
    ({ kind: 'pending', dueAtMs: NOON_MS + afterMs, looks: 3 }) as const;
  const checks = (pointerMs: number, watchMs: number, recoveryMs: number): RollbackRecord => ({
    ...done,
    pointerCheck: { kind: 'pending', dueAtMs: NOON_MS + pointerMs },
    watch: later(watchMs),
    recovery: later(recoveryMs),
  });
  const backoffMs = NOON_MS + limits.watchBackoffMs;
  return [
    { title: 'of a run for an alarm', record: running, dueAtMs: NOON_MS + 60_000 },
    {
      title: 'of a run whose checks are due before its lease expires',
      record: { ...running, watch: later(1), recovery: later(2) },
      dueAtMs: NOON_MS + 60_000,
    },
    { title: 'without a plan, its watch pending', record: deferred, dueAtMs: backoffMs },
    {
      title: 'without a plan, with a notice that release 0.1.0 left in it',
      record: { ...deferred, notice: pendingAt(NOON_MS + 1) },
      dueAtMs: NOON_MS + 1,
    },
    {
      title: 'with a notice that release 0.1.0 sent',
      record: {
        ...deferred,
        notice: { kind: 'sent', about: 'end', sentAtMs: NOON_MS, attempts: 2 },
      },
      dueAtMs: backoffMs,
    },
    { title: 'of an alarm that names no model', record: nameless, dueAtMs: backoffMs },
    {
      title: 'of an alarm with the longest name',
      record: { ...nameless, modelName: longArn, id: `${longArn}/0123456789abcdef` },
      dueAtMs: backoffMs,
    },
    {
      title: 'of a source that nobody can read',
      record: planless('source', 'FAILED').record,
      dueAtMs: null,
    },
    {
      title: 'of an alarm that waits for a person',
      record: waiting,
      dueAtMs: NOON_MS + limits.watchIntervalMs,
    },
    ...Object.values(WatchEnd).map((why) => ({
      title: `whose watch was closed as ${why}`,
      record: { ...waiting, watch: { kind: 'closed', atMs: NOON_MS, why } as const },
      dueAtMs: null,
    })),
    {
      title: 'whose checks are due before the notice that release 0.1.0 left in it',
      record: { ...checks(1, 2, 3), notice: pendingAt(NOON_MS + 9) },
      dueAtMs: NOON_MS + 1,
    },
    {
      title: 'whose checks are due after the notice that release 0.1.0 left in it',
      record: { ...checks(10, 20, 30), notice: pendingAt(NOON_MS + 9) },
      dueAtMs: NOON_MS + 9,
    },
    { title: 'whose pointer comes first', record: checks(1, 2, 3), dueAtMs: NOON_MS + 1 },
    { title: 'whose watch comes first', record: checks(2, 1, 3), dueAtMs: NOON_MS + 1 },
    { title: 'whose recovery comes first', record: checks(3, 2, 1), dueAtMs: NOON_MS + 1 },
    ...Object.values(Recovery).map((kind) => ({
      title: `whose alarm was found ${kind}`,
      record: {
        ...done,
        pointerCheck: { kind: 'as-left', atMs: NOON_MS } as const,
        recovery: { kind, atMs: NOON_MS },
      },
      dueAtMs: null,
    })),
  ];
}
