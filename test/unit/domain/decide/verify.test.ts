import { describe, expect, test } from 'vitest';
import {
  contestFacts,
  isAsPlanned,
  isBackwards,
  judgeMove,
} from '../../../../src/domain/decide/verify.ts';
import type { ModelVersion } from '../../../../src/domain/registry/model.ts';
import { planOf, row, snapshotOf } from '../../../fakes/facts.ts';

const before = [row('3', 'Production', 9), row('2', 'Archived', 9), row('1', 'Archived', 1)];
const plan = planOf(before);
/** What the registry shows after our move at time 20. */
const moved = [row('3', 'Archived', 20), row('2', 'Production', 20), row('1', 'Archived', 1)];
const judge = (rows: readonly ModelVersion[], isAnswered: boolean, of = plan) =>
  judgeMove(of, snapshotOf(rows), isAnswered);
const contested = (hasMoved: boolean, isAnswered: boolean) => ({
  kind: 'contested',
  hasMoved,
  isAnswered,
});

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
    expect(judge(rows, true)).toEqual(contested(true, true));
    expect(judge(rows, false)).toEqual(contested(true, false));
  });

  test('is contested when a rival archived the target; our move had landed', () => {
    const rows = [row('4', 'Production', 30), row('3', 'Archived', 20), row('2', 'Archived', 30)];
    expect(judge(rows, false)).toEqual(contested(true, false));
  });

  test('is contested without a move of ours when a rival replaced the live version', () => {
    const rows = [row('4', 'Production', 30), row('3', 'Archived', 30), row('2', 'Archived', 9)];
    expect(judge(rows, false)).toEqual(contested(false, false));
    expect(judge(rows, true)).toEqual(contested(true, true));
  });

  test('is contested when the target is live for another reason and nobody answered us', () => {
    const rows = [row('3', 'Archived', 15), row('2', 'Production', 20), row('1', 'Archived', 1)];
    expect(judge(rows, false)).toEqual(contested(true, false));
    expect(judge(rows, true)).toMatchObject({ kind: 'landed' });
  });

  test('is contested when the target was touched and moved back', () => {
    const rows = [row('3', 'Production', 30), row('2', 'Archived', 30), row('1', 'Archived', 1)];
    expect(judge(rows, false)).toMatchObject({ kind: 'contested' });
  });

  test('is contested when a version vanished', () => {
    expect(judge([row('3', 'Production', 9)], false)).toEqual(contested(false, false));
  });

  test('takes a plan from nowhere', () => {
    const none = planOf([row('2', 'Archived', 5)], { request: { target_version: '2' } });
    expect(judge([row('2', 'Production', 20)], false, none)).toMatchObject({ kind: 'landed' });
    expect(judge([row('2', 'Archived', 5)], false, none)).toEqual({ kind: 'not-landed' });
  });

  test('has no opinion without a target', () => {
    expect(judge(before, true, { ...plan, to: null })).toEqual(contested(false, true));
  });
});

describe('judgeMove after a rename', () => {
  /** Everything has one time: the target is live for whatever reason. */
  const renamed = [row('3', 'Archived', 20), row('2', 'Production', 20), row('1', 'None', 20)];

  test('takes the shared time for no proof of our move', () => {
    expect(judge(renamed, false)).toEqual(contested(true, false));
  });

  test('believes the registry when it answered', () => {
    expect(judge(renamed, true)).toEqual({ kind: 'landed', displacedNewer: [] });
  });

  test('still knows its own move where it touched every version', () => {
    const two = planOf(
      [row('3', 'Production', 9), row('2', 'Production', 8), row('1', 'Archived', 9)],
      {
        request: { target_version: '1' },
      },
    );
    const rows = [row('3', 'Archived', 20), row('2', 'Archived', 20), row('1', 'Production', 20)];
    expect(judge(rows, false, two)).toEqual({ kind: 'landed', displacedNewer: [] });
  });
});

describe('contestFacts', () => {
  const replaced = [row('4', 'Production', 30), row('3', 'Archived', 30), row('2', 'Archived', 9)];
  const facts = (rows: readonly ModelVersion[], found: Parameters<typeof contestFacts>[3]) =>
    contestFacts('m', plan, snapshotOf(rows), found);

  test('says that nothing was moved when nothing was sent', () => {
    const { message, hasMoved, liveVersions } = facts(replaced, null);
    expect(message).toMatch(
      /^Somebody else moved stage:Production after the plan .* moved nothing\. Live now: version 4\./,
    );
    expect(message).toMatch(/run `model-rollback plan m`\.$/);
    expect([hasMoved, liveVersions]).toEqual([false, ['4']]);
  });

  test('does not take an edit for a move of the pointer', () => {
    const edited = [row('3', 'Production', 15), row('2', 'Archived', 9), row('1', 'Archived', 1)];
    expect(facts(edited, null).message).toMatch(/^Version 3 or 2 was changed or deleted after/);
  });

  test('blames somebody else only when the registry confirmed our move', () => {
    const found = { kind: 'contested', hasMoved: true, isAnswered: true } as const;
    expect(facts(replaced, found).message).toMatch(
      /^Somebody else changed what stage:Production names right after model-rollback moved it from 3 to 2\./,
    );
  });

  test.each([true, false])('says what is not known (a trace: %j)', (hasMoved) => {
    const { message } = facts(replaced, { kind: 'contested', hasMoved, isAnswered: false });
    expect(message).toContain(
      'it is not known whether the move of stage:Production from 3 to 2 took',
    );
    expect(message).not.toContain('Somebody else moved');
    expect(message).toContain(
      hasMoved ? 'counts for the cooldown' : 'Nothing in the registry shows',
    );
  });

  test('words a move from nowhere, and to nowhere', () => {
    const none = planOf([row('2', 'Archived', 5)], { request: { target_version: '2' } });
    const { message } = contestFacts('m', none, snapshotOf([row('2', 'Staging', 8)]), null);
    expect(message).toContain('from none to 2');
    expect(message).toContain('Live now: no version.');
  });
});

describe('isAsPlanned', () => {
  test.each([
    ['the live version was touched', row('3', 'Production', 10)],
    ['the target was touched', row('2', 'Archived', 10)],
    ['the target changed its status', row('2', 'Archived', 9, 'FAILED_REGISTRATION')],
    ['the target changed its stage', row('2', 'Staging', 9)],
    ['another version was promoted beside it', row('1', 'Production', 9)],
  ])('sees that %s', (_what, changed) => {
    const rows = before.map((old) => (old.version === changed.version ? changed : old));
    expect(isAsPlanned(plan, snapshotOf(rows))).toBe(false);
  });

  test('takes a version that was live all the time, and was not read, for no rival', () => {
    const rows = before.map((old) => (old.version === '1' ? row('1', 'Production', 1) : old));
    expect(isAsPlanned(plan, snapshotOf(rows))).toBe(true);
    expect(judge(rows, false)).toEqual({ kind: 'not-landed' });
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
