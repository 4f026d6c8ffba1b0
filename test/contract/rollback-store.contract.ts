/** What every state store must do; each adapter has a run file beside this one. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { StateCorruptError, StateStoreUnavailableError } from '../../src/domain/errors.ts';
import { afterPointerCheck, withNotice } from '../../src/domain/follow-up.ts';
import { limits } from '../../src/domain/limits.ts';
import {
  type ModelState,
  newModelState,
  next,
  type RollbackRecord,
} from '../../src/domain/rollback.ts';
import { encodeItem } from '../../src/domain/stored-item.ts';
import { type ClaimedRun, commit, endUnclaimed, fail } from '../../src/domain/transition.ts';
import { type Deadline, deadlineAfter } from '../../src/ports/deadline.ts';
import type { DueRecord, RollbackStore, StoreView } from '../../src/ports/rollback-store.ts';
import { AWKWARD_NAMES, modelName, modelState, rollbackRecord } from './rollback-arbitraries.ts';
import {
  attemptAt,
  firstClaim,
  NOON_MS,
  prepareClaims,
  type Racer,
  REGISTRY,
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

export interface StoredItem {
  readonly modelName: string;
  /** Null: the state. */
  readonly rollbackId: string | null;
}

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
    describeRoundTrips(context);
    describeList(context);
    describeDue(context);
    describeDeadline(context);
    describeRace(context);
    if (options.isEditable) describeDamage(context);
    if (options.hasWorkspaces) describeWorkspaces(context);
  });
}

/** State and record as stored, without the time of the look. */
export async function look(
  store: RollbackStore,
  model: string,
  rollbackId: string | null,
  deadline: Deadline = soon(),
): Promise<Omit<StoreView, 'serverTimeMs'>> {
  const { state, record } = await store.read(model, rollbackId, deadline);
  return { state, record };
}

/** Enough for any call of these suites. */
export function soon(): Deadline {
  return deadlineAfter(systemClock, 30_000);
}

/** A deadline that has passed. */
const OVER: Deadline = { leftMs: () => 0 };

// ---------------------------------------------------------------------------------------------------

interface StoreContext {
  store(): RollbackStore;
  data(): StoreData;
  open(workspace?: string): Promise<RollbackStore>;
}

