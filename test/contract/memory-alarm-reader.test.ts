import { describe, expect, test } from 'vitest';
import { MemoryAlarmReader } from '../../src/adapters/memory/memory-alarm-reader.ts';
import {
  type AlarmDescription,
  type AlarmState,
  type ChangeToAlarm,
  cloudWatchRef,
} from '../../src/domain/alarm/alarm.ts';
import { type AlarmPlace, describeAlarmReader, readAll, soon } from './alarm-reader.contract.ts';

describeAlarmReader('MemoryAlarmReader', async (): Promise<AlarmPlace> => {
  const reader = new MemoryAlarmReader();
  const rows = new Map<string, AlarmDescription>();
  const composites = new Map<string, readonly string[]>();
  const tags = new Map<string, Record<string, string>>();
  const histories = new Map<string, readonly ChangeToAlarm[]>();

  const put = (row: AlarmDescription): string => {
    rows.set(row.ref.id, row);
    reader.put(row);
    return row.ref.id;
  };
  const rowOf = (arn: string): AlarmDescription => {
    const row = rows.get(arn);
    if (row === undefined) throw new Error(`there is no ${arn}`);
    return row;
  };
  // CloudWatch evaluates composite alarms; this place does it for the reader.
  const setState = (arn: string, state: AlarmState): void => {
    const { state: previousState, childrenInAlarm } = rowOf(arn);
    const atMs = Date.now();
    const row = { ...rowOf(arn), state, stateChangedAtMs: atMs };
    put(row);
    if (state === 'ALARM' && previousState !== state) {
      const change = { atMs, previousState, childrenInAlarm, attributes: [] };
      histories.set(arn, [...(histories.get(arn) ?? []), change]);
      reader.put(row, { history: histories.get(arn) ?? [] });
    }
    for (const [parent, children] of composites) {
      const inAlarm = children.filter((child) => rowOf(child).state === 'ALARM');
      const next = inAlarm.length > 0 ? 'ALARM' : 'OK';
      if (next === rowOf(parent).state) continue;
      put({ ...rowOf(parent), childrenInAlarm: inAlarm });
      setState(parent, next);
    }
  };

  return {
    reader,
    putMetricAlarm: async (name, options = {}) => {
      const { dimensions = {}, region, hasActionsEnabled = true } = options;
      const named = Object.entries(dimensions).map(([key, value]) => ({ name: key, value }));
      return put({ ...sample(name, region), dimensions: named, hasActionsEnabled });
    },
    putCompositeAlarm: async (name, childNames) => {
      const row = { ...sample(name), isComposite: true, state: 'OK' } as const;
      const children = childNames.map((child) => arnOf(child));
      composites.set(row.ref.id, children);
      reader.put(row, { children });
      return put(row);
    },
    setState: async (name, state) => setState(arnOf(name), state),
    setContributors: async (name, contributors) => reader.put(rowOf(arnOf(name)), { contributors }),
    tag: async (arn, key, value) => {
      tags.set(arn, { ...tags.get(arn), [key]: value });
      reader.put(rowOf(arn), { tags: tags.get(arn) ?? {} });
    },
    remove: async (name) => reader.remove(arnOf(name)),
    close: async () => undefined,
  };
});

describe('MemoryAlarmReader', () => {
  test('knows nothing at first', async () => {
    const reader = new MemoryAlarmReader();
    const arn = arnOf('errors');
    expect(await reader.read([arn], soon())).toEqual({ kind: 'answer', value: [] });
    expect(await reader.readChildrenInAlarm(arn, soon())).toEqual({ kind: 'answer', value: [] });
    expect(await reader.readContributors(arn, soon())).toEqual({ kind: 'answer', value: [] });
    expect(await reader.readTag(arn, 'team', soon())).toEqual({ kind: 'answer', value: null });
  });

  test.each(['silent', 'unreachable'] as const)(
    'is %s when told so, until told else',
    async (kind) => {
      const reader = new MemoryAlarmReader();
      const row = sample('errors');
      reader.put(row);
      reader.answerAs(kind);
      const answer = { kind, message: expect.any(String) };
      expect(await reader.read([row.ref.id], soon())).toEqual(answer);
      expect(await reader.readChildrenInAlarm(row.ref.id, soon())).toEqual(answer);
      expect(await reader.readContributors(row.ref.id, soon())).toEqual(answer);
      expect(await reader.readTag(row.ref.id, 'team', soon())).toEqual(answer);
      reader.answerAs('answer');
      expect(await readAll(reader, [row.ref.id])).toEqual([row]);
    },
  );

  test('takes the children that made an alarm red for all of its children', async () => {
    const reader = new MemoryAlarmReader();
    const child = { ...sample('errors'), state: 'ALARM' } as const;
    const row = {
      ...sample('top'),
      isComposite: true,
      childrenInAlarm: [child.ref.id, arnOf('unknown')],
    };
    reader.put(child);
    reader.put(row);
    const children = await reader.readChildrenInAlarm(row.ref.id, soon());
    expect(children).toEqual({ kind: 'answer', value: [child.ref.id] });
  });
});

// ---------------------------------------------------------------------------------------------------

function arnOf(name: string, region = 'eu-west-1'): string {
  return `arn:aws:cloudwatch:${region}:111122223333:alarm:${name}`;
}

function sample(name: string, region?: string): AlarmDescription {
  return {
    ref: cloudWatchRef(arnOf(name, region), name),
    state: 'INSUFFICIENT_DATA',
    isComposite: false,
    dimensions: [],
    isMultiSeries: false,
    childrenInAlarm: [],
    stateChangedAtMs: Date.now(),
    configuredAtMs: Date.now(),
    hasActionsEnabled: true,
    isSuppressed: false,
  };
}
