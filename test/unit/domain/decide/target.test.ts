import { describe, expect, test } from 'vitest';
import { chooseTarget } from '../../../../src/domain/decide/target.ts';
import { limits } from '../../../../src/domain/limits.ts';
import { ruleText, TargetRule } from '../../../../src/domain/pointer/target-rule.ts';
import type { ModelVersion } from '../../../../src/domain/registry/model.ts';
import { MarkKind, type RollbackMark } from '../../../../src/domain/registry/rollback-mark.ts';
import type { ModelState } from '../../../../src/domain/state/model-state.ts';
import { nowMs, row, snapshotOf, stateOf } from '../../../fakes/facts.ts';

const choose = (
  rows: readonly ModelVersion[],
  state: Partial<ModelState> = {},
  setting: 'last-good' | 'latest-archived' = 'last-good',
) => {
  const choice = chooseTarget(snapshotOf(rows), stateOf(state), {
    setting,
    nowMs,
    previous: null,
  });
  return { ...choice, version: choice.target?.version ?? null };
};
const bad = (...versions: string[]): Pick<ModelState, 'quarantine'> => ({
  quarantine: versions.map((version) => ({ version, atMs: 0, rollbackId: 'm/x' })),
});
const lived = (...versions: string[]): Pick<ModelState, 'liveHistory'> => ({
  liveHistory: versions.map((version) => ({ version, atMs: 0, how: 'seen' })),
});

