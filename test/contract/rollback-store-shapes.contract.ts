/** What every state store must do with items of other releases, and with those that are damaged. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StateCorruptError } from '../../src/domain/errors.ts';
import { limits } from '../../src/domain/limits.ts';
import { fail } from '../../src/domain/protocol/transition.ts';
import type { NoticeTopic } from '../../src/domain/record/notice-content.ts';
import type { RollbackRecord, StoreChange } from '../../src/domain/record/record.ts';
import { next } from '../../src/domain/revision.ts';
import { newFleetState } from '../../src/domain/state/fleet.ts';
import type { ModelState } from '../../src/domain/state/model-state.ts';
import type { RollbackStore } from '../../src/ports/rollback-store.ts';
import {
  fleetState,
  modelName,
  modelState,
  outboxItem,
  rollbackRecord,
} from './rollback-arbitraries.ts';
import {
  changed,
  committed,
  firstClaim,
  marked,
  NOON_MS,
  refused,
  timeAt,
} from './rollback-samples.ts';
import {
  allDue,
  failure,
  type ItemEdit,
  itemsOf,
  listDue,
  listRecords,
  NOTHING,
  readItems,
  type StoreContext,
  type StoredItem,
  soon,
} from './rollback-store-place.ts';

const ROUND_TRIPS = 30;

/** Items of other releases. */
export function describeShapes(context: StoreContext): void {
  describe('an item of a later release', () => {
    describeUnknownFields(context);
    describeRefused(context);
    describeUnknownTopics(context);
    describeStoredText(context);
  });
  describe('an item without the fields of alarms', () => describeOlderItems(context));
}

/** @param hasColumns true where conditions are on copies beside the document */
export function describeDamage(context: StoreContext, hasColumns: boolean): void {
  describe('a damaged item', () => {
    describeDamagedItems(context, hasColumns);
    describeContradictions(context);
  });
}

// ---------------------------------------------------------------------------------------------------

function describeUnknownFields({ store }: StoreContext): void {
  test('keeps fields that this one does not know, at every depth, when it is written over', async () => {
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
        // Runs share the store: a model for each.
        run += 1;
        const model = `model ${run}`;
        const id = `${model}/0123456789abcdef`;
        const { fleet: before } = await readItems(store(), model, null);
        const later = {
          state: withLater({ ...state, modelName: model }),
          record: withLater({ ...record, modelName: model, id }),
          fleet: withLater({ ...fleet, revision: (before?.revision ?? 0) + 1 }),
          notice: {
            item: withLater({ ...item, topic: 'end', rollbackId: id } as const),
            over: null,
          },
        };
        expect(await store().write(later, soon())).toBe('written');
        const stored = await readItems(store(), model, id);
        expect(stored).toEqual(itemsOf(later));

        const written = {
          state: next(required(stored.state)),
          record: changed(required(stored.record)),
          fleet: next(required(stored.fleet)),
          notice: marked(required(stored.notice), NOON_MS, { sns: false }),
        };
        expect(await store().write(written, soon())).toBe('written');
        const rewritten = await readItems(store(), model, id);
        expect(rewritten).toEqual(itemsOf(written));
        for (const found of Object.values(rewritten)) expect(found).toHaveProperty('later', LATER);
      }),
      { numRuns: ROUND_TRIPS },
    );
  });
}

