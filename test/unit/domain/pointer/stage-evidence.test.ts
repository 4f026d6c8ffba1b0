import { describe, expect, test } from 'vitest';
import { judgeCause } from '../../../../src/domain/decide/cause.ts';
import { isTimeVoid, stageEvidence } from '../../../../src/domain/pointer/stage-evidence.ts';
import type { ModelVersion } from '../../../../src/domain/registry/model.ts';
import { nowMs, row, snapshotOf, stateOf } from '../../../fakes/facts.ts';

const displaced = (rows: readonly ModelVersion[], wereLive: readonly string[] = []): string[] => {
  const snapshot = snapshotOf(rows);
  const [live] = snapshot.live;
  if (live === undefined) throw new Error('no version is live');
  return stageEvidence.displacedBy(snapshot, live, wereLive).map(({ version }) => version);
};
const live = row('3', 'Production', 9);

describe('displacedBy', () => {
  test('gives the version that was archived together with the promotion', () => {
    expect(displaced([live, row('2', 'Archived', 9), row('1', 'Archived', 1)])).toEqual(['2']);
  });

  test('gives it where the model has no other version', () => {
    expect(displaced([live, row('2', 'Archived', 9)])).toEqual(['2']);
  });

  test('gives all that were live at once', () => {
    const rows = [live, row('2', 'Archived', 9), row('1', 'Archived', 9)];
    expect(displaced([...rows, row('4', 'None', 3)])).toEqual(['2', '1']);
  });

  test.each([
    // What `registered-models/rename` leaves behind.
    ['None', [live, row('2', 'Archived', 9), row('1', 'None', 9)]],
    ['Staging', [live, row('2', 'Archived', 9), row('1', 'Staging', 9)]],
    ['Production', [live, row('2', 'Production', 9), row('1', 'Archived', 9)]],
    ['nothing older', [live, row('2', 'Archived', 9), row('1', 'Archived', 9)]],
    ['newer ones', [live, row('2', 'Archived', 9), row('1', 'Archived', 9), row('4', 'None', 12)]],
  ])('gives none when the shared time may come from a rename: %s', (_, rows) => {
    expect(displaced(rows)).toEqual([]);
  });

  test('gives those that are known to have been live, even then', () => {
    const rows = [live, row('2', 'Archived', 9), row('1', 'Archived', 9)];
    expect(displaced(rows, ['1', '2'])).toEqual(['2', '1']);
    expect(displaced(rows, ['1'])).toEqual(['2', '1']);
    expect(displaced([...rows, row('4', 'None', 9)], ['1', '2'])).toEqual([]);
  });

  test('is not misled by a version that was registered in that millisecond', () => {
    const rows = [live, row('2', 'Archived', 9), row('1', 'Archived', 1)];
    expect(displaced([...rows, { ...row('4', 'None', 9), createdAtMs: 9 }])).toEqual(['2']);
  });
});

describe('isTimeVoid', () => {
  test('is sure of a rename as soon as a row shows it', () => {
    const rows = [live, row('2', 'Archived', 9)];
    expect(isTimeVoid(snapshotOf(rows), live)).toBe(false);
    expect(isTimeVoid(snapshotOf([...rows, row('1', 'None', 9)]), live)).toBe(true);
  });
});

describe('judgeCause', () => {
  const minuteMs = 60_000;
  const at = (agoMs: number): number => nowMs - agoMs;
  const judge = (rows: readonly ModelVersion[]): string => {
    const snapshot = snapshotOf(rows);
    const [first] = snapshot.live;
    if (first === undefined) throw new Error('no version is live');
    return judgeCause(snapshot, first, stateOf(), at(5 * minuteMs)).kind;
  };
  const promoted = row('3', 'Production', at(minuteMs));

  test('is sure that what was promoted after the alarm is not its cause', () => {
    const rows = [promoted, row('2', 'Archived', at(minuteMs)), row('1', 'Archived', 1)];
    expect(judge(rows)).toBe('impossible');
  });

  test('is not sure when the model was renamed after the alarm', () => {
    const rows = [promoted, row('2', 'Archived', at(minuteMs)), row('1', 'None', at(minuteMs))];
    expect(judge(rows)).toBe('unsure');
  });
});
