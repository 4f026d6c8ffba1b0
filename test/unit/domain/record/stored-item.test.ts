import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { responseOf } from '../../../../src/domain/answer/response.ts';
import { StateCorruptError } from '../../../../src/domain/errors.ts';
import { limits } from '../../../../src/domain/limits.ts';
import {
  closeApprovedWatch,
  closeRejected,
  closeWatch,
} from '../../../../src/domain/protocol/watch.ts';
import {
  decodeFleetState,
  decodeModelState,
  decodeNotice,
  decodeRollbackRecord,
  encodeFleet,
  encodeNotice,
  encodeRecord,
  encodeState,
} from '../../../../src/domain/record/stored-item.ts';
import { alarmIdentity, alarmKey, WatchEnd } from '../../../../src/domain/record/trigger.ts';
import { newFleetState, takeSlot } from '../../../../src/domain/state/fleet.ts';
import { newModelState } from '../../../../src/domain/state/model-state.ts';
import { fleetState, modelState, rollbackRecord } from '../../../contract/rollback-arbitraries.ts';
import {
  alarmOf,
  attemptAt,
  committed,
  firstClaim,
  planless,
  unclaimed,
} from '../../../contract/rollback-samples.ts';
import { lastReleaseFolder, lastReleaseProblem } from '../../../engines/last-release.ts';

const state = { ...newModelState('m', 'r'), revision: 1 };
const record = committed(firstClaim('m', '0123456789abcdef')).record;
const edit = (text: string, change: object): string =>
  JSON.stringify({ ...JSON.parse(text), ...change });

describe('the stored form', () => {
  test('brings every record, state and fleet back as it was', () => {
    fc.assert(
      fc.property(rollbackRecord('m'), modelState('m'), fleetState, (record, state, fleet) => {
        fc.pre(isSound(record));
        expect(decodeRollbackRecord(encodeRecord(record), 'i')).toEqual(withoutNewGuards(record));
        expect(decodeModelState(encodeState(state), 'i')).toEqual(state);
        expect(decodeFleetState(encodeFleet(fleet), 'i')).toEqual(fleet);
      }),
    );
  });

  test('brings a notice back as it was', () => {
    const { notice } = committed(firstClaim('m', '0123456789abcdef'));
    expect(decodeNotice(encodeNotice(notice.item), 'i')).toEqual(notice.item);
    const channels = {
      sns: { kind: 'sent', atMs: 1 },
      pager: { kind: 'failed', atMs: 2, attempts: 3 },
    };
    const marked = { ...notice.item, content: null, channels } as typeof notice.item;
    expect(decodeNotice(encodeNotice(marked), 'i')).toEqual(marked);
  });

  test.each([
    ['not JSON', '{', 'it is not JSON'],
    ['null', 'null', 'cannot be read'],
    ['a list', '[]', 'cannot be read'],
    ['no schema', edit(encodeState(state), { schema: undefined }), 'field schema'],
    ['a wrong type', edit(encodeState(state), { revision: '1' }), 'field revision'],
    [
      'a deep wrong field',
      edit(encodeState(state), { quarantine: [{ version: 3 }] }),
      'quarantine.0',
    ],
    ['a missing field', edit(encodeState(state), { active: undefined }), 'field active'],
    ['a negative number', edit(encodeState(state), { rollbackCount: -1 }), 'field rollbackCount'],
    [
      'a time that no date can hold',
      edit(encodeState(state), { recentCommits: [253_402_300_800_000] }),
      'recentCommits.0',
    ],
  ])('refuses %s, naming item and field', (_what, text, problem) => {
    const decode = () => decodeModelState(text, 'item-7');
    expect(decode).toThrow(StateCorruptError);
    expect(decode).toThrow(problem);
    expect(decode).toThrow('item-7');
  });

  test('reads a time of the registry that release 0.1.0 took, and no date can hold', () => {
    const from = { ...record.plan.from, lastUpdatedAtMs: 2 ** 63 };
    const text = edit(encodeRecord(record), { plan: { ...record.plan, from } });
    const { plan } = decodeRollbackRecord(text, 'i');
    expect(plan?.from?.lastUpdatedAtMs).toBe(limits.dateMaxMs);
  });

  test('refuses what contradicts itself, which would stop a sweep half way', () => {
    const pending = { kind: 'pending', dueAtMs: 1, looks: 0 };
    const text = encodeRecord(record);
    for (const change of [{ watch: pending }, { recovery: pending }]) {
      const decode = () => decodeRollbackRecord(edit(text, { alarm: null, ...change }), 'item-7');
      expect(decode).toThrow(/item-7.*alarm/);
    }
    const running = encodeRecord(firstClaim('m', '0123456789abcdef').record);
    expect(() => decodeRollbackRecord(edit(running, { plan: null }), 'item-7')).toThrow(/plan/);
  });

  test('refuses a pause of the fleet that nobody knows the reason of', () => {
    const pause = { atMs: 1, why: 'mood', message: 'm', rollbackId: 'm/1' };
    const text = edit(encodeFleet(takeSlot(newFleetState, 'm', 1)), { pause });
    expect(() => decodeFleetState(text, 'FLEET')).toThrow(/FLEET.*field pause\.why/);
  });
});