function describeReading({ store, open }: StoreContext): void {
  describe('read', () => {
    test('finds nothing where nothing was written', async () => {
      const nothing = { state: undefined, record: undefined };
      expect(await look(store(), 'fraud', null, soon())).toEqual(nothing);
      expect(await look(store(), 'fraud', 'fraud/0', soon())).toEqual(nothing);
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
      run = commit(run, NOON_MS + 1, []);
      expect(await store().write(run, soon())).toBe('written');
      const record = withNotice(run.record, { kind: 'sent', sentAtMs: NOON_MS + 2, attempts: 1 });
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
      const nothing = { state: undefined, record: undefined };
      expect(await look(store(), 'fraud', first.record.id, soon())).toEqual(nothing);
    });

    test('lets one of two equal changes through', async () => {
      await store().write(first, soon());
      expect(await store().write(later, soon())).toBe('written');
      expect(await store().write(later, soon())).toBe('conflict');
    });
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
        fc.record({ state: modelState(model), record: rollbackRecord(model) }),
      );
      await fc.assert(
        fc.asyncProperty(change, async ({ state, record }) => {
          // Runs share the store: a name of its own for each, with the drawn one in it.
          run += 1;
          const model = `${run}:${state.modelName}`.slice(0, NAME_LENGTH_MAX);
          const unique = {
            state: { ...state, modelName: model },
            record: { ...record, modelName: model, id: `${model}/${record.id.slice(-16)}` },
          };
          expect(await store().write(unique, soon())).toBe('written');
          expect(await look(store(), model, unique.record.id, soon())).toEqual(unique);
        }),
        { numRuns: ROUND_TRIPS },
      );
    });

    test('may be as large as the limits allow', async () => {
      const model = '界'.repeat(NAME_LENGTH_MAX);
      const claimed = commit(firstClaim(model, '0123456789abcdef'), NOON_MS, []);
      const state: ModelState = {
        ...claimed.state,
        revision: 1,
        quarantine: Array.from({ length: limits.quarantineRecentMax }, (_, index) => ({
          version: String(10 ** 14 + index),
          atMs: NOON_MS,
          rollbackId: claimed.record.id,
        })),
        quarantineEarlier: Array.from({ length: limits.quarantineIntervalsMax }, (_, index) => [
          10 ** 14 - 3 * index,
          10 ** 14 - 3 * index + 1,
        ]),
      };
      const record = { ...claimed.record, revision: 1 };
      expect(await store().write({ state, record }, soon())).toBe('written');
      expect(await look(store(), model, record.id, soon())).toEqual({ state, record });
    });
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
      const changed = withNotice(first, { kind: 'sent', sentAtMs: NOON_MS + 9, attempts: 1 });
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
      const due = async (): Promise<readonly DueRecord[]> =>
        await store().listDue(NOON_MS + 1_000_000, 10, soon());
      await store().write(claimed, soon());
      expect(await due()).toEqual([{ id, dueAtMs: NOON_MS + 60_000 }]);

      const ended = commit(claimed, NOON_MS + 5, []);
      await store().write(ended, soon());
      expect(await due()).toEqual([{ id, dueAtMs: NOON_MS + 5 + limits.noticeDueMs }]);

      const sent = { kind: 'sent', sentAtMs: NOON_MS + 6, attempts: 1 } as const;
      const announced = withNotice(ended.record, sent);
      await store().write({ record: announced }, soon());
      expect(await due()).toEqual([{ id, dueAtMs: NOON_MS + 5 + limits.pointerCheckMs }]);

      const live = announced.plan.to?.version ?? '';
      const checked = afterPointerCheck(announced, [live], null, NOON_MS + 7);
      await store().write({ record: checked }, soon());
      expect(await due()).toEqual([]);
      expect(await store().list('fraud', soon())).toEqual([checked]);
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
        () => store().list(null, OVER),
        () => store().list('fraud', OVER),
        () => store().listDue(NOON_MS, 10, OVER),
      ];
      for (const call of calls) {
        await expect(call()).rejects.toBeInstanceOf(StateStoreUnavailableError);
      }
      const nothing = { state: undefined, record: undefined };
      expect(await look(store(), 'fraud', claimed.record.id, soon())).toEqual(nothing);
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
      edit: ({ modelName: _, ...item }) => ({ doc: JSON.stringify(item) }),
      names: /field modelName/,
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
      edit: (item) => ({ doc: encodeItem({ ...item, revision: 2 }) }),
      names: /field revision/,
    },
    {
      title: 'has a higher revision beside its document than in it',
      edit: () => ({ revision: 7 }),
      names: /field revision/,
    },
  ];

  describe('a damaged item', () => {
    for (const { title, edit, names } of edits) {
      test(`stops the read of a state that ${title}, naming item and field`, async () => {
        await store().write(claimed, soon());
        const { state } = claimed;
        await data().edit?.({ modelName: 'fraud', rollbackId: null }, edit(state));
        const error = await failure(store().read('fraud', null, soon()));
        expect(error).toBeInstanceOf(StateCorruptError);
        expect(error.message).toMatch(/fraud.*STATE/);
        expect(error.message).toMatch(names);
      });

      test(`stops the read and the list of a record that ${title}, naming item and field`, async () => {
        await store().write(claimed, soon());
        const { id } = claimed.record;
        await data().edit?.({ modelName: 'fraud', rollbackId: id }, edit(claimed.record));
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
    }

    test('leaves the other items readable', async () => {
      await store().write(claimed, soon());
      const other = firstClaim('churn', '1');
      await store().write(other, soon());
      await data().edit?.({ modelName: 'fraud', rollbackId: null }, { doc: 'gone' });
      expect(await look(store(), 'churn', other.record.id, soon())).toEqual(other);
    });
  });
}

function describeWorkspaces({ open }: StoreContext): void {
  describe('a workspace', () => {
    test('does not see another one', async () => {
      const [red, blue] = [await open('red'), await open('blue')];
      const mine = firstClaim('fraud', '1');
      const theirs = { ...fail(mine, NOON_MS + 1, 'no') };
      expect(await red.write(mine, soon())).toBe('written');

      const nothing = { state: undefined, record: undefined };
      expect(await look(blue, 'fraud', mine.record.id, soon())).toEqual(nothing);
      expect(await blue.list(null, soon())).toEqual([]);
      expect(await blue.list('fraud', soon())).toEqual([]);
      expect(await blue.listDue(NOON_MS + 1_000_000, 10, soon())).toEqual([]);
      expect(await blue.write(theirs, soon())).toBe('conflict');

      expect(await blue.write(mine, soon())).toBe('written');
      expect(await blue.write(theirs, soon())).toBe('written');
      expect(await look(red, 'fraud', mine.record.id, soon())).toEqual(mine);
    });
  });
}

// ---------------------------------------------------------------------------------------------------

type Item = ModelState | RollbackRecord;

function refusal(model: string, key: string, nowMs: number = NOON_MS): RollbackRecord {
  return endUnclaimed(attemptAt(model, key, { nowMs, verdict: 'REFUSED' }));
}

function pending(model: string, dueAtMs: number): RollbackRecord {
  const notice = { kind: 'pending', dueAtMs, leaseEndsAtMs: NOON_MS, attempts: 1 } as const;
  return { ...refusal(model, '1'), notice };
}

async function failure(call: Promise<unknown>): Promise<Error> {
  const outcome = await call.catch((error: unknown) => error);
  if (outcome instanceof Error) return outcome;
  throw new Error(`no error but ${JSON.stringify(outcome)}`);
}
