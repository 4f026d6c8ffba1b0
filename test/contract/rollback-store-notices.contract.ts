/** What every state store must do with the outbox: notices beside the records that they announce. */
import { beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../src/domain/limits.ts';
import { afterPointerCheck } from '../../src/domain/protocol/follow-up.ts';
import { noticeTopics } from '../../src/domain/record/notice-content.ts';
import { isSent, leaseNotice, type OutboxNotice } from '../../src/domain/record/outbox.ts';
import type { NoticeWrite, StoreChange } from '../../src/domain/record/record.ts';
import { next } from '../../src/domain/revision.ts';
import { newFleetState, takeSlot } from '../../src/domain/state/fleet.ts';
import { newModelState } from '../../src/domain/state/model-state.ts';
import {
  type AnnouncedEnd,
  alarmOf,
  announced,
  attemptAt,
  changed,
  committed,
  firstClaim,
  marked,
  NOON_MS,
  REGISTRY,
  refused,
  timeAt,
  unclaimed,
} from './rollback-samples.ts';
import {
  allDue,
  itemsOf,
  listRecords,
  NOTHING,
  readItems,
  type StoreContext,
  soon,
} from './rollback-store-place.ts';

export function describeNotices(context: StoreContext): void {
  describe('a notice', () => {
    describeWriting(context);
    describeConditions(context);
    describe('that is being sent', () => describeSending(context));
  });
}

// ---------------------------------------------------------------------------------------------------

function describeWriting({ store, open }: StoreContext): void {
  test('is written with its end, and comes with it to every client', async () => {
    const claimed = firstClaim('fraud', '1');
    await store().write(claimed, soon());
    const ended = committed(claimed);
    expect(await store().write(ended, soon())).toBe('written');
    const { id } = ended.record;
    for (const client of [store(), await open()]) {
      expect(await readItems(client, 'fraud', id)).toEqual(itemsOf(ended));
      expect(await client.readNotice(id, 'end', soon())).toEqual(ended.notice.item);
    }
  });

  test('is written with everything else that an end changes', async () => {
    const attempt = attemptAt('fraud', '1', { verdict: 'REFUSED', alarm: alarmOf('fraud') });
    const fleet = takeSlot(newFleetState, 'fraud', NOON_MS);
    const end = { ...announced(unclaimed(attempt, 'REFUSED')), fleet };
    expect(end.state).toBeDefined();
    expect(await store().write(end, soon())).toBe('written');
    expect(await readItems(store(), 'fraud', end.record.id)).toEqual(itemsOf(end));
  });

  test('is written alone', async () => {
    const { notice } = refused('fraud', '1');
    expect(await store().write({ notice }, soon())).toBe('written');
    const stored = { ...NOTHING, notice: notice.item };
    expect(await readItems(store(), 'fraud', 'fraud/1')).toEqual(stored);
    expect(await listRecords(store(), null)).toEqual([]);
  });

  test('is not there when none was written', async () => {
    const { record } = refused('fraud', '1');
    await store().write({ record }, soon());
    for (const topic of noticeTopics) {
      expect(await store().readNotice(record.id, topic, soon())).toBeUndefined();
      expect(await store().readNotice('fraud/0', topic, soon())).toBeUndefined();
    }
  });

  test('of the end comes with its record; those of other topics by themselves', async () => {
    const claimed = firstClaim('fraud', '1');
    await store().write(claimed, soon());
    const ended = committed(claimed);
    await store().write(ended, soon());
    const { id } = ended.record;
    const found = announced(
      afterPointerCheck(
        ended.record,
        { liveVersions: ['7'], lastMove: undefined, replaced: null },
        timeAt(NOON_MS + 1),
      ),
    );
    expect(await store().write(found, soon())).toBe('written');
    expect(await readItems(store(), 'fraud', id)).toEqual({
      ...itemsOf(ended),
      record: found.record,
    });
    expect(await store().readNotice(id, 'end', soon())).toEqual(ended.notice.item);
    expect(await store().readNotice(id, 'pointer', soon())).toEqual(found.notice.item);
    expect(await store().readNotice(id, 'recovery', soon())).toBeUndefined();
    expect(await allDue(store(), 'notice')).toEqual(
      [ended, found].map(({ notice: { item } }) => ({
        id,
        topic: item.topic,
        dueAtMs: item.dueAtMs,
      })),
    );
  });

  test('belongs to one record, whatever its model is called', async () => {
    const names = ['fraud', 'fraud/1', 'fraud/', 'FRAUD', 'NOTICE', 'NOTICE#1', 'fraud/1#end'];
    const ends = names.map((model) => refused(model, '1'));
    for (const end of ends) expect(await store().write(end, soon())).toBe('written');
    for (const end of ends) {
      const { id, modelName } = end.record;
      expect(await readItems(store(), modelName, id)).toEqual(itemsOf(end));
      expect(await store().readNotice(id, 'end', soon())).toEqual(end.notice.item);
      expect(await listRecords(store(), modelName)).toEqual([end.record]);
    }
    const due = await allDue(store(), 'notice');
    expect(due.map(({ id }) => id).toSorted()).toEqual(
      ends.map(({ record }) => record.id).toSorted(),
    );
  });

  test('is not there when the state alone is read', async () => {
    const end = refused('fraud', '1');
    await store().write(end, soon());
    expect(await readItems(store(), 'fraud', null)).toEqual(NOTHING);
  });
}

function describeConditions({ store }: StoreContext): void {
  const other = 'the token of another notice';
  const samples = () => {
    const first = refused('fraud', '1');
    return { first, second: secondEnd(first) };
  };
  type Samples = ReturnType<typeof samples>;
  const conflicts: readonly { title: string; change: (from: Samples) => StoreChange }[] = [
    { title: 'over none, where one is', change: ({ second }) => withOver(second, null) },
    { title: 'over another one', change: ({ second }) => withOver(second, other) },
    {
      title: 'of a topic that has none yet, over one',
      change: ({ first, second }) => ({
        ...second,
        notice: {
          item: { ...second.notice.item, topic: 'pointer' },
          over: first.notice.item.token,
        },
      }),
    },
    {
      title: 'of a stale record',
      change: ({ first, second }) => ({ ...second, record: first.record }),
    },
    {
      title: 'of a record of the future',
      change: ({ second }) => ({ ...second, record: next(second.record) }),
    },
    {
      title: 'alone, over none, where one is',
      change: ({ second }) => ({ notice: { ...second.notice, over: null } }),
    },
    {
      title: 'alone, over another one',
      change: ({ second }) => ({ notice: { ...second.notice, over: other } }),
    },
    {
      title: 'beside a state of the future',
      change: ({ second }) => ({
        ...second,
        state: next(next(newModelState('fraud', REGISTRY))),
      }),
    },
    {
      title: 'beside a fleet of the future',
      change: ({ second }) => ({ ...second, fleet: next(next(newFleetState)) }),
    },
  ];
  for (const { title, change } of conflicts) {
    test(`${title}, is a conflict, and nothing of the change is written`, async () => {
      const from = samples();
      const { first, second } = from;
      const { record } = first;
      await store().write(first, soon());
      expect(await store().write(change(from), soon())).toBe('conflict');
      expect(await readItems(store(), 'fraud', record.id)).toEqual(itemsOf(first));
      expect(await store().readNotice(record.id, 'pointer', soon())).toBeUndefined();
      expect(await listRecords(store(), null)).toEqual([record]);
      expect(await allDue(store(), 'notice')).toHaveLength(1);
      // The same end over what is there.
      expect(await store().write(second, soon())).toBe('written');
      expect(await readItems(store(), 'fraud', record.id)).toEqual(itemsOf(second));
    });
  }

  test('over one that is not there, is a conflict, and nothing of the change is written', async () => {
    const { first } = samples();
    const ends = [withOver(first, other), { notice: { ...first.notice, over: other } }];
    for (const change of ends) {
      expect(await store().write(change, soon())).toBe('conflict');
      expect(await readItems(store(), 'fraud', first.record.id)).toEqual(NOTHING);
      expect(await allDue(store(), 'notice')).toEqual([]);
    }
  });

  test('is replaced by the one of a later end, which counts it', async () => {
    const { first, second } = samples();
    await store().write(first, soon());
    expect(await store().write(second, soon())).toBe('written');
    const { id } = first.record;
    expect(await store().readNotice(id, 'end', soon())).toMatchObject({ replaces: 1 });
    expect(await allDue(store(), 'notice')).toHaveLength(1);
    // Whoever has the first one in hand cannot mark it any more.
    const mark = marked(first.notice.item);
    expect(await store().write({ notice: mark }, soon())).toBe('conflict');
    expect(await readItems(store(), 'fraud', id)).toEqual(itemsOf(second));
  });

  test('is marked without a change of its record, and the record changes without it', async () => {
    const { first } = samples();
    await store().write(first, soon());
    const sent = marked(first.notice.item);
    expect(await store().write({ notice: sent }, soon())).toBe('written');
    const later = changed(first.record);
    expect(await store().write({ record: later }, soon())).toBe('written');
    const stored = { ...NOTHING, record: later, notice: sent.item };
    expect(await readItems(store(), 'fraud', later.id)).toEqual(stored);
  });

  test('lets one of two marks through', async () => {
    const { first } = samples();
    await store().write(first, soon());
    const [one, two] = [marked(first.notice.item), marked(first.notice.item)];
    expect(await store().write({ notice: one }, soon())).toBe('written');
    expect(await store().write({ notice: two }, soon())).toBe('conflict');
    expect(await store().readNotice(first.record.id, 'end', soon())).toEqual(one.item);
  });

  test('may outlive its record, whose key is used again then', async () => {
    const { first } = samples();
    const { id } = first.record;
    const sent = marked(first.notice.item);
    expect(await store().write({ notice: { ...sent, over: null } }, soon())).toBe('written');
    expect(await readItems(store(), 'fraud', id)).toEqual({ ...NOTHING, notice: sent.item });
    const again = withOver(first, sent.item.token);
    expect(await store().write(again, soon())).toBe('written');
    expect(await readItems(store(), 'fraud', id)).toEqual(itemsOf(again));
  });
}

function describeSending({ store }: StoreContext): void {
  const id = 'fraud/1';
  let item: OutboxNotice;

  beforeEach(async () => {
    const end = refused('fraud', '1');
    item = end.notice.item;
    await store().write(end, soon());
  });

  test('keeps its marks and loses its content once every channel took it, and is never due again', async () => {
    const sent = marked(item, NOON_MS + 3, { sns: true, console: true });
    expect(await store().write({ notice: sent }, soon())).toBe('written');
    const stored = await store().readNotice(id, 'end', soon());
    expect(stored).toEqual({ ...sent.item, content: null });
    expect(stored).toMatchObject({
      attempts: 1,
      channels: {
        sns: { kind: 'sent', atMs: NOON_MS + 3 },
        console: { kind: 'sent', atMs: NOON_MS + 3 },
      },
    });
    expect(isSent(stored)).toBe(true);
    expect(await allDue(store(), 'notice')).toEqual([]);
  });

  test('keeps its content while one channel did not take it, and is due again later', async () => {
    let notice = marked(item, NOON_MS + 3, { sns: false, console: true });
    expect(await store().write({ notice }, soon())).toBe('written');
    notice = marked(notice.item, NOON_MS + 60_003, { sns: false });
    expect(await store().write({ notice }, soon())).toBe('written');
    const stored = await store().readNotice(id, 'end', soon());
    expect(stored).toEqual(notice.item);
    expect(stored).toMatchObject({
      content: item.content,
      attempts: 2,
      channels: { sns: { kind: 'failed', attempts: 2 }, console: { kind: 'sent' } },
    });
    const dueAtMs = NOON_MS + 60_003 + limits.noticeBackoffMs;
    expect(await allDue(store(), 'notice')).toEqual([{ id, topic: 'end', dueAtMs }]);

    notice = marked(notice.item, NOON_MS + 120_003);
    expect(await store().write({ notice }, soon())).toBe('written');
    expect(await store().readNotice(id, 'end', soon())).toMatchObject({
      content: null,
      channels: { sns: { kind: 'sent' }, console: { kind: 'sent' } },
    });
    expect(await allDue(store(), 'notice')).toEqual([]);
  });

  test('is taken in hand by one sender', async () => {
    const lease = (token: string): NoticeWrite => {
      const leased = leaseNotice(item, item.leaseEndsAtMs, token);
      if (leased === null) throw new Error('the lease has not expired');
      return { item: leased, over: item.token };
    };
    const one = lease('one');
    expect(await store().write({ notice: one }, soon())).toBe('written');
    expect(await store().write({ notice: lease('two') }, soon())).toBe('conflict');
    expect(await store().readNotice(id, 'end', soon())).toEqual(one.item);
  });
}

/** Another end of the same key, which had no notice sent before. */
function secondEnd({ record, notice }: AnnouncedEnd): AnnouncedEnd {
  const attempt = attemptAt('fraud', '1', { verdict: 'NO_TARGET', nowMs: NOON_MS + 60_000 });
  const again = { ...attempt, previous: record, previousNotice: notice.item };
  return announced(unclaimed(again, 'NO_TARGET'));
}

function withOver({ record, notice }: AnnouncedEnd, over: string | null): StoreChange {
  return { record, notice: { ...notice, over } };
}