function describeRefused({ store }: StoreContext): void {
  const claimed = firstClaim('fraud', '1');
  const { id } = claimed.record;
  const marks = [
    { title: 'needs a later reader', mark: { min_reader: 99 }, names: /reader 99/ },
    { title: 'has a later schema', mark: { schema: 3 }, names: /schema is 3/ },
  ];
  for (const { title, mark, names } of marks) {
    const refusesToRead = async (read: Promise<unknown>, item: RegExp): Promise<void> => {
      const error = await failure(read);
      expect(error).toBeInstanceOf(StateCorruptError);
      expect(error.message).toMatch(item);
      expect(error.message).toMatch(names);
      expect(error.message).toContain('Update model-rollback');
    };

    test(`that ${title}, as a state, is refused by name and not written over`, async () => {
      await store().write({ ...claimed, state: { ...claimed.state, ...mark } }, soon());
      await refusesToRead(store().read('fraud', null, soon()), /fraud.*STATE/);
      await refusesToRead(store().read('fraud', id, soon()), /fraud.*STATE/);
      await isNotWritten(store(), claimed);
      await isNotWritten(store(), { state: claimed.state });
      await refusesToRead(store().read('fraud', null, soon()), /fraud.*STATE/);
      expect(await listRecords(store(), 'fraud')).toEqual([claimed.record]);
    });

    test(`that ${title}, as a record, is refused by name, named in lists, due, and not written over`, async () => {
      await store().write(claimed, soon());
      const other = refused('churn', '1');
      await store().write(other, soon());
      // The other release wrote it last, and we had read it before.
      const theirs = { ...next(claimed.record), ...mark };
      expect(await store().write({ record: theirs }, soon())).toBe('written');
      await isNotWritten(store(), { record: claimed.record });
      await isNotWritten(store(), fail(claimed, timeAt(NOON_MS + 1), 'no'));

      await refusesToRead(store().read('fraud', id, soon()), new RegExp(id));
      const why = expect.stringMatching(names);
      const rest = { record: other.record, isNotified: false };
      expect(await store().list('fraud', soon())).toEqual({
        records: [],
        unreadable: [{ id, why }],
      });
      expect(await store().list(null, soon())).toEqual({
        records: [rest],
        unreadable: [{ id, why }],
      });
      expect(await store().list('churn', soon())).toEqual({ records: [rest], unreadable: [] });
      const due = await allDue(store(), 'record');
      expect(due).toMatchObject([{ id, topic: null }]);
      // The state beside it was not changed either.
      const { state } = claimed;
      expect(await readItems(store(), 'fraud', null)).toEqual({ ...NOTHING, state });
    });

    test(`that ${title}, as a notice, is refused by name, due, and stops no list`, async () => {
      const end = refused('fraud', '1');
      const { record, notice } = end;
      const theirs = { ...notice, item: { ...notice.item, ...mark } };
      await store().write({ record, notice: theirs }, soon());
      await store().write(refused('churn', '1'), soon());
      const ours = marked(notice.item);
      await isNotWritten(store(), { notice: { ...ours, over: null } });
      await isNotWritten(store(), { notice: { ...ours, over: 'the token of another' } });

      await refusesToRead(store().read('fraud', record.id, soon()), /1#end/);
      await refusesToRead(store().readNotice(record.id, 'end', soon()), /1#end/);
      for (const of of ['fraud', null]) {
        const { records, unreadable } = await store().list(of, soon());
        expect(unreadable).toEqual([]);
        expect(records).toContainEqual({ record, isNotified: false });
      }
      const due = await allDue(store(), 'notice');
      expect(due.map((item) => [item.id, item.topic]).toSorted()).toEqual([
        ['churn/1', 'end'],
        ['fraud/1', 'end'],
      ]);
    });

    test(`that ${title}, as the fleet, is refused by name, whatever is read`, async () => {
      const fleet = { ...next(newFleetState), ...mark };
      await store().write({ ...claimed, fleet }, soon());
      await refusesToRead(store().read('fraud', id, soon()), /FLEET/);
      await refusesToRead(store().read('churn', null, soon()), /FLEET/);
      await isNotWritten(store(), { fleet: next(newFleetState) });
      expect(await listRecords(store(), 'fraud')).toEqual([claimed.record]);
      expect(await allDue(store(), 'record')).toHaveLength(1);
    });
  }
}

/** What a later release sends is no work of this one. */
function describeUnknownTopics({ store }: StoreContext): void {
  test('is passed over when it is a notice of an unknown topic, and the pages go on after it', async () => {
    const later = 'weather' as NoticeTopic;
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const { notice } = refused('fraud', key);
      await store().write({ notice }, soon());
      const theirs = { ...marked(notice.item, NOON_MS, { sns: false }).item, topic: later };
      const item = { ...theirs, dueAtMs: notice.item.dueAtMs };
      await store().write({ notice: { item, over: null } }, soon());
    }
    const ids: string[] = [];
    let page = await listDue(store(), 'notice', NOON_MS + limits.noticeDueMs, 2);
    while (page.length > 0) {
      expect(page.map(({ topic }) => topic)).toEqual(['end', 'end']);
      ids.push(...page.map(({ id }) => id));
      const next = { limit: 2, after: page.at(-1) ?? null };
      page = await store().listDue('notice', NOON_MS + limits.noticeDueMs, next, soon());
    }
    const keys = ids.map((id) => id.replace('fraud/', ''));
    expect(keys.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });
}

interface Damage {
  readonly title: string;
  /** @param doc the item as it is stored */
  readonly edit: (doc: StoredDoc) => ItemEdit;
  readonly names: RegExp;
  /** True when the document and what stands beside it differ. */
  readonly isBeside?: boolean;
}

/** An item, read as plain JSON. */
type StoredDoc = Readonly<Record<string, unknown>> & { readonly revision: number };

const damages: readonly Damage[] = [
  { title: 'is not JSON', edit: () => ({ doc: '{"schema":1,' }), names: /not JSON/ },
  { title: 'is empty', edit: () => ({ doc: '' }), names: /not JSON/ },
  { title: 'is no object', edit: () => ({ doc: '[]' }), names: /field/ },
  {
    title: 'was written by a later release',
    edit: (doc) => ({ doc: JSON.stringify({ ...doc, schema: 3, more: {} }) }),
    names: /later release.*schema is 3/,
  },
  {
    title: 'needs a later reader',
    edit: (doc) => ({ doc: JSON.stringify({ ...doc, min_reader: 99 }) }),
    names: /later release.*reader 99/,
  },
  {
    title: 'does not say its schema',
    edit: ({ schema: _, ...doc }) => ({ doc: JSON.stringify(doc) }),
    names: /field schema/,
  },
  {
    title: 'has a reader that is no number',
    edit: (doc) => ({ doc: JSON.stringify({ ...doc, min_reader: 'all' }) }),
    names: /field min_reader/,
  },
];

const revisionDamages: readonly Damage[] = [
  {
    title: 'holds a field of another type',
    edit: (doc) => ({ doc: JSON.stringify({ ...doc, revision: '1' }) }),
    names: /field revision/,
  },
  {
    title: 'lacks a field',
    edit: ({ revision: _, ...doc }) => ({ doc: JSON.stringify(doc) }),
    names: /field revision/,
  },
  {
    title: 'has a higher revision in its document than beside it',
    edit: (doc) => ({ doc: JSON.stringify({ ...doc, revision: doc.revision + 1 }) }),
    names: /field revision/,
    isBeside: true,
  },
  {
    title: 'has a higher revision beside its document than in it',
    edit: (doc) => ({ revision: doc.revision + 6 }),
    names: /field revision/,
    isBeside: true,
  },
];

const noticeDamages: readonly Damage[] = [
  {
    title: 'holds a field of another type',
    edit: (doc) => ({ doc: JSON.stringify({ ...doc, attempts: '1' }) }),
    names: /field attempts/,
  },
  {
    title: 'lacks a field',
    edit: ({ channels: _, ...doc }) => ({ doc: JSON.stringify(doc) }),
    names: /field channels/,
  },
  {
    title: 'has another token in its document than beside it',
    edit: (doc) => ({ doc: JSON.stringify({ ...doc, token: 'another' }) }),
    names: /field (write_)?token/,
    isBeside: true,
  },
  {
    title: 'has another token beside its document than in it',
    edit: () => ({ token: 'another' }),
    names: /field (write_)?token/,
    isBeside: true,
  },
];

function describeDamagedItems({ store, backDoor }: StoreContext, hasColumns: boolean): void {
  const isFelt = ({ isBeside = false }: Damage): boolean => hasColumns || !isBeside;
  const claimed = firstClaim('fraud', '1');
  const { id } = claimed.record;
  const damage = async (item: StoredItem, { edit }: Damage): Promise<void> => {
    const doc = JSON.parse(await backDoor().text(item)) as StoredDoc;
    await backDoor().edit(item, edit(doc));
  };
  const isCorrupt = async (call: Promise<unknown>, ...names: readonly RegExp[]): Promise<void> => {
    const error = await failure(call);
    expect(error).toBeInstanceOf(StateCorruptError);
    for (const name of names) expect(error.message).toMatch(name);
  };

  for (const one of [...damages, ...revisionDamages].filter(isFelt)) {
    const { title, names } = one;
    test(`stops the read of a state that ${title}, naming item and field`, async () => {
      await store().write(claimed, soon());
      await damage({ kind: 'state', modelName: 'fraud' }, one);
      await isCorrupt(store().read('fraud', null, soon()), /fraud.*STATE/, names);
    });

    test(`is named in the lists when it is a record that ${title}, and stops its read`, async () => {
      await store().write(claimed, soon());
      const rest = refused('fraud', '2');
      await store().write(rest, soon());
      await damage({ kind: 'record', modelName: 'fraud', rollbackId: id }, one);
      await isCorrupt(store().read('fraud', id, soon()), new RegExp(id), names);
      for (const of of ['fraud', null]) {
        expect(await store().list(of, soon())).toEqual({
          records: [{ record: rest.record, isNotified: false }],
          unreadable: [{ id, why: expect.stringMatching(names) }],
        });
      }
      // Beside the document stands when it is due; where it does not, it is due at once.
      const dueAtMs = hasColumns ? NOON_MS + 60_000 : 0;
      expect(await listDue(store(), 'record', NOON_MS + 60_000)).toEqual([
        { id, topic: null, dueAtMs },
      ]);
    });

    test(`stops the read of a fleet that ${title}, whatever is read`, async () => {
      await store().write({ ...claimed, fleet: next(newFleetState) }, soon());
      await damage({ kind: 'fleet' }, one);
      await isCorrupt(store().read('fraud', id, soon()), /FLEET/, names);
      await isCorrupt(store().read('churn', null, soon()), /FLEET/, names);
      expect(await listRecords(store(), 'fraud')).toEqual([claimed.record]);
      expect(await listDue(store(), 'record', NOON_MS + 60_000)).toHaveLength(1);
    });
  }

  for (const one of [...damages, ...noticeDamages].filter(isFelt)) {
    const { title, names } = one;
    test(`stops the read of a notice that ${title}, and no list`, async () => {
      const end = refused('fraud', '1');
      await store().write(end, soon());
      await damage({ kind: 'notice', rollbackId: 'fraud/1', topic: 'end' }, one);
      await isCorrupt(store().read('fraud', 'fraud/1', soon()), /1#end/, names);
      await isCorrupt(store().readNotice('fraud/1', 'end', soon()), /1#end/, names);
      expect(await store().readNotice('fraud/1', 'pointer', soon())).toBeUndefined();
      for (const of of ['fraud', null]) {
        const expected = [{ record: end.record, isNotified: false }];
        expect(await store().list(of, soon())).toEqual({ records: expected, unreadable: [] });
      }
      expect(await allDue(store(), 'notice')).toMatchObject([{ id: 'fraud/1', topic: 'end' }]);
    });
  }

  test('leaves the other items readable', async () => {
    await store().write(claimed, soon());
    const other = firstClaim('churn', '1');
    await store().write(other, soon());
    await backDoor().edit({ kind: 'state', modelName: 'fraud' }, { doc: 'gone' });
    expect(await readItems(store(), 'churn', other.record.id)).toEqual(itemsOf(other));
  });
}

/** What decides how to go on is a closed list, and a record does not contradict itself. */
function describeContradictions({ store, backDoor }: StoreContext): void {
  const pendingCheck = { kind: 'pending', dueAtMs: NOON_MS, looks: 0 };
  const edits: readonly {
    title: string;
    fields: (record: RollbackRecord) => object;
    names: RegExp;
  }[] = [
    {
      title: 'is in progress without a plan',
      fields: () => ({ plan: null }),
      names: /plan: a run is in progress/,
    },
    {
      title: 'has an alarm to check and no alarm',
      fields: () => ({ watch: pendingCheck, alarm: null }),
      names: /alarm: a check of the alarm is due/,
    },
    {
      title: 'has a recovery to check and no alarm',
      fields: () => ({ recovery: pendingCheck, alarm: null }),
      names: /alarm: a check of the alarm is due/,
    },
    {
      title: 'has a status that this release does not know',
      fields: ({ progress }) => ({ progress: { ...progress, status: 'HALF_DONE' } }),
      names: /field progress\.status/,
    },
    {
      title: 'has a kind of watch that this release does not know',
      fields: () => ({ watch: { kind: 'asleep' } }),
      names: /field watch\.kind/,
    },
    {
      title: 'has a time that no date can hold',
      fields: () => ({ createdAtMs: 8.64e15 + 1 }),
      names: /field createdAtMs/,
    },
  ];
  for (const { title, fields, names } of edits) {
    test(`is named when it is a record that ${title}`, async () => {
      const claimed = firstClaim('fraud', '1');
      const { id } = claimed.record;
      await store().write(claimed, soon());
      const item = { kind: 'record', modelName: 'fraud', rollbackId: id } as const;
      const doc = JSON.parse(await backDoor().text(item)) as object;
      const edited = JSON.stringify({ ...doc, ...fields(claimed.record) });
      await backDoor().edit(item, { doc: edited });

      const error = await failure(store().read('fraud', id, soon()));
      expect(error).toBeInstanceOf(StateCorruptError);
      expect(error.message).toContain(id);
      expect(error.message).toMatch(names);
      for (const of of ['fraud', null]) {
        expect(await store().list(of, soon())).toEqual({
          records: [],
          unreadable: [{ id, why: error.message }],
        });
      }
      expect(await allDue(store(), 'record')).toHaveLength(1);
      expect(await backDoor().text(item)).toBe(edited);
    });
  }

  test('is a state that is paused for a reason that this release does not know', async () => {
    const claimed = firstClaim('fraud', '1');
    const pause = { atMs: NOON_MS, why: 'budget', message: 'm', rollbackId: 'fraud/1' } as const;
    const state = { ...claimed.state, pause };
    await store().write({ ...claimed, state }, soon());
    const item = { kind: 'state', modelName: 'fraud' } as const;
    const doc = await backDoor().text(item);
    await backDoor().edit(item, { doc: doc.replace('"budget"', '"full-moon"') });
    const error = await failure(store().read('fraud', null, soon()));
    expect(error).toBeInstanceOf(StateCorruptError);
    expect(error.message).toMatch(/field pause\.why/);
  });
}

function describeStoredText({ store, backDoor }: StoreContext): void {
  const claimed = firstClaim('fraud', '1');
  const { id } = claimed.record;
  const stateItem = { kind: 'state', modelName: 'fraud' } as const;
  const recordItem = { kind: 'record', modelName: 'fraud', rollbackId: id } as const;
  const noticeItem = { kind: 'notice', rollbackId: id, topic: 'end' } as const;
  const read = async (item: StoredItem): Promise<StoredDoc> =>
    JSON.parse(await backDoor().text(item)) as StoredDoc;

  test('keeps its fields in the stored text through a run, a notice and its mark', async () => {
    await store().write({ ...claimed, fleet: next(newFleetState) }, soon());
    const edited: readonly StoredItem[] = [stateItem, recordItem, { kind: 'fleet' }];
    for (const item of edited) {
      const doc = JSON.stringify({ ...withLater(await read(item)), schema: 2 });
      await backDoor().edit(item, { doc });
    }
    const stored = await readItems(store(), 'fraud', id);
    const { state, record, fleet } = stored;
    expect(state).toEqual(withLater(claimed.state));
    expect(record).toEqual(withLater(claimed.record));

    const run = { state: required(state), record: withPlan(required(record)) };
    const ended = committed(run, NOON_MS + 1);
    expect(await store().write({ ...ended, fleet: next(required(fleet)) }, soon())).toBe('written');
    for (const item of edited) expect(await read(item)).toMatchObject({ later: LATER });
    expect(await read(stateItem)).toMatchObject({ revision: 2, active: null, rollbackCount: 1 });
    expect(await read(recordItem)).toMatchObject({
      revision: 2,
      progress: { status: 'ROLLED_BACK' },
      // What the run did not touch is as it was, inside too.
      request: { later: LATER },
      plan: { later: LATER, from: { later: LATER }, to: { later: LATER } },
    });

    const doc = JSON.stringify({ ...withLater(await read(noticeItem)), schema: 2 });
    await backDoor().edit(noticeItem, { doc });
    const { notice } = await readItems(store(), 'fraud', id);
    const sent = marked(required(notice), NOON_MS + 2);
    expect(await store().write({ notice: sent }, soon())).toBe('written');
    expect(await read(noticeItem)).toMatchObject({ later: LATER, content: null });
  });

  test('that needs a later reader is not written over by a run that had read it before', async () => {
    await store().write(claimed, soon());
    const edits = [stateItem, recordItem].map(async (item) => {
      const doc = { ...(await read(item)), revision: 2, schema: 2, min_reader: 99, frozen: true };
      await backDoor().edit(item, { doc: JSON.stringify(doc), revision: 2 });
    });
    await Promise.all(edits);
    const before = [await backDoor().text(stateItem), await backDoor().text(recordItem)];
    const ended = committed(claimed, NOON_MS + 1);
    const { state, record, notice } = ended;
    const changes: readonly StoreChange[] = [claimed, ended, { state }, { record, notice }];
    for (const change of changes) await isNotWritten(store(), change);
    expect([await backDoor().text(stateItem), await backDoor().text(recordItem)]).toEqual(before);
    expect(await store().readNotice(id, 'end', soon())).toBeUndefined();
    await expect(store().read('fraud', id, soon())).rejects.toThrow(/reader 99/);
  });

  test('stays as it is, and the next one, when an item is due that cannot be read', async () => {
    const ends = ['a', 'b', 'c'].map((key) => refused('fraud', key));
    for (const end of ends) await store().write(end, soon());
    const item = { kind: 'notice', rollbackId: 'fraud/b', topic: 'end' } as const;
    await backDoor().edit(item, { doc: '{}' });
    const first = await listDue(store(), 'notice', NOON_MS + limits.noticeDueMs, 2);
    const page = { limit: 2, after: first.at(-1) ?? null };
    const last = await store().listDue('notice', NOON_MS + limits.noticeDueMs, page, soon());
    const ids = [...first, ...last].map((due) => due.id);
    expect(ids.toSorted()).toEqual(['fraud/a', 'fraud/b', 'fraud/c']);
  });

  test('is of schema 1 where release 0.1.0 can read it, and of schema 2 where not', async () => {
    await store().write({ ...claimed, fleet: next(newFleetState) }, soon());
    for (const item of [stateItem, recordItem, { kind: 'fleet' } as const]) {
      expect(await read(item)).toMatchObject({ schema: 1, revision: 1 });
    }
    expect(await read(stateItem)).not.toHaveProperty('released');
    await store().write(committed(claimed), soon());
    expect(await read(stateItem)).toMatchObject({ schema: 1, revision: 2 });
    expect(await read(recordItem)).toMatchObject({ schema: 1, revision: 2 });
    expect(await read(noticeItem)).toMatchObject({ schema: 2, topic: 'end' });

    const { state } = await readItems(store(), 'fraud', null);
    const released = [{ version: '3', atMs: NOON_MS }];
    await store().write({ state: next({ ...required(state), released }) }, soon());
    expect(await read(stateItem)).toMatchObject({ schema: 2, released });
  });
}

/** Items as they were written before there were alarms. */
function describeOlderItems({ store, backDoor }: StoreContext): void {
  const before: readonly (keyof ModelState | keyof RollbackRecord)[] = [
    'subject',
    'alarm',
    'isAutomatic',
    'watch',
    'recovery',
    'pause',
    'recentCommits',
    'announcedRefusals',
    'released',
  ];
  const older = (item: ModelState | RollbackRecord): ItemEdit => {
    const known = Object.entries(item).filter(([name]) => !before.some((field) => field === name));
    const fields = { schema: 1, ...Object.fromEntries(known) };
    if (!('notice' in item)) return { doc: JSON.stringify(fields) };
    const { about: _, ...notice } = { about: '', ...item.notice };
    return { doc: JSON.stringify({ ...fields, notice }) };
  };
  const notices: readonly RollbackRecord['notice'][] = [
    { kind: 'none' },
    {
      kind: 'pending',
      about: 'end',
      dueAtMs: NOON_MS + 1,
      leaseEndsAtMs: NOON_MS,
      attempts: 1,
    },
    { kind: 'sent', about: 'end', sentAtMs: NOON_MS + 1, attempts: 1 },
  ];
  for (const notice of notices) {
    test(`is read as one without an alarm, its notice ${notice.kind}, and written over`, async () => {
      const claimed = firstClaim('fraud', '1');
      const ended = committed(claimed);
      const record = { ...ended.record, notice };
      const { id } = record;
      await store().write(claimed, soon());
      await store().write({ state: ended.state, record }, soon());
      await backDoor().edit({ kind: 'state', modelName: 'fraud' }, older(ended.state));
      await backDoor().edit({ kind: 'record', modelName: 'fraud', rollbackId: id }, older(record));

      // When the latest commits were is not known of them.
      const state = { ...ended.state, recentCommits: [] };
      expect(await readItems(store(), 'fraud', id)).toEqual({ ...NOTHING, state, record });
      for (const of of ['fraud', null]) {
        expect(await store().list(of, soon())).toEqual({
          records: [{ record, isNotified: notice.kind === 'sent' }],
          unreadable: [],
        });
      }

      const written = { state: next(state), record: changed(record), notice: ended.notice };
      expect(await store().write(written, soon())).toBe('written');
      expect(await readItems(store(), 'fraud', id)).toEqual(itemsOf(written));
    });
  }
}

// ---------------------------------------------------------------------------------------------------

/** What a field of a later release holds here. */
const LATER = 'a field of a later release';

/** Maps by name, which hold no fields. */
const maps = ['channels', 'attributes'];

/** An item with one more field in each of its objects. */
function withLater<T extends object>(item: T): T {
  const extend = (value: unknown, name: string): unknown => {
    if (Array.isArray(value)) return value.map((one) => extend(one, ''));
    if (typeof value !== 'object' || value === null) return value;
    const fields = Object.entries(value).map(([key, one]) => [key, extend(one, key)]);
    return { ...Object.fromEntries(fields), ...(maps.includes(name) ? {} : { later: LATER }) };
  };
  return extend(item, '') as T;
}

function withPlan(record: RollbackRecord): RollbackRecord & { plan: object } {
  return { ...record, plan: required(record.plan) };
}

function required<T>(value: T | null | undefined): T {
  if (value === undefined || value === null) throw new Error('an item is missing');
  return value;
}

/** A conflict, or an error: it is the same to whoever wrote the item. */
async function isNotWritten(store: RollbackStore, change: StoreChange): Promise<void> {
  const answer = await store.write(change, soon()).catch((error: unknown) => {
    expect(error).toBeInstanceOf(StateCorruptError);
    return 'conflict';
  });
  expect(answer).toBe('conflict');
}
