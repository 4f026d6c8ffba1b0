/** What every state store must do; each adapter has a run file beside this one. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { defaultAlarmSettings } from '../../src/domain/alarm-settings.ts';
import { StateCorruptError, StateStoreUnavailableError } from '../../src/domain/errors.ts';
import {
  type FleetState,
  newFleetState,
  pauseFleet,
  resumeFleet,
  takeSlot,
} from '../../src/domain/fleet.ts';
import { afterPointerCheck, withNotice } from '../../src/domain/follow-up.ts';
import { limits } from '../../src/domain/limits.ts';
import { next } from '../../src/domain/revision.ts';
import {
  type ModelState,
  type NoticeTopic,
  newModelState,
  type RollbackRecord,
  type StoreChange,
} from '../../src/domain/rollback.ts';
import { encodeItem } from '../../src/domain/stored-item.ts';
import { type ClaimedRun, fail } from '../../src/domain/transition.ts';
import { Recovery, WatchEnd } from '../../src/domain/trigger.ts';
import { afterRecovery, closeWatch } from '../../src/domain/watch.ts';
import { type Deadline, deadlineAfter } from '../../src/ports/deadline.ts';
import type { DueRecord, RollbackStore, StoreView } from '../../src/ports/rollback-store.ts';
import {
  AWKWARD_NAMES,
  fleetState,
  modelName,
  modelState,
  rollbackRecord,
} from './rollback-arbitraries.ts';
import {
  alarmClaim,
  alarmOf,
  attemptAt,
  committed,
  firstClaim,
  NOON_MS,
  planless,
  prepareClaims,
  type Racer,
  REGISTRY,
  unclaimed,
  writeClaims,
} from './rollback-samples.ts';

/** One empty place of data, seen by any number of clients. */
export interface StoreData {
  /** Another client of the same data; the suite closes it. */
  open(workspace?: string): Promise<RollbackStore>;
  close(): Promise<void>;
  /** Changes a stored item behind the store's back. */
  edit?(item: StoredItem, change: ItemEdit): Promise<void>;
}

export type StoredItem =
  | { readonly kind: 'state'; readonly modelName: string }
  | { readonly kind: 'record'; readonly modelName: string; readonly rollbackId: string }
  | { readonly kind: 'fleet' };

/** What a person with a console can do to an item. */
export interface ItemEdit {
  readonly doc?: string;
  /** The revision that conditions look at, beside the document. */
  readonly revision?: number;
}

export interface StoreContractOptions {
  /** False where nobody can reach an item but the store. */
  readonly isEditable: boolean;
  /** False where each place of data is its own workspace. */
  readonly hasWorkspaces: boolean;
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
  options: StoreContractOptions,
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
      data: () => data,
      open,
    };
    describeReading(context);
    describeConditions(context);
    describeFleet(context);
    describeRoundTrips(context);
    describeList(context);
    describeDue(context);
    describeDeadline(context);
    describeRace(context);
    describeFleetRace(context);
    if (options.isEditable) {
      describeDamage(context);
      describeOlderItems(context);
    }
    if (options.hasWorkspaces) describeWorkspaces(context);
  });
}

/** State, record and fleet as stored, without the time of the look. */
export async function look(
  store: RollbackStore,
  model: string,
  rollbackId: string | null,
  deadline: Deadline = soon(),
): Promise<Omit<StoreView, 'clockSkewMs'>> {
  const { state, record, fleet } = await store.read(model, rollbackId, deadline);
  return { state, record, fleet };
}

/** Enough for any call of these suites. */
export function soon(): Deadline {
  return deadlineAfter(systemClock, 30_000);
}

/** A deadline that has passed. */
const OVER: Deadline = { leftMs: () => 0 };
/** From a commit to the look at its alarm. */
const BAKE_MS = defaultAlarmSettings.bakeMs;
/** What a look finds where nobody wrote. */
const NOTHING = { state: undefined, record: undefined, fleet: undefined };

// ---------------------------------------------------------------------------------------------------

interface StoreContext {
  store(): RollbackStore;
  data(): StoreData;
  open(workspace?: string): Promise<RollbackStore>;
}

