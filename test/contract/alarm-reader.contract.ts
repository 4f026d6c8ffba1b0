/** What every reader of alarms must do; each adapter has a run file beside this one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import {
  type AlarmDescription,
  type AlarmState,
  type ChangeToAlarm,
  type ContributorInAlarm,
  cloudWatchRef,
} from '../../src/domain/alarm/alarm.ts';
import type { AlarmReader, HistorySpan } from '../../src/ports/alarm-reader.ts';
import { type Deadline, deadlineAfter } from '../../src/ports/deadline.ts';
import { uniqueName } from '../engines/engines.ts';

/** A reader, and the hands of whoever makes alarms. */
export interface AlarmPlace {
  readonly reader: AlarmReader;
  /** In INSUFFICIENT_DATA. */
  putMetricAlarm(
    name: string,
    options?: {
      readonly dimensions?: Readonly<Record<string, string>>;
      readonly region?: string;
      readonly hasActionsEnabled?: boolean;
    },
  ): Promise<string>;
  /** In ALARM as soon as one of the children is. */
  putCompositeAlarm(name: string, childNames: readonly string[]): Promise<string>;
  setState(name: string, state: AlarmState): Promise<void>;
  setContributors(name: string, contributors: readonly ContributorInAlarm[]): Promise<void>;
  tag(arn: string, key: string, value: string): Promise<void>;
  remove(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Names that CloudWatch takes and that are easy to take apart wrongly. */
const ODD_NAMES: readonly string[] = [
  'errors:of:model:alarm:x',
  'the "best" <model> & \'more\'',
  '模型界 🤖 ошибки',
  '  two  spaces  ',
  '100%/a\\b?c=d#e',
  'я'.repeat(255),
];

/** Runs the contract on one adapter. */
export function describeAlarmReader(name: string, openPlace: () => Promise<AlarmPlace>): void {
  describe(name, () => {
    let place: AlarmPlace;
    let reader: AlarmReader;

    beforeEach(async () => {
      place = await openPlace();
      reader = place.reader;
    });

    afterEach(async () => {
      await place.close();
    });

    test('reads a metric alarm as it is now', async () => {
      const alarm = uniqueName('alarm');
      const dimensions = { ModelName: 'fraud', Endpoint: 'blue' };
      const arn = await place.putMetricAlarm(alarm, { dimensions });
      const [row, ...more] = await readAll(reader, [arn]);
      expect(more).toEqual([]);
      expect(row).toEqual({
        ref: cloudWatchRef(arn, alarm),
        state: 'INSUFFICIENT_DATA',
        isComposite: false,
        dimensions: [
          { name: 'ModelName', value: 'fraud' },
          { name: 'Endpoint', value: 'blue' },
        ],
        isMultiSeries: false,
        childrenInAlarm: [],
        stateChangedAtMs: expect.any(Number),
        configuredAtMs: expect.any(Number),
        hasActionsEnabled: true,
        isSuppressed: false,
      });
      expect(Math.abs((row?.configuredAtMs ?? 0) - Date.now())).toBeLessThan(60_000);

      for (const state of ['ALARM', 'OK'] as const) {
        const beforeMs = Date.now();
        await place.setState(alarm, state);
        const [changed] = await readAll(reader, [arn]);
        const stateChangedAtMs = expect.any(Number);
        expect(changed).toEqual({ ...row, state, stateChangedAtMs });
        // Some engines keep whole seconds.
        expect(changed?.stateChangedAtMs).toBeGreaterThan(beforeMs - 1_000);
        expect(changed?.stateChangedAtMs).toBeLessThanOrEqual(Date.now());
      }
    });

    test('tells when the actions are switched off', async () => {
      const arn = await place.putMetricAlarm(uniqueName('alarm'), { hasActionsEnabled: false });
      expect(await readAll(reader, [arn])).toMatchObject([{ hasActionsEnabled: false }]);
    });

    test('answers those that exist, each once, in the order of the question', async () => {
      const first = await place.putMetricAlarm(uniqueName('b'));
      const second = await place.putMetricAlarm(uniqueName('a'));
      await place.putMetricAlarm(uniqueName('c'));
      const unknown = `${first}-unknown`;
      const rows = await readAll(reader, [second, unknown, first, second]);
      expect(rows.map(({ ref }) => ref.id)).toEqual([second, first]);
      expect(await readAll(reader, [unknown])).toEqual([]);
      expect(await readAll(reader, [])).toEqual([]);
    });

    test('forgets an alarm that was deleted', async () => {
      const alarm = uniqueName('alarm');
      const arn = await place.putMetricAlarm(alarm);
      await place.remove(alarm);
      expect(await readAll(reader, [arn])).toEqual([]);
    });

    test('tells an alarm from those of the same name in another account or region', async () => {
      const alarm = uniqueName('alarm');
      const here = await place.putMetricAlarm(alarm, { dimensions: { ModelName: 'here' } });
      const there = await place.putMetricAlarm(alarm, {
        dimensions: { ModelName: 'there' },
        region: 'us-east-1',
      });
      const account = here.replace(/:\d{12}:/, ':999999999999:');
      const partition = here.replace('arn:aws:', 'arn:aws-cn:');
      expect(await readAll(reader, [account])).toEqual([]);
      expect(await readAll(reader, [partition])).toEqual([]);
      const rows = await readAll(reader, [there, account, here]);
      expect(rows.map(({ ref, dimensions }) => [ref.id, dimensions[0]?.value])).toEqual([
        [there, 'there'],
        [here, 'here'],
      ]);
    });

    test('reads more alarms than go into one call', async () => {
      const prefix = uniqueName('alarm');
      const names = Array.from({ length: 230 }, (_, index) => `${prefix}-${index}`);
      const arns = await Promise.all(names.map((alarm) => place.putMetricAlarm(alarm)));
      const rows = await readAll(reader, arns);
      expect(rows.map(({ ref }) => ref.name)).toEqual(names);
    });

    test.each(ODD_NAMES)('reads and finds the tag of an alarm named %s', async (odd) => {
      const arn = await place.putMetricAlarm(odd, { dimensions: { [odd.slice(0, 99)]: odd } });
      await place.tag(arn, 'model-rollback:model', odd);
      expect(await readAll(reader, [arn])).toMatchObject([
        { ref: cloudWatchRef(arn, odd), dimensions: [{ name: odd.slice(0, 99), value: odd }] },
      ]);
      expect(await reader.readTag(arn, 'model-rollback:model', soon())).toEqual({
        kind: 'answer',
        value: odd,
      });
      await place.remove(odd);
    });

    test('names the children that made a composite alarm red', async () => {
      const [one, two, top] = [uniqueName('one'), uniqueName('two'), uniqueName('top')];
      const childArn = await place.putMetricAlarm(one);
      await place.putMetricAlarm(two);
      const arn = await place.putCompositeAlarm(top, [one, two]);
      expect(await readAll(reader, [arn])).toMatchObject([
        { isComposite: true, state: 'OK', childrenInAlarm: [] },
      ]);
      await place.setState(one, 'ALARM');
      expect(await readAll(reader, [arn, childArn])).toMatchObject([
        {
          ref: cloudWatchRef(arn, top),
          state: 'ALARM',
          isComposite: true,
          isMultiSeries: false,
          dimensions: [],
          childrenInAlarm: [childArn],
        },
        { ref: { id: childArn }, isComposite: false, childrenInAlarm: [] },
      ]);
    });

    test('lists the children in ALARM, metric and composite, as they are now', async () => {
      const [one, two, three] = [uniqueName('one'), uniqueName('two'), uniqueName('three')];
      const [middle, top] = [uniqueName('middle'), uniqueName('top')];
      const oneArn = await place.putMetricAlarm(one);
      const twoArn = await place.putMetricAlarm(two);
      await place.putMetricAlarm(three);
      const middleArn = await place.putCompositeAlarm(middle, [three]);
      const arn = await place.putCompositeAlarm(top, [one, two, middle]);
      const children = async (): Promise<readonly string[]> => {
        const answer = await reader.readChildrenInAlarm(arn, soon());
        if (answer.kind !== 'answer') throw new Error(answer.message);
        return answer.value.toSorted();
      };
      expect(await children()).toEqual([]);
      await place.setState(one, 'ALARM');
      await place.setState(two, 'ALARM');
      await place.setState(three, 'ALARM');
      expect(await children()).toEqual([oneArn, twoArn, middleArn].toSorted());
      await place.setState(one, 'OK');
      expect(await children()).toEqual([twoArn, middleArn].toSorted());
    });

    test('lists the series in ALARM', async () => {
      const alarm = uniqueName('alarm');
      const arn = await place.putMetricAlarm(alarm);
      expect(await reader.readContributors(arn, soon())).toEqual({ kind: 'answer', value: [] });
      const contributors = [
        {
          id: '6d442278dba546f6',
          attributes: [{ name: 'ModelName', value: 'fraud' }],
          changedAtMs: 1_795_000_000_123,
        },
        {
          id: '0f1e2d3c4b5a6978',
          changedAtMs: null,
          attributes: [
            { name: 'ModelName', value: '模型 "a"' },
            { name: 'Endpoint', value: 'blue' },
          ],
        },
      ];
      await place.setContributors(alarm, contributors);
      const answer = await reader.readContributors(arn, soon());
      expect(answer).toEqual({ kind: 'answer', value: contributors });
    });

    test('finds the changes to ALARM within a time, also of an alarm that is OK again', async () => {
      const alarm = uniqueName('alarm');
      const arn = await place.putMetricAlarm(alarm);
      const other = await place.putMetricAlarm(uniqueName('other'));
      const startMs = Date.now();
      const changes = (of: string, fromMs: number, toMs: number) =>
        changesOf(reader, of, { fromMs, toMs, contributorId: null });
      const around = (of: string) => changes(of, startMs - 2_000, Date.now() + 2_000);
      expect(await around(arn)).toEqual([]);
      for (const state of ['OK', 'ALARM', 'OK', 'ALARM'] as const) {
        await place.setState(alarm, state);
      }
      const found = await around(arn);
      expect(found).toEqual([
        { ...calm, previousState: 'OK', atMs: expect.any(Number) },
        { ...calm, previousState: 'OK', atMs: expect.any(Number) },
      ]);
      for (const { atMs } of found) {
        expect(atMs).toBeGreaterThan(startMs - 1_000);
        expect(atMs).toBeLessThanOrEqual(Date.now());
      }
      // The time of the alarm itself, so that one change has one key (MiniStack reads its clock twice).
      const [row] = await readAll(reader, [arn]);
      const apartMs = (found.at(-1)?.atMs ?? 0) - (row?.stateChangedAtMs ?? 0);
      expect(Math.abs(apartMs)).toBeLessThanOrEqual(1_000);
      expect(await around(other)).toEqual([]);
      expect(await changes(arn, startMs - 9_000, startMs - 5_000)).toEqual([]);
      expect(await changes(arn, Date.now() + 5_000, Date.now() + 9_000)).toEqual([]);
    });

    test('names the children that caused a change of a composite alarm', async () => {
      const [one, two, top] = [uniqueName('one'), uniqueName('two'), uniqueName('top')];
      const childArn = await place.putMetricAlarm(one);
      await place.putMetricAlarm(two);
      const arn = await place.putCompositeAlarm(top, [one, two]);
      const startMs = Date.now();
      await place.setState(one, 'ALARM');
      await place.setState(one, 'OK');
      const span = { fromMs: startMs - 2_000, toMs: Date.now() + 2_000, contributorId: null };
      expect(await changesOf(reader, arn, span)).toEqual([
        { ...calm, previousState: 'OK', childrenInAlarm: [childArn], atMs: expect.any(Number) },
      ]);
    });

    test('finds a tag by its key, and no other', async () => {
      const arn = await place.putMetricAlarm(uniqueName('alarm'));
      const tagOf = (key: string) => reader.readTag(arn, key, soon());
      expect(await tagOf('model-rollback:model')).toEqual({ kind: 'answer', value: null });
      await place.tag(arn, 'model-rollback:model', 'fraud');
      await place.tag(arn, 'team', 'risk');
      expect(await tagOf('model-rollback:model')).toEqual({ kind: 'answer', value: 'fraud' });
      expect(await tagOf('team')).toEqual({ kind: 'answer', value: 'risk' });
      for (const key of ['Team', 'constructor', '__proto__', '']) {
        expect(await tagOf(key)).toEqual({ kind: 'answer', value: null });
      }
    });

    test('has nothing to tell of an alarm that does not exist', async () => {
      const arn = `${await place.putMetricAlarm(uniqueName('alarm'))}-unknown`;
      const nothing = [
        { kind: 'silent', message: expect.any(String) },
        { kind: 'answer', value: [] },
        { kind: 'answer', value: null },
      ];
      expect(nothing).toContainEqual(await reader.readChildrenInAlarm(arn, soon()));
      expect(nothing).toContainEqual(await reader.readContributors(arn, soon()));
      expect(nothing).toContainEqual(await reader.readChangesToAlarm(arn, anyTime, soon()));
      expect(nothing).toContainEqual(await reader.readTag(arn, 'model-rollback:model', soon()));
    });

    test.each([
      'fraud-errors',
      '',
      'arn:aws:sns:eu-west-1:111122223333:alarm:x',
      'arn:aws:cloudwatch:eu-west-1:111122223333:dashboard:x',
      'arn:aws:cloudwatch:evil.example/:111122223333:alarm:x',
      'arn:aws:cloudwatch::111122223333:alarm:x',
      'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:',
    ])('is silent about %s, which is the ARN of no alarm', async (arn) => {
      const known = await place.putMetricAlarm(uniqueName('alarm'));
      const silent = { kind: 'silent', message: expect.stringContaining(`"${arn}"`) };
      expect(await reader.read([known, arn], soon())).toEqual(silent);
      expect(await reader.readChildrenInAlarm(arn, soon())).toEqual(silent);
      expect(await reader.readContributors(arn, soon())).toEqual(silent);
      expect(await reader.readChangesToAlarm(arn, anyTime, soon())).toEqual(silent);
      expect(await reader.readTag(arn, 'team', soon())).toEqual(silent);
    });

    test('asks nothing when no time is left', async () => {
      const arn = await place.putMetricAlarm(uniqueName('alarm'));
      const over: Deadline = { leftMs: () => 0 };
      const unreachable = { kind: 'unreachable', message: expect.any(String) };
      expect(await reader.read([arn], over)).toEqual(unreachable);
      expect(await reader.readChildrenInAlarm(arn, over)).toEqual(unreachable);
      expect(await reader.readContributors(arn, over)).toEqual(unreachable);
      expect(await reader.readChangesToAlarm(arn, anyTime, over)).toEqual(unreachable);
      expect(await reader.readTag(arn, 'team', over)).toEqual(unreachable);
    });
  });
}

const anyTime: HistorySpan = { fromMs: 0, toMs: Date.UTC(2099, 0), contributorId: null };

const calm = { childrenInAlarm: [], attributes: [] } as const;

async function changesOf(
  reader: AlarmReader,
  arn: string,
  span: HistorySpan,
): Promise<readonly ChangeToAlarm[]> {
  const answer = await reader.readChangesToAlarm(arn, span, soon());
  if (answer.kind !== 'answer') throw new Error(`${answer.kind}: ${answer.message}`);
  return answer.value;
}

/** Enough for any call of these suites. */
export function soon(): Deadline {
  return deadlineAfter(systemClock, 20_000);
}

/** What `read` answers; throws where it does not. */
export async function readAll(
  reader: AlarmReader,
  arns: readonly string[],
): Promise<readonly AlarmDescription[]> {
  const answer = await reader.read(arns, soon());
  if (answer.kind !== 'answer') throw new Error(`${answer.kind}: ${answer.message}`);
  return answer.value;
}