describe('an item of a later release', () => {
  test('keeps the fields that this one does not know, when it is written back', () => {
    const later = edit(encodeState(state), { schema: 2, mood: { of: 'the day' } });
    const read = decodeModelState(later, 'i');
    const written = JSON.parse(encodeState({ ...read, revision: read.revision + 1 }));
    expect(written).toMatchObject({ revision: 2, mood: { of: 'the day' } });
  });

  test('keeps them in a record whose key is opened again', () => {
    const attempt = attemptAt('m', '0123456789abcdef', { verdict: 'NO_TARGET' });
    const ended = unclaimed(attempt, 'NO_TARGET').record;
    const later = edit(encodeRecord(ended), { schema: 2, mood: 'bright' });
    const previous = decodeRollbackRecord(later, 'i');
    const again = unclaimed({ ...attempt, previous }, 'NO_TARGET').record;
    expect(JSON.parse(encodeRecord(again))).toMatchObject({ attempts: 2, mood: 'bright' });
  });

  test('keeps them deep inside', () => {
    const plan = { ...record.plan, weather: 'fine' };
    const later = edit(encodeRecord(record), { schema: 2, plan });
    const read = decodeRollbackRecord(later, 'i');
    expect(JSON.parse(encodeRecord(closeWatch(read, WatchEnd.EXPIRED, 1))).plan.weather).toBe(
      'fine',
    );
  });

  test('is read with codes that this one does not know', () => {
    const guard = { code: 'LUNAR', verdict: 'refused', message: 'full moon', clearsAtMs: null };
    const plan = { ...record.plan, verdict: 'REFUSED', rule: 'astral', guards: [guard] };
    const progress = { ...record.progress, status: 'REFUSED' };
    const watch = { kind: 'closed', atMs: 1, why: 'eclipse' };
    const later = edit(encodeRecord(record), { schema: 2, plan, progress, watch });
    expect(responseOf(decodeRollbackRecord(later, 'i'))).toMatchObject({
      refusals: [{ code: 'LUNAR', overridable: false }],
      plan: { rule: 'astral', rule_text: 'astral' },
    });
  });

  test('raises the least reader while something restricts what may be done', () => {
    const freeze = { untilMs: 2, atMs: 1, by: 'ada', reason: 'migration' };
    const pause = { atMs: 1, why: 'operator', message: 'm', rollbackId: '' } as const;
    const action = { verb: 'resume', what: '', atMs: 1, by: null, reason: null };
    const least = (text: string): unknown => {
      const { schema, min_reader: reader = null } = JSON.parse(text) as Record<string, unknown>;
      return [schema, reader];
    };
    expect(least(encodeState({ ...state, freeze }))).toEqual([2, 3]);
    expect(least(encodeState({ ...state, pause }))).toEqual([2, 3]);
    expect(least(encodeState({ ...state, policy: { mode: 'ask' } }))).toEqual([2, 3]);
    expect(least(encodeState({ ...state, actions: [action] }))).toEqual([2, null]);
    expect(least(encodeFleet({ ...newFleetState, freeze }))).toEqual([2, 3]);
    expect(least(encodeFleet({ ...newFleetState, pause }))).toEqual([2, 3]);
    expect(least(encodeFleet(newFleetState))).toEqual([1, null]);
    const frozen = decodeFleetState(encodeFleet({ ...newFleetState, revision: 1, freeze }), 'i');
    expect(frozen.freeze).toEqual(freeze);
    expect(decodeModelState(encodeState({ ...state, freeze }), 'i').freeze).toEqual(freeze);
  });

  test('keeps a field of the policy that this one does not know', () => {
    const policy = { mode: 'ask', moon: 'full' };
    const read = decodeModelState(edit(encodeState(state), { schema: 2, policy }), 'i');
    expect(JSON.parse(encodeState(read)).policy).toEqual(policy);
  });

  test.each([
    ['a mode that is none', { mode: 'off' }, /item-7.*field policy\.mode: it must be `act`/],
    ['a time that is a number', { cooldown_hours: 6 }, /item-7.*field policy\.cooldown_hours/],
    ['a pointer that is none', { pointer: 'champion' }, /item-7.*field policy\.pointer/],
    ['no object', 'ask', /item-7.*field policy/],
  ])('is refused with a policy of %s', (_what, policy, problem) => {
    const text = edit(encodeState(state), { schema: 2, policy });
    expect(() => decodeModelState(text, 'item-7')).toThrow(problem);
  });

  test.each([
    ['a later schema', { schema: 3 }, 'its schema is 3'],
    ['a later reader', { schema: 2, min_reader: 5 }, 'it needs a reader 5'],
  ])('is refused by name when it needs %s', (_what, change, problem) => {
    const decode = () => decodeModelState(edit(encodeState(state), change), 'item-7');
    expect(decode).toThrow(StateCorruptError);
    expect(decode).toThrow(problem);
    expect(decode).toThrow(/item-7.*Update model-rollback/);
  });

  test('is refused with a status that this one does not know', () => {
    const progress = { ...record.progress, status: 'TELEPORTED' };
    const text = edit(encodeRecord(record), { schema: 2, progress });
    expect(() => decodeRollbackRecord(text, 'item-7')).toThrow(/item-7.*progress/);
  });
});