function describeReading({ store, open }: StoreContext): void {
  describe('read', () => {
    test('finds nothing where nothing was written', async () => {
      expect(await look(store(), 'fraud', null, soon())).toEqual(NOTHING);
      expect(await look(store(), 'fraud', 'fraud/0', soon())).toEqual(NOTHING);
    });

    test('gives state and record as they were written, to every client', async () => {
      const claimed = firstClaim('fraud', '1');
      expect(await store().write(claimed, soon())).toBe('written');
      const other = await open();
      for (const client of [store(), other]) {
        expect(await look(client, 'fraud', claimed.record.id, soon())).toEqual(claimed);
      }
    });

    test('gives the state alone when no record is asked for', async () => {
      const claimed = firstClaim('fraud', '1');
      await store().write(claimed, soon());
      expect(await look(store(), 'fraud', null, soon())).toEqual({
        state: claimed.state,
        record: undefined,
      });
    });

    test('gives the state beside a record that was never seen', async () => {
      const claimed = firstClaim('fraud', '1');
      await store().write(claimed, soon());
      expect(await look(store(), 'fraud', 'fraud/2', soon())).toEqual({
        state: claimed.state,
        record: undefined,
      });
    });

    test('tells apart models whose names begin alike', async () => {
      const names = ['fraud', 'fraud/1', 'fraud/', 'FRAUD', 'fraud '];
      const claims = names.map((model) => firstClaim(model, '1'));
      for (const claimed of claims) expect(await store().write(claimed, soon())).toBe('written');
      for (const claimed of claims) {
        const { id, modelName: model } = claimed.record;
        expect(await look(store(), model, id, soon())).toEqual(claimed);
      }
    });
  });
}

function describeConditions({ store }: StoreContext): void {
  describe('write', () => {
    test('takes a record alone', async () => {
      const record = refusal('fraud', '1');
      expect(await store().write({ record }, soon())).toBe('written');
      expect(await look(store(), 'fraud', record.id, soon())).toEqual({ state: undefined, record });
    });

    test('takes a state alone', async () => {
      const state = next(newModelState('fraud', REGISTRY));
      expect(await store().write({ state }, soon())).toBe('written');
      expect(await look(store(), 'fraud', 'fraud/1', soon())).toEqual({ state, record: undefined });
    });

    test('goes from revision to revision', async () => {
      let run = firstClaim('fraud', '1');
      expect(await store().write(run, soon())).toBe('written');
      run = committed(run, NOON_MS + 1);
      expect(await store().write(run, soon())).toBe('written');
      const record = withNotice(run.record, sent(NOON_MS + 2));
      expect(await store().write({ record }, soon())).toBe('written');
      expect(await look(store(), 'fraud', record.id, soon())).toEqual({ state: run.state, record });
    });

    const first = firstClaim('fraud', '1');
    const later = fail(first, NOON_MS + 1, 'no');
    const rival = firstClaim('fraud', '2');
    const conflicts: readonly { title: string; change: Partial<ClaimedRun> }[] = [
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
        expect(await look(store(), 'fraud', first.record.id, soon())).toEqual(first);
        expect(await store().list(null, soon())).toEqual([first.record]);
      });
    }

    test('calls a later revision of what is not there a conflict', async () => {
      expect(await store().write(later, soon())).toBe('conflict');
      expect(await store().write({ state: later.state }, soon())).toBe('conflict');
      expect(await store().write({ record: later.record }, soon())).toBe('conflict');
      expect(await look(store(), 'fraud', first.record.id, soon())).toEqual(NOTHING);
    });

    test('lets one of two equal changes through', async () => {
      await store().write(first, soon());
      expect(await store().write(later, soon())).toBe('written');
      expect(await store().write(later, soon())).toBe('conflict');
    });
  });
}