describe('chooseTarget', () => {
  test('takes the lower of two live versions first', () => {
    const rows = [row('4', 'Production', 9), row('3', 'Production', 8), row('2', 'Archived', 9)];
    expect(choose(rows)).toMatchObject({ version: '3', rule: TargetRule.ALSO_LIVE });
  });

  test('takes the displaced version before a higher archived one', () => {
    const rows = [row('5', 'Production', 9), row('4', 'Archived', 7), row('2', 'Archived', 9)];
    expect(choose(rows)).toMatchObject({ version: '2', rule: TargetRule.DISPLACED });
  });

  test('takes the highest of several displaced ones', () => {
    const rows = [row('5', 'Production', 9), row('3', 'Archived', 9), row('2', 'Archived', 9)];
    expect(choose(rows).version).toBe('3');
  });

  test('takes what our history shows before a higher archived one', () => {
    const rows = [row('5', 'Production', 9), row('4', 'Archived', 7), row('2', 'Archived', 6)];
    expect(choose(rows, lived('2', '5'))).toMatchObject({
      version: '2',
      rule: TargetRule.RECORDED,
    });
  });

  test('does not trust a history whose newest entry is not the live version', () => {
    const rows = [row('5', 'Production', 9), row('4', 'Archived', 7), row('2', 'Archived', 6)];
    expect(choose(rows, lived('2', '3'))).toMatchObject({
      version: '4',
      rule: TargetRule.ARCHIVED_BELOW,
    });
  });

  test('goes back in the history past what is not fit', () => {
    const rows = [row('5', 'Production', 9), row('4', 'Archived', 7), row('1', 'Archived', 6)];
    expect(choose(rows, { ...lived('1', '4', '5'), ...bad('4') })).toMatchObject({
      version: '1',
      rule: TargetRule.RECORDED,
    });
  });

  test('takes the highest archived version below the live one, by number', () => {
    const rows = [row('11', 'Production', 20), row('9', 'Archived', 5), row('10', 'Archived', 4)];
    expect(choose(rows).version).toBe('10');
  });

  test('never takes an archived version above the live one', () => {
    const rows = [row('2', 'Production', 9), row('3', 'Archived', 8), row('1', 'Archived', 1)];
    const choice = choose(rows);
    expect(choice.version).toBe('1');
    expect(choice.candidates).toContainEqual(
      expect.objectContaining({
        version: '3',
        why: expect.stringContaining('newer than the live'),
      }),
    );
  });

  test.each(['last-good', 'latest-archived'] as const)(
    'leaves a version that was rolled back by hand alone (%s)',
    (setting) => {
      const rows = [row('2', 'Production', 9), row('3', 'Archived', 9), row('1', 'Archived', 1)];
      const choice = choose(rows, {}, setting);
      expect(choice.version).toBe('1');
      expect(choice.candidates).toContainEqual(
        expect.objectContaining({ version: '3', why: expect.stringContaining('by hand') }),
      );
    },
  );

  test.each(['last-good', 'latest-archived'] as const)('passes quarantine over (%s)', (setting) => {
    const rows = [row('4', 'Production', 9), row('3', 'Archived', 9), row('2', 'Archived', 1)];
    const choice = choose(rows, bad('3'), setting);
    expect(choice.version).toBe('2');
    expect(choice.candidates).toContainEqual(
      expect.objectContaining({ version: '3', why: expect.stringContaining('in quarantine') }),
    );
  });

  test('passes over what its tag says was rolled back from, and says so', () => {
    const atMs = nowMs - 60_000;
    const mark: RollbackMark = {
      kind: MarkKind.ROLLED_BACK,
      other: '2',
      atMs,
      reason: 'TEST_FAILURE',
      by: 'ada',
      rollbackId: 'm/0123456789abcdef',
      pointer: 'stage:Production',
    };
    const three = { ...row('3', 'Archived', 9), marks: [mark] };
    const rows = [row('4', 'Production', 9), three, row('2', 'Archived', 1)];
    const choice = choose(rows);
    expect(choice.version).toBe('2');
    const why = `in quarantine: a rollback moved away from it at ${new Date(atMs).toISOString()}, as its tag model_rollback.rolled_back shows`;
    expect(choice.candidates).toContainEqual(expect.objectContaining({ version: '3', why }));
  });

  test('after a rename takes no version for displaced', () => {
    const rows = [row('5', 'Production', 9), row('4', 'None', 9), row('2', 'Archived', 9)];
    expect(choose(rows)).toMatchObject({ version: '2', rule: TargetRule.ARCHIVED_BELOW });
    expect(
      choose([...rows.slice(0, 1), row('3', 'Archived', 9), row('2', 'Archived', 9)]).rule,
    ).toBe(TargetRule.ARCHIVED_BELOW);
  });

  test('passes quarantine over in every rule', () => {
    const rows = [row('4', 'Production', 9), row('3', 'Production', 9), row('2', 'Archived', 9)];
    expect(choose(rows, { ...bad('3', '2'), ...lived('3', '4') }).version).toBeNull();
  });

  test.each(['PENDING_REGISTRATION', 'FAILED_REGISTRATION'])('passes %s over', (status) => {
    const rows = [
      row('3', 'Production', 9),
      row('2', 'Archived', 9, status),
      row('1', 'Archived', 1),
    ];
    expect(choose(rows).version).toBe('1');
  });

  test('takes the highest archived version at all by latest-archived', () => {
    const rows = [row('3', 'Production', 9), row('5', 'Archived', 4), row('2', 'Archived', 9)];
    expect(choose(rows, {}, 'latest-archived')).toMatchObject({
      version: '5',
      rule: TargetRule.LATEST_ARCHIVED,
    });
  });

  test('never takes a version that was never archived', () => {
    const choice = choose([row('3', 'Production', 9), row('2', 'Staging', 1), row('1', 'None', 1)]);
    expect(choice).toMatchObject({ version: null, rule: null });
    expect(choice.candidates.map((candidate) => candidate.why)).toEqual([
      'its stage is Staging: nothing shows that it was ever live',
      'its stage is None: nothing shows that it was ever live',
    ]);
  });

  test('chooses nothing without a live version', () => {
    const choice = choose([row('2', 'Archived', 1)]);
    expect(choice.version).toBeNull();
    expect(choice.candidates[0]?.why).toBe('no version is live');
  });

  test('says of each candidate what came first, and lists the taken one first', () => {
    const rows = [row('5', 'Production', 9), row('4', 'Archived', 1), row('3', 'Archived', 9)];
    expect(choose(rows).candidates).toEqual([
      { version: '3', stage: 'Archived', isTaken: true, why: ruleText(TargetRule.DISPLACED) },
      { version: '4', stage: 'Archived', isTaken: false, why: 'version 3 comes first' },
    ]);
  });

  test('says when no rule takes a version', () => {
    const rows = [row('5', 'Production', 9), row('4', 'Archived', 1)];
    const choice = choose(rows, { ...bad('4') });
    expect(choice.candidates[0]?.isTaken).toBe(false);
    const twoLive = choose([row('2', 'Production', 9), row('3', 'Production', 8)], bad('2'));
    expect(twoLive.version).toBeNull();
  });

  test('keeps the list bounded and counts the rest', () => {
    const rows = Array.from({ length: limits.candidatesMax + 7 }, (_, index) =>
      row(String(index + 1), 'Archived', index),
    );
    const choice = choose([...rows, row('1000', 'Production', 5_000)]);
    expect(choice.candidates).toHaveLength(limits.candidatesMax);
    expect(choice.candidatesOmitted).toBe(7);
  });
});