describe('an item that uses nothing newer than release 0.1.0', () => {
  const schemaOf = (text: string): unknown => JSON.parse(text).schema;

  test.each([
    ['an untouched state', encodeState(state), 1],
    ['a run', encodeRecord(firstClaim('m', '0123456789abcdef').record), 1],
    ['a rollback', encodeRecord(record), 1],
    ['an alarm without a plan', encodeRecord(planless('alarm', 'DEFERRED').record), 1],
    ['a fleet', encodeFleet(newFleetState), 1],
    ['a released version', encodeState({ ...state, released: [{ version: '1', atMs: 1 }] }), 2],
    ['who approved', encodeRecord(closeApprovedWatch(record, 'ann', 1)), 2],
    [
      'who rejected',
      encodeRecord(
        closeRejected(
          record,
          { by: 'bob', reason: 'late feed' },
          { previous: undefined, nowMs: 1, token: 't' },
        ).record,
      ),
      2,
    ],
  ])('has schema %#: %s', (_what, text, schema) => {
    expect(schemaOf(text)).toBe(schema);
  });

  test('leaves out that a guard passed which 0.1.0 does not have, and nothing else of it', () => {
    const guard = {
      code: 'LUNAR',
      verdict: 'passed',
      message: 'new moon',
      clearsAtMs: null,
    } as const;
    const plan = { ...record.plan, guards: [guard] };
    expect(JSON.parse(encodeRecord({ ...record, plan }))).toMatchObject({
      schema: 1,
      plan: { guards: [] },
    });
    const refused = { ...plan, guards: [{ ...guard, verdict: 'refused' as const }] };
    expect(JSON.parse(encodeRecord({ ...record, plan: refused }))).toMatchObject({
      schema: 2,
      plan: { guards: [{ code: 'LUNAR' }] },
    });
  });

  test('has its alarm of CloudWatch in the text of 0.1.0, and writes it back so', () => {
    const { record } = planless('alarm', 'DEFERRED');
    const text = encodeRecord(record);
    expect(text).toContain(
      '"alarm":{"transition":{"isFromEventBus":false,' +
        '"arn":"arn:aws:cloudwatch:eu-west-1:111122223333:alarm:fraud-latency",' +
        '"name":"fraud-latency","atMs":1795435140000,"previousState":"OK","contributor":null,' +
        '"isComposite":false,"dimensions":[],"isMultiSeries":false,"childrenInAlarm":[]},' +
        '"modelSource":null,"liveVersions":null}',
    );
    const read = decodeRollbackRecord(text, 'i');
    expect(read.alarm).toEqual(record.alarm);
    expect(JSON.stringify(JSON.parse(encodeRecord(read)).alarm)).toBe(
      JSON.stringify(JSON.parse(text).alarm),
    );
  });

  test('is not one whose alarm is of another source', () => {
    const { record } = planless('alarm', 'DEFERRED');
    const { alarm } = record;
    if (alarm === null) throw new Error('no alarm');
    const ref = { source: 'alertmanager', id: '5f9c', name: 'latency' };
    const other = { ...record, alarm: { ...alarm, transition: { ...alarm.transition, ref } } };
    const text = encodeRecord(other);
    expect(JSON.parse(text)).toMatchObject({ schema: 2, alarm: { transition: { ref } } });
    expect(decodeRollbackRecord(text, 'i')).toEqual(other);
    expect(alarmKey(other.alarm.transition)).toBe('alarm:alertmanager:5f9c\n1795435140000\n');
    expect(alarmIdentity(other.alarm.transition)).toBe('alertmanager:5f9c');
  });

  test('keeps the keys of its alarm', () => {
    const { transition } = alarmOf('fraud');
    const arn = 'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:fraud-latency';
    expect(alarmKey(transition)).toBe(`alarm:${arn}\n1795435140000\n`);
    expect(alarmIdentity(transition)).toBe(arn);
    const contributor = { id: 'c1', attributes: [] };
    expect(alarmKey({ ...transition, contributor })).toBe(`alarm:${arn}\n1795435140000\nc1`);
    expect(alarmIdentity({ ...transition, contributor })).toBe(`${arn}#c1`);
  });

  test.each(['arn', 'name'])('names the field where the %s of its alarm is missing', (field) => {
    const stored = JSON.parse(encodeRecord(planless('alarm', 'DEFERRED').record));
    delete stored.alarm.transition[field];
    expect(() => decodeRollbackRecord(JSON.stringify(stored), 'item-7')).toThrow(
      `item-7 cannot be read: field alarm.transition.${field}:`,
    );
  });

  describe.skipIf(lastReleaseProblem() !== null)('is read by the code of 0.1.0 itself', () => {
    let old: Record<'decodeModelState' | 'decodeRollbackRecord' | 'decodeFleetState', Decode>;
    beforeAll(async () => {
      old = await import(join(lastReleaseFolder(), 'src', 'domain', 'stored-item.ts'));
    });

    test('whatever it holds, and every other one is refused', () => {
      fc.assert(
        fc.property(rollbackRecord('m'), modelState('m'), fleetState, (record, state, fleet) => {
          fc.pre(isSound(record));
          const items: readonly [Decode, string][] = [
            [old.decodeRollbackRecord, encodeRecord(record)],
            [old.decodeModelState, encodeState(state)],
            [old.decodeFleetState, encodeFleet(fleet)],
          ];
          for (const [decode, text] of items) {
            if (schemaOf(text) === 1) expect(() => decode(text, 'i')).not.toThrow();
            else expect(() => decode(text, 'i')).toThrow('schema is 2');
          }
        }),
      );
    });
  });
});

// ---------------------------------------------------------------------------------------------------

type Decode = (text: string, itemName: string) => unknown;
type StoredRecord = Parameters<typeof encodeRecord>[0];

/** Arbitrary records may contradict themselves; stored ones do not. */
function isSound({ alarm, watch, recovery, plan, progress }: StoredRecord): boolean {
  const isChecked = watch.kind === 'pending' || recovery.kind === 'pending';
  return (alarm !== null || !isChecked) && (plan !== null || progress.status !== 'IN_PROGRESS');
}

/** What is not stored of a record. */
function withoutNewGuards(record: StoredRecord): StoredRecord {
  const { plan } = record;
  if (plan === null) return record;
  const old = JSON.parse(encodeRecord(record)).plan.guards;
  expect(plan.guards.filter(({ verdict }) => verdict !== 'passed')).toEqual(
    old.filter(({ verdict }: { verdict: string }) => verdict !== 'passed'),
  );
  return { ...record, plan: { ...plan, guards: old } };
}