function describeFleet({ store, open }: StoreContext): void {
  describe('the fleet', () => {
    const first = takeSlot(newFleetState, 'fraud', NOON_MS);
    const pause = { atMs: NOON_MS, why: 'blast-radius', message: 'm', rollbackId: 'x/1' } as const;

    test('comes with every look of every client, whatever is looked at', async () => {
      expect(await store().write({ fleet: first }, soon())).toBe('written');
      const claimed = firstClaim('churn', '1');
      await store().write(claimed, soon());
      for (const client of [store(), await open()]) {
        const alone = { ...NOTHING, fleet: first };
        expect(await look(client, 'fraud', null)).toEqual(alone);
        expect(await look(client, '-', '-/1')).toEqual(alone);
        expect(await look(client, 'churn', claimed.record.id)).toEqual({
          ...claimed,
          fleet: first,
        });
      }
    });

    test('is written alone, from revision to revision', async () => {
      const paused = pauseFleet(takeSlot(first, 'churn', NOON_MS + 1), pause);
      const steps = [first, takeSlot(first, 'churn', NOON_MS + 1), paused, resumeFleet(paused)];
      for (const fleet of steps) {
        expect(await store().write({ fleet }, soon())).toBe('written');
        expect(await look(store(), 'fraud', null)).toEqual({ ...NOTHING, fleet });
      }
      expect(await store().list(null, soon())).toEqual([]);
      expect(await dueOf(store())()).toEqual([]);
    });

    test('is written with a state, with a record, and with both', async () => {
      const state = next(newModelState('fraud', REGISTRY));
      expect(await store().write({ state, fleet: first }, soon())).toBe('written');
      expect(await look(store(), 'fraud', null)).toEqual({ ...NOTHING, state, fleet: first });

      const record = refusal('churn', '1');
      const second = next(first);
      expect(await store().write({ record, fleet: second }, soon())).toBe('written');
      const beside = { ...NOTHING, record, fleet: second };
      expect(await look(store(), 'churn', record.id)).toEqual(beside);

      const claimed = alarmClaim('drift', '1', second);
      expect(await store().write(claimed, soon())).toBe('written');
      expect(await look(store(), 'drift', claimed.record.id)).toEqual(claimed);
    });

    test('is no state of a model, whatever its name', async () => {
      await store().write({ fleet: first }, soon());
      const names = ['FLEET', 'FLEET#', 'FLEET#main', 'fleet', '-', '/', ...AWKWARD_NAMES];
      for (const model of names) {
        const claimed = firstClaim(model, '0123456789abcdef');
        expect(await store().write(claimed, soon())).toBe('written');
        const { id } = claimed.record;
        expect(await look(store(), model, id)).toEqual({ ...claimed, fleet: first });
      }
      expect(await store().write({ fleet: next(first) }, soon())).toBe('written');
    });

    test('alone at another revision than the next is a conflict', async () => {
      expect(await store().write({ fleet: next(first) }, soon())).toBe('conflict');
      expect(await look(store(), 'fraud', null)).toEqual(NOTHING);

      await store().write({ fleet: first }, soon());
      for (const fleet of [first, next(next(first))]) {
        expect(await store().write({ fleet }, soon())).toBe('conflict');
        expect(await look(store(), 'fraud', null)).toEqual({ ...NOTHING, fleet: first });
      }
      expect(await store().write({ fleet: next(first) }, soon())).toBe('written');
      expect(await store().write({ fleet: next(first) }, soon())).toBe('conflict');
    });

    const stored = alarmClaim('fraud', '1');
    const later = { ...fail(stored, NOON_MS + 1, 'no'), fleet: next(stored.fleet) };
    const other = alarmClaim('churn', '1', stored.fleet);
    const conflicts: readonly { title: string; change: StoreChange }[] = [
      { title: 'a stale state', change: { ...later, state: stored.state } },
      { title: 'a stale record', change: { ...later, record: stored.record } },
      { title: 'a stale fleet', change: { ...later, fleet: stored.fleet } },
      { title: 'a state of the future', change: { ...later, state: next(later.state) } },
      { title: 'a record of the future', change: { ...later, record: next(later.record) } },
      { title: 'a fleet of the future', change: { ...later, fleet: next(later.fleet) } },
      { title: 'a stale fleet beside first items', change: { ...other, fleet: stored.fleet } },
      { title: 'a first state beside a fresh fleet', change: { ...other, state: stored.state } },
      { title: 'a stale fleet beside a fresh record', change: staleBeside('record') },
      { title: 'a stale fleet beside a fresh state', change: staleBeside('state') },
    ];
    function staleBeside(name: 'record' | 'state'): StoreChange {
      return { [name]: later[name], fleet: stored.fleet };
    }
    for (const { title, change } of conflicts) {
      test(`makes a change with ${title} a conflict that writes nothing at all`, async () => {
        await store().write(stored, soon());
        expect(await store().write(change, soon())).toBe('conflict');
        expect(await look(store(), 'fraud', stored.record.id)).toEqual(stored);
        expect(await look(store(), 'churn', other.record.id)).toEqual({
          ...NOTHING,
          fleet: stored.fleet,
        });
        expect(await store().list(null, soon())).toEqual([stored.record]);
        // The same change, with nothing stale in it, is no conflict.
        expect(await store().write(later, soon())).toBe('written');
        expect(await look(store(), 'fraud', stored.record.id)).toEqual(later);
      });
    }
  });
}

function describeRoundTrips({ store }: StoreContext): void {
  describe('a stored item', () => {
    test.each(AWKWARD_NAMES)('keeps the model name %s', async (model) => {
      const claimed = firstClaim(model, '0123456789abcdef');
      expect(await store().write(claimed, soon())).toBe('written');
      expect(await look(store(), model, claimed.record.id, soon())).toEqual(claimed);
      expect(await store().list(model, soon())).toEqual([claimed.record]);
      expect(await store().listDue(NOON_MS + 60_000, 10, soon())).toEqual([
        { id: claimed.record.id, dueAtMs: NOON_MS + 60_000 },
      ]);
    });

    test('comes back exactly, whatever it holds', async () => {
      let run = 0;
      const change = modelName.chain((model) =>
        fc.record({ state: modelState(model), record: rollbackRecord(model), fleet: fleetState }),
      );
      await fc.assert(
        fc.asyncProperty(change, async ({ state, record, fleet }) => {
          // Runs share the store: a name of its own for each, with the drawn one in it.
          run += 1;
          const model = `${run}:${state.modelName}`.slice(0, NAME_LENGTH_MAX);
          // The fleet is one for all of them.
          const { fleet: before } = await look(store(), model, null);
          const unique = {
            state: { ...state, modelName: model },
            record: { ...record, modelName: model, id: `${model}/${record.id.slice(-16)}` },
            fleet: { ...fleet, revision: (before?.revision ?? 0) + 1 },
          };
          expect(await store().write(unique, soon())).toBe('written');
          expect(await look(store(), model, unique.record.id, soon())).toEqual(unique);
        }),
        { numRuns: ROUND_TRIPS },
      );
    });

    test('may be as large as the limits allow', async () => {
      const large = largeChange();
      expect(await store().write(large, soon())).toBe('written');
      const { modelName: model, id } = large.record;
      expect(await look(store(), model, id, soon())).toEqual(large);
    });

    test.each(settledRecords)(
      'keeps a record $title, and lists it when it is due',
      async (sample) => {
        const { record, dueAtMs } = sample;
        expect(await store().write({ record }, soon())).toBe('written');
        const { id, modelName: model } = record;
        expect(await look(store(), model, id, soon())).toEqual({ ...NOTHING, record });
        expect(await store().list(model, soon())).toEqual([record]);
        expect(await store().list(null, soon())).toEqual([record]);
        if (dueAtMs === null) {
          expect(await store().listDue(NOON_MS + limits.recordRetentionMs, 10, soon())).toEqual([]);
        } else {
          expect(await store().listDue(dueAtMs - 1, 10, soon())).toEqual([]);
          expect(await store().listDue(dueAtMs, 10, soon())).toEqual([{ id, dueAtMs }]);
        }
      },
    );
  });
}

