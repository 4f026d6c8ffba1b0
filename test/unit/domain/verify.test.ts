import { describe, expect, test } from 'vitest';
import type { ModelVersion } from '../../../src/domain/model.ts';
import { isAsPlanned, isBackwards, judgeMove } from '../../../src/domain/verify.ts';
import { planOf, row, snapshotOf } from '../../fakes/facts.ts';

const before = [row('3', 'Production', 9), row('2', 'Archived', 9), row('1', 'Archived', 1)];
const plan = planOf(before);
/** What the registry shows after our move at time 20. */
const moved = [row('3', 'Archived', 20), row('2', 'Production', 20), row('1', 'Archived', 1)];
const judge = (rows: readonly ModelVersion[], isAnswered: boolean, of = plan) =>
  judgeMove(of, snapshotOf(rows), isAnswered);

describe('judgeMove', () => {
  test.each([true, false])('sees that our move landed (answered: %j)', (isAnswered) => {
    expect(judge(moved, isAnswered)).toEqual({ kind: 'landed', displacedNewer: [] });
  });

  test.each([true, false])('sees that nothing happened (answered: %j)', (isAnswered) => {
    expect(judge(before, isAnswered)).toEqual({ kind: 'not-landed' });
  });

  test('names a promotion that slipped in before our move and was archived by it', () => {
    const rows = [...moved, row('4', 'Archived', 20)];
    expect(judge(rows, true)).toEqual({ kind: 'landed', displacedNewer: ['4'] });
  });

  test('does not name versions that were live in the plan', () => {
    const two = [row('3', 'Production', 9), row('2', 'Production', 8), row('1', 'Archived', 1)];
    const rows = [row('3', 'Archived', 20), row('2', 'Production', 20), row('1', 'Archived', 1)];
    expect(judge(rows, true, planOf(two))).toEqual({ kind: 'landed', displacedNewer: [] });
  });

  test('is contested when a rival is live beside the target', () => {
    const rows = [...moved, row('4', 'Production', 20)];
    expect(judge(rows, true)).toEqual({ kind: 'contested', hasMoved: true });
    expect(judge(rows, false)).toEqual({ kind: 'contested', hasMoved: true });
  });

  test('is contested when a rival archived the target; our move had landed', () => {
    const rows = [row('4', 'Production', 30), row('3', 'Archived', 20), row('2', 'Archived', 30)];
    expect(judge(rows, false)).toEqual({ kind: 'contested', hasMoved: true });
  });

  test('is contested without a move of ours when a rival replaced the live version', () => {
    const rows = [row('4', 'Production', 30), row('3', 'Archived', 30), row('2', 'Archived', 9)];
    expect(judge(rows, false)).toEqual({ kind: 'contested', hasMoved: false });
    expect(judge(rows, true)).toEqual({ kind: 'contested', hasMoved: true });
  });

  test('is contested when the target is live for another reason and nobody answered us', () => {
    const rows = [row('3', 'Archived', 15), row('2', 'Production', 20), row('1', 'Archived', 1)];
    expect(judge(rows, false)).toEqual({ kind: 'contested', hasMoved: true });
    expect(judge(rows, true)).toMatchObject({ kind: 'landed' });
  });

  test('is contested when the target was touched and moved back', () => {
    const rows = [row('3', 'Production', 30), row('2', 'Archived', 30), row('1', 'Archived', 1)];
    expect(judge(rows, false)).toMatchObject({ kind: 'contested' });
  });

  test('is contested when a version vanished', () => {
    expect(judge([row('3', 'Production', 9)], false)).toEqual({
      kind: 'contested',
      hasMoved: false,
    });
  });

  test('takes a plan from nowhere', () => {
    const none = planOf([row('2', 'Archived', 5)], { request: { target_version: '2' } });
    expect(judge([row('2', 'Production', 20)], false, none)).toMatchObject({ kind: 'landed' });
    expect(judge([row('2', 'Archived', 5)], false, none)).toEqual({ kind: 'not-landed' });
  });

  test('has no opinion without a target', () => {
    expect(judge(before, true, { ...plan, to: null })).toEqual({
      kind: 'contested',
      hasMoved: false,
    });
  });
});

describe('isAsPlanned', () => {
  test.each([
    ['the live version was touched', row('3', 'Production', 10)],
    ['the target was touched', row('2', 'Archived', 10)],
    ['the target changed its status', row('2', 'Archived', 9, 'FAILED_REGISTRATION')],
    ['the target changed its stage', row('2', 'Staging', 9)],
    ['another version is live too', row('1', 'Production', 1)],
  ])('sees that %s', (_what, changed) => {
    const rows = before.map((old) => (old.version === changed.version ? changed : old));
    expect(isAsPlanned(plan, snapshotOf(rows))).toBe(false);
  });

  test('does not care about other versions', () => {
    expect(isAsPlanned(plan, snapshotOf([...before.slice(0, 2), row('1', 'Staging', 99)]))).toBe(
      true,
    );
  });
});

describe('isBackwards', () => {
  test('is about the numbers of versions', () => {
    expect(isBackwards(plan)).toBe(true);
    const rows = [row('9', 'Production', 9), row('10', 'Archived', 1)];
    expect(isBackwards(planOf(rows, { request: { target_version: '10' } }))).toBe(false);
    const none = planOf([row('2', 'Archived')], { request: { target_version: '2' } });
    expect(isBackwards(none)).toBe(false);
    expect(isBackwards({ ...plan, to: null })).toBe(false);
  });
});