function describeList({ store }: StoreContext): void {
  describe('list', () => {
    test('is empty where nothing was written', async () => {
      expect(await store().list(null, soon())).toEqual([]);
      expect(await store().list('fraud', soon())).toEqual([]);
    });

    test('gives the records of one model or of all, newest first', async () => {
      const [oldest, second, third, newest] = [
        refusal('fraud', 'd', NOON_MS),
        refusal('churn', 'c', NOON_MS + 1),
        refusal('fraud', 'a', NOON_MS + 1_000),
        refusal('fraud/d', 'b', NOON_MS + 60_000),
      ] as const;
      for (const record of [second, newest, oldest, third]) await store().write({ record }, soon());

      expect(await store().list('fraud', soon())).toEqual([third, oldest]);
      expect(await store().list('churn', soon())).toEqual([second]);
      expect(await store().list('chur', soon())).toEqual([]);
      expect(await store().list(null, soon())).toEqual([newest, third, second, oldest]);
    });

    test('keeps the place of a record that changed', async () => {
      const first = refusal('fraud', '1', NOON_MS);
      const second = refusal('fraud', '2', NOON_MS + 1);
      for (const record of [first, second]) await store().write({ record }, soon());
      const changed = withNotice(first, sent(NOON_MS + 9));
      await store().write({ record: changed }, soon());
      for (const of of ['fraud', null]) {
        expect(await store().list(of, soon())).toEqual([second, changed]);
      }
    });

    test('gives more than fits one answer of an engine', async () => {
      const records = Array.from({ length: 24 }, (_, index) => {
        const record = refusal('fraud', `${index}`, NOON_MS + index);
        const why = 'x'.repeat(60_000);
        const candidates = [{ version: '1', stage: 'Archived', isTaken: false, why }];
        if (record.plan === null) throw new Error('a refusal has its plan');
        return { ...record, plan: { ...record.plan, candidates } };
      });
      await Promise.all(records.map((record) => store().write({ record }, soon())));
      const newestFirst = records.toReversed().map(({ id }) => id);
      for (const of of ['fraud', null]) {
        const found = await store().list(of, soon());
        expect(found.map(({ id }) => id)).toEqual(newestFirst);
      }
    });
  });
}

function describeDue({ store }: StoreContext): void {
  describe('listDue', () => {
    test('gives what is due, the longest due first, up to its limit', async () => {
      const due = [30, 10, 40, 20].map((dueAtMs) => pending(`m${dueAtMs}`, NOON_MS + dueAtMs));
      for (const record of due) await store().write({ record }, soon());
      const row = (at: number): { id: string; dueAtMs: number } => ({
        id: `m${at}/1`,
        dueAtMs: NOON_MS + at,
      });

      expect(await store().listDue(NOON_MS + 9, 10, soon())).toEqual([]);
      expect(await store().listDue(NOON_MS + 10, 10, soon())).toEqual([row(10)]);
      expect(await store().listDue(NOON_MS + 39, 10, soon())).toEqual([row(10), row(20), row(30)]);
      expect(await store().listDue(NOON_MS + 99, 2, soon())).toEqual([row(10), row(20)]);
      expect(await store().listDue(NOON_MS + 99, 1, soon())).toEqual([row(10)]);
    });

    test('follows a run from its lease over its notice to the last look, and forgets it', async () => {
      const claimed = firstClaim('fraud', '1', NOON_MS);
      const { id } = claimed.record;
      const due = dueOf(store());
      await store().write(claimed, soon());
      expect(await due()).toEqual([{ id, dueAtMs: NOON_MS + 60_000 }]);

      const ended = committed(claimed, NOON_MS + 5);
      await store().write(ended, soon());
      expect(await due()).toEqual([{ id, dueAtMs: NOON_MS + 5 + limits.noticeDueMs }]);

      const announced = withNotice(ended.record, sent(NOON_MS + 6));
      await store().write({ record: announced }, soon());
      expect(await due()).toEqual([{ id, dueAtMs: NOON_MS + 5 + limits.pointerCheckMs }]);

      const live = ended.record.plan.to?.version ?? '';
      const checked = afterPointerCheck(announced, [live], null, NOON_MS + 7);
      await store().write({ record: checked }, soon());
      expect(await due()).toEqual([]);
      expect(await store().list('fraud', soon())).toEqual([checked]);
    });

    test('follows the rollback of an alarm on to the end of its bake time', async () => {
      const claimed = alarmClaim('fraud', '1');
      const { id } = claimed.record;
      const due = dueOf(store());
      await store().write(claimed, soon());
      const ended = committed(claimed);
      await store().write(ended, soon());
      const announced = withNotice(ended.record, sent(NOON_MS + 1));
      await store().write({ record: announced }, soon());
      expect(await due()).toEqual([{ id, dueAtMs: NOON_MS + limits.pointerCheckMs }]);

      const checked = afterPointerCheck(announced, ['2'], null, NOON_MS + 2);
      await store().write({ record: checked }, soon());
      expect(await due()).toEqual([{ id, dueAtMs: NOON_MS + BAKE_MS }]);

      const told = afterRecovery(checked, ended.state, Recovery.NOT_RECOVERED, NOON_MS + BAKE_MS);
      expect(await store().write(told, soon())).toBe('written');
      expect(await due()).toEqual([{ id, dueAtMs: NOON_MS + BAKE_MS }]);

      const done = withNotice(told.record, sent(NOON_MS + BAKE_MS, 'recovery'));
      await store().write({ record: done }, soon());
      expect(await due()).toEqual([]);
      const { state, fleet } = { ...claimed, ...told };
      expect(state).toMatchObject({ pause: { why: 'recovery', rollbackId: id } });
      expect(await look(store(), 'fraud', id)).toEqual({ state, record: done, fleet });
    });

    test('follows a refused alarm from look to look until it is closed', async () => {
      const alarm = alarmOf('fraud');
      const refused = unclaimed(attemptAt('fraud', '1', { verdict: 'REFUSED', alarm }), 'REFUSED');
      const { id } = refused.record;
      const due = dueOf(store());
      await store().write(refused, soon());
      expect(await due()).toEqual([{ id, dueAtMs: NOON_MS + limits.noticeDueMs }]);

      const announced = withNotice(refused.record, sent(NOON_MS + 1));
      await store().write({ record: announced }, soon());
      expect(await due()).toEqual([{ id, dueAtMs: NOON_MS + limits.watchIntervalMs }]);

      const closed = closeWatch(announced, WatchEnd.RECOVERED, NOON_MS + 2);
      await store().write({ record: closed }, soon());
      expect(await due()).toEqual([]);
      expect(await look(store(), 'fraud', id)).toEqual({
        state: refused.state,
        record: closed,
        fleet: undefined,
      });
    });
  });
}

function describeDeadline({ store }: StoreContext): void {
  describe('a deadline that is over', () => {
    test('is StateStoreUnavailableError everywhere, and nothing is written', async () => {
      const claimed = firstClaim('fraud', '1');
      const calls = [
        () => store().read('fraud', null, OVER),
        () => store().write(claimed, OVER),
        () => store().write({ record: claimed.record }, OVER),
        () => store().write({ fleet: next(newFleetState) }, OVER),
        () => store().list(null, OVER),
        () => store().list('fraud', OVER),
        () => store().listDue(NOON_MS, 10, OVER),
      ];
      for (const call of calls) {
        await expect(call()).rejects.toBeInstanceOf(StateStoreUnavailableError);
      }
      expect(await look(store(), 'fraud', claimed.record.id, soon())).toEqual(NOTHING);
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
        expect(await look(store(), 'fraud', won.record.id, soon())).toEqual(won);
        // The next round starts from a higher revision, the first one from none.
        expect(await store().write(fail(won, NOON_MS, 'next round'), soon())).toBe('written');
      }
      expect(await store().list('fraud', soon())).toHaveLength(ROUNDS);
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
              const { fleet } = await look(racer.store, model, null);
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
          const looks = await Promise.all(
            models.map((model) => look(store(), model, `${model}/1`)),
          );
          expect(looks).toEqual(
            changes.map((change, index) => (index === won ? change : { ...NOTHING, fleet })),
          );
          winners.push(models[won] ?? '');
        }
        const { fleet } = await look(store(), 'any', null);
        expect(fleet?.slots.map((slot) => slot.modelName)).toEqual(winners);
      },
    );
  });
}

function describeDamage({ store, data }: StoreContext): void {
  const claimed = firstClaim('fraud', '1');
  const edits: readonly { title: string; edit: (item: Item) => ItemEdit; names: RegExp }[] = [
    { title: 'is not JSON', edit: () => ({ doc: '{"schema":1,' }), names: /not JSON/ },
    { title: 'is empty', edit: () => ({ doc: '' }), names: /not JSON/ },
    { title: 'is no object', edit: () => ({ doc: '[]' }), names: /field/ },
    {
      title: 'was written by a newer version',
      edit: (item) => ({ doc: JSON.stringify({ ...item, schema: 2, more: {} }) }),
      names: /schema is 2/,
    },
    {
      title: 'lacks a field',
      edit: ({ schema: _, ...item }) => ({ doc: JSON.stringify(item) }),
      names: /field schema/,
    },
    {
      title: 'holds an unknown field',
      edit: (item) => ({ doc: JSON.stringify({ ...item, frozen: true }) }),
      names: /field frozen/,
    },
    {
      title: 'holds a field of another type',
      edit: (item) => ({ doc: JSON.stringify({ ...item, revision: '1' }) }),
      names: /field revision/,
    },
    {
      title: 'has a higher revision in its document than beside it',
      edit: (item) => ({ doc: encodeItem({ ...item, revision: item.revision + 1 }) }),
      names: /field revision/,
    },
    {
      title: 'has a higher revision beside its document than in it',
      edit: (item) => ({ revision: item.revision + 6 }),
      names: /field revision/,
    },
  ];

  describe('a damaged item', () => {
    for (const { title, edit, names } of edits) {
      test(`stops the read of a state that ${title}, naming item and field`, async () => {
        await store().write(claimed, soon());
        const { state } = claimed;
        await data().edit?.({ kind: 'state', modelName: 'fraud' }, edit(state));
        const error = await failure(store().read('fraud', null, soon()));
        expect(error).toBeInstanceOf(StateCorruptError);
        expect(error.message).toMatch(/fraud.*STATE/);
        expect(error.message).toMatch(names);
      });

      test(`stops the read and the list of a record that ${title}, naming item and field`, async () => {
        await store().write(claimed, soon());
        const { id } = claimed.record;
        const item = { kind: 'record', modelName: 'fraud', rollbackId: id } as const;
        await data().edit?.(item, edit(claimed.record));
        for (const call of [
          () => store().read('fraud', id, soon()),
          () => store().list('fraud', soon()),
          () => store().list(null, soon()),
        ]) {
          const error = await failure(call());
          expect(error).toBeInstanceOf(StateCorruptError);
          expect(error.message).toContain(id);
          expect(error.message).toMatch(names);
        }
      });

      test(`stops the read of a fleet that ${title}, whatever is looked at`, async () => {
        const fleet = next(newFleetState);
        await store().write({ ...claimed, fleet }, soon());
        await data().edit?.({ kind: 'fleet' }, edit(fleet));
        for (const call of [
          () => store().read('fraud', claimed.record.id, soon()),
          () => store().read('churn', null, soon()),
        ]) {
          const error = await failure(call());
          expect(error).toBeInstanceOf(StateCorruptError);
          expect(error.message).toMatch(/FLEET/);
          expect(error.message).toMatch(names);
        }
        expect(await store().list('fraud', soon())).toEqual([claimed.record]);
        expect(await store().listDue(NOON_MS + 60_000, 10, soon())).toHaveLength(1);
      });
    }

    test('leaves the other items readable', async () => {
      await store().write(claimed, soon());
      const other = firstClaim('churn', '1');
      await store().write(other, soon());
      await data().edit?.({ kind: 'state', modelName: 'fraud' }, { doc: 'gone' });
      expect(await look(store(), 'churn', other.record.id, soon())).toEqual(other);
    });
  });
}

/** Items as they were written before there were alarms. */
function describeOlderItems({ store, data }: StoreContext): void {
  const before: readonly (keyof ModelState | keyof RollbackRecord)[] = [
    'subject',
    'alarm',
    'isAutomatic',
    'watch',
    'recovery',
    'pause',
    'recentCommits',
    'announcedRefusals',
  ];
  const older = (item: ModelState | RollbackRecord): ItemEdit => {
    const known = Object.entries(item).filter(([name]) => !before.some((field) => field === name));
    const fields = Object.fromEntries(known);
    if (!('notice' in item)) return { doc: JSON.stringify(fields) };
    const { about: _, ...notice } = { about: '', ...item.notice };
    return { doc: JSON.stringify({ ...fields, notice }) };
  };

  describe('an item without the fields of alarms', () => {
    const claimed = firstClaim('fraud', '1');
    const ended = committed(claimed);
    const notices: readonly RollbackRecord['notice'][] = [
      { kind: 'none' },
      pendingNoticeAt(NOON_MS + 1),
      sent(NOON_MS + 1),
    ];
    for (const notice of notices) {
      test(`is read as one without an alarm, its notice ${notice.kind}, and written over`, async () => {
        const record = { ...ended.record, notice };
        const { id } = record;
        await store().write(claimed, soon());
        await store().write({ ...ended, record }, soon());
        await data().edit?.({ kind: 'state', modelName: 'fraud' }, older(ended.state));
        const item = { kind: 'record', modelName: 'fraud', rollbackId: id } as const;
        await data().edit?.(item, older(record));

        // When the latest commits were is not known of them.
        const state = { ...ended.state, recentCommits: [] };
        expect(await look(store(), 'fraud', id)).toEqual({ ...NOTHING, state, record });
        expect(await store().list('fraud', soon())).toEqual([record]);
        expect(await store().list(null, soon())).toEqual([record]);

        const written = { state: next(state), record: withNotice(record, sent(NOON_MS + 2)) };
        expect(await store().write(written, soon())).toBe('written');
        expect(await look(store(), 'fraud', id)).toEqual(written);
      });
    }
  });
}

function describeWorkspaces({ open }: StoreContext): void {
  describe('a workspace', () => {
    test('does not see another one', async () => {
      const [red, blue] = [await open('red'), await open('blue')];
      const mine = firstClaim('fraud', '1');
      const theirs = { ...fail(mine, NOON_MS + 1, 'no') };
      expect(await red.write(mine, soon())).toBe('written');

      expect(await look(blue, 'fraud', mine.record.id, soon())).toEqual(NOTHING);
      expect(await blue.list(null, soon())).toEqual([]);
      expect(await blue.list('fraud', soon())).toEqual([]);
      expect(await blue.listDue(NOON_MS + 1_000_000, 10, soon())).toEqual([]);
      expect(await blue.write(theirs, soon())).toBe('conflict');

      expect(await blue.write(mine, soon())).toBe('written');
      expect(await blue.write(theirs, soon())).toBe('written');
      expect(await look(red, 'fraud', mine.record.id, soon())).toEqual(mine);
    });

    test('has a fleet of its own', async () => {
      const [red, blue] = [await open('red'), await open('blue')];
      const mine = takeSlot(newFleetState, 'fraud', NOON_MS);
      const theirs = takeSlot(newFleetState, 'churn', NOON_MS);
      expect(await red.write({ fleet: mine }, soon())).toBe('written');
      expect(await look(blue, 'fraud', null)).toEqual(NOTHING);
      expect(await blue.write({ fleet: next(mine) }, soon())).toBe('conflict');
      expect(await look(blue, 'fraud', null)).toEqual(NOTHING);

      expect(await blue.write({ fleet: theirs }, soon())).toBe('written');
      expect(await blue.write({ fleet: next(theirs) }, soon())).toBe('written');
      expect(await look(red, 'fraud', null)).toEqual({ ...NOTHING, fleet: mine });
      expect(await look(blue, 'fraud', null)).toEqual({ ...NOTHING, fleet: next(theirs) });
    });
  });
}

// ---------------------------------------------------------------------------------------------------

type Item = ModelState | RollbackRecord | FleetState;

/** Every list as long, every text as large, as it may be. */
function largeChange(): Required<StoreChange> & ClaimedRun {
  const model = '界'.repeat(NAME_LENGTH_MAX);
  const arn = (index: number): string =>
    `arn:aws:cloudwatch:eu-west-1:111122223333:alarm:${'界'.repeat(251)}${1_000 + index}`;
  const message = '界'.repeat(limits.messageLengthMax);
  const claimed = committed(alarmClaim(model, '0123456789abcdef'));
  const rollbackId = claimed.record.id;
  const { alarm } = claimed.record;
  if (alarm === null) throw new Error('the claim has no alarm');
  const pause = { atMs: NOON_MS, why: 'budget', message, rollbackId } as const;
  const many = <T>(length: number, of: (index: number) => T): T[] =>
    Array.from({ length }, (_, index) => of(index));
  return {
    state: {
      ...claimed.state,
      revision: 1,
      quarantine: many(limits.quarantineRecentMax, (index) => ({
        version: String(10 ** 14 + index),
        atMs: NOON_MS,
        rollbackId,
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
    },
    record: {
      ...claimed.record,
      revision: 1,
      alarm: {
        ...alarm,
        transition: { ...alarm.transition, arn: arn(0), childrenInAlarm: many(100, arn) },
      },
      warnings: many(20, () => ({ code: 'W', message })),
    },
    fleet: {
      ...newFleetState,
      revision: 1,
      pause,
      slots: many(limits.fleetSlotsMax, (index) => ({
        modelName: `${'界'.repeat(NAME_LENGTH_MAX - 4)}${1_000 + index}`,
        atMs: NOON_MS,
      })),
    },
  };
}

function refusal(model: string, key: string, nowMs: number = NOON_MS): RollbackRecord {
  return unclaimed(attemptAt(model, key, { nowMs, verdict: 'REFUSED' }), 'REFUSED').record;
}

function pending(model: string, dueAtMs: number): RollbackRecord {
  return { ...refusal(model, '1'), notice: pendingNoticeAt(dueAtMs) };
}

function pendingNoticeAt(dueAtMs: number): RollbackRecord['notice'] {
  return { kind: 'pending', about: 'end', dueAtMs, leaseEndsAtMs: NOON_MS, attempts: 1 };
}

function sent(sentAtMs: number, about: NoticeTopic = 'end'): RollbackRecord['notice'] {
  return { kind: 'sent', about, sentAtMs, attempts: 1 };
}

/** Records of alarms as they stand between two sweeps, and when the next one takes each up. */
const settledRecords: readonly {
  readonly title: string;
  readonly record: RollbackRecord;
  readonly dueAtMs: number | null;
}[] = settledSamples();

function settledSamples(): typeof settledRecords {
  const told = (record: RollbackRecord): RollbackRecord => ({
    ...record,
    revision: 1,
    notice: sent(NOON_MS),
  });
  const alarm = alarmOf('fraud');
  const running = alarmClaim('fraud', '1').record;
  const done = told(committed(alarmClaim('fraud', '1')).record);
  const deferred = planless('model', 'DEFERRED');
  const nameless = told(planless('alarm', 'FAILED'));
  const longArn = `arn:aws:cloudwatch:eu-west-1:111122223333:alarm:${'界'.repeat(255)}`;
  const waiting = unclaimed(attemptAt('fraud', '1', { alarm }), 'AWAITING_APPROVAL').record;
  const later = (afterMs: number) =>
    ({ kind: 'pending', dueAtMs: NOON_MS + afterMs, looks: 3 }) as const;
  const looks = (pointerMs: number, watchMs: number, recoveryMs: number): RollbackRecord => ({
    ...done,
    pointerCheck: { kind: 'pending', dueAtMs: NOON_MS + pointerMs },
    watch: later(watchMs),
    recovery: later(recoveryMs),
  });
  const backoffMs = NOON_MS + limits.watchBackoffMs;
  return [
    { title: 'of a run for an alarm', record: running, dueAtMs: NOON_MS + 60_000 },
    {
      title: 'of a run whose looks are due before its lease is over',
      record: { ...running, watch: later(1), recovery: later(2) },
      dueAtMs: NOON_MS + 60_000,
    },
    {
      title: 'without a plan, its notice pending',
      record: deferred,
      dueAtMs: NOON_MS + limits.noticeDueMs,
    },
    { title: 'without a plan, its watch pending', record: told(deferred), dueAtMs: backoffMs },
    { title: 'of an alarm that names no model', record: nameless, dueAtMs: backoffMs },
    {
      title: 'of an alarm with the longest name',
      record: { ...nameless, modelName: longArn, id: `${longArn}/0123456789abcdef` },
      dueAtMs: backoffMs,
    },
    {
      title: 'of a source that nobody can read',
      record: told(planless('source', 'FAILED')),
      dueAtMs: null,
    },
    {
      title: 'of an alarm that waits for a person',
      record: told(waiting),
      dueAtMs: NOON_MS + limits.watchIntervalMs,
    },
    ...Object.values(WatchEnd).map((why) => ({
      title: `whose watch was closed as ${why}`,
      record: { ...told(waiting), watch: { kind: 'closed', atMs: NOON_MS, why } as const },
      dueAtMs: null,
    })),
    {
      title: 'whose looks are due before its notice',
      record: { ...looks(1, 2, 3), notice: pendingNoticeAt(NOON_MS + 9) },
      dueAtMs: NOON_MS + 9,
    },
    {
      title: 'whose looks are due after its notice',
      record: { ...looks(10, 20, 30), notice: pendingNoticeAt(NOON_MS + 9) },
      dueAtMs: NOON_MS + 9,
    },
    { title: 'whose pointer comes first', record: looks(1, 2, 3), dueAtMs: NOON_MS + 1 },
    { title: 'whose watch comes first', record: looks(2, 1, 3), dueAtMs: NOON_MS + 1 },
    { title: 'whose recovery comes first', record: looks(3, 2, 1), dueAtMs: NOON_MS + 1 },
    ...Object.values(Recovery).map((kind) => ({
      title: `whose alarm was found ${kind}`,
      record: {
        ...done,
        pointerCheck: { kind: 'as-left', atMs: NOON_MS } as const,
        recovery: { kind, atMs: NOON_MS },
        notice: sent(NOON_MS, 'recovery'),
      },
      dueAtMs: null,
    })),
  ];
}

/** Whatever is due in the next weeks. */
function dueOf(store: RollbackStore): () => Promise<readonly DueRecord[]> {
  return async () => await store.listDue(NOON_MS + limits.watchDurationMaxMs, 10, soon());
}

async function failure(call: Promise<unknown>): Promise<Error> {
  const outcome = await call.catch((error: unknown) => error);
  if (outcome instanceof Error) return outcome;
  throw new Error(`no error but ${JSON.stringify(outcome)}`);
}
