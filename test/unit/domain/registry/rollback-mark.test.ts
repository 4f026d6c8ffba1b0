import { describe, expect, test } from 'vitest';
import { limits } from '../../../../src/domain/limits.ts';
import type { ModelVersion } from '../../../../src/domain/registry/model.ts';
import {
  MarkKind,
  marksIn,
  markText,
  parseMark,
  type RollbackMark,
  withoutTags,
} from '../../../../src/domain/registry/rollback-mark.ts';
import {
  latestMarked,
  quarantineMark,
  versionsWithCopiedMarks,
} from '../../../../src/domain/state/counting-marks.ts';
import type { ModelState } from '../../../../src/domain/state/model-state.ts';
import { nowMs, row, stateOf } from '../../../fakes/facts.ts';

const hourMs = 3_600_000;
const mark: RollbackMark = {
  kind: MarkKind.ROLLED_BACK,
  other: '2',
  atMs: nowMs - hourMs,
  reason: 'PERFORMANCE_DEGRADATION',
  by: 'high-drawdown-alarm',
  rollbackId: 'm/0123456789abcdef',
  pointer: 'stage:Production',
};
const restored: RollbackMark = { ...mark, kind: MarkKind.RESTORED, other: '4' };

describe('parseMark', () => {
  test.each([
    mark,
    restored,
    { ...restored, other: null },
    { ...mark, pointer: 'alias:champion' },
    { ...mark, pointer: 'alias:a-b_c' },
    { ...mark, by: 'ada, by post, to 7' },
    { ...mark, by: 'name, x/0123456789abcdef' },
    { ...mark, rollbackId: 'the model/7 模型/0123456789abcdef' },
    { ...mark, by: '' },
  ])('reads what markText writes: %j', (written) => {
    expect(parseMark(written.kind, markText(written))).toEqual(written);
  });

  test('reads what release 0.1.0 wrote: always for the stage', () => {
    const text = `to 2, ${new Date(mark.atMs).toISOString()}, DRIFT_SEVERE, by ada, the second, m/0123456789abcdef`;
    expect(parseMark(MarkKind.ROLLED_BACK, text)).toEqual({
      ...mark,
      reason: 'DRIFT_SEVERE',
      by: 'ada, the second',
    });
  });

  const good = markText(mark);
  test.each([
    ['nothing', ''],
    ['a note', 'because of the drawdown'],
    ['the word of the other tag', good.replace('to 2', 'from 2')],
    ['no version', good.replace('to 2', 'to v2')],
    ['a leading zero', good.replace('to 2', 'to 02')],
    ['no time', good.replace(/\d{4}-[^,]+/, 'yesterday')],
    ['no such day', good.replace(/\d{4}-\d\d-\d\d/, '2026-13-45')],
    ['no id', good.replace('m/0123456789abcdef', 'm/17')],
    ['another pointer', good.replace('stage:Production', 'stage:Staging')],
    ['a text too long', good.replace('high-', 'h'.repeat(limits.markLengthMax))],
    ['more after it', `${good} (edited)`],
  ])('takes %s for no mark', (_, text) => {
    expect(parseMark(MarkKind.ROLLED_BACK, text)).toBeNull();
  });

  test('takes no other tag for a mark', () => {
    expect(parseMark('model_rollback.note', good)).toBeNull();
    expect(marksIn([{ key: 'note', value: good }])).toEqual({});
    expect(marksIn([{ key: mark.kind, value: good }])).toEqual({ marks: [mark] });
  });
});

describe('withoutTags', () => {
  test('gives the row as it is stored', () => {
    const plain = row('3', 'Production', 9);
    expect(withoutTags({ ...plain, marks: [mark], runId: 'r', source: 's' })).toEqual(plain);
    expect(withoutTags(plain)).toEqual(plain);
    expect(withoutTags(null)).toBeNull();
  });
});

const marked = (
  marks: readonly RollbackMark[] = [mark],
  fields: Partial<ModelVersion> = {},
): ModelVersion => ({ ...row('3', 'Archived', 9), ...fields, marks });
const counts = (version: ModelVersion, state: Partial<ModelState> = {}): boolean =>
  quarantineMark(version, stateOf(state), nowMs) !== null;

describe('quarantineMark', () => {
  test('counts when the state knows nothing of the version', () => {
    expect(quarantineMark(marked(), stateOf(), nowMs)).toEqual(mark);
    expect(counts(row('3', 'Archived', 9))).toBe(false);
  });

  test.each<[string, Partial<ModelState>]>([
    ['in quarantine', { quarantine: [{ version: '3', atMs: 1, rollbackId: 'm/1' }] }],
    ['in the earlier quarantine', { quarantineEarlier: [[2, 5]] }],
    ['once live', { liveHistory: [{ version: '3', atMs: 1, how: 'seen' }] }],
    ['rolled back from last', { lastCommit: { rollbackId: 'm/1', atMs: 1, from: '3', to: '2' } }],
    ['restored last', { lastCommit: { rollbackId: 'm/1', atMs: 1, from: '4', to: '3' } }],
    ['released later', { released: [{ version: '3', atMs: mark.atMs }] }],
  ])('does not count when the state has it as %s', (_, state) => {
    expect(counts(marked(), state)).toBe(false);
  });

  test.each<[string, Partial<ModelState>]>([
    ['another version', { quarantine: [{ version: '2', atMs: 1, rollbackId: 'm/1' }] }],
    ['other versions', { quarantineEarlier: [[4, 5]] }],
    ['a release before it', { released: [{ version: '3', atMs: mark.atMs - 1 }] }],
    ['the release of another version', { released: [{ version: '2', atMs: nowMs }] }],
  ])('counts when the state has %s', (_, state) => {
    expect(counts(marked(), state)).toBe(true);
  });

  test('does not count on a version that was made after it: it came with a copy', () => {
    const madeAtMs = mark.atMs + limits.clockSkewMaxMs;
    expect(counts(marked([mark], { createdAtMs: madeAtMs }))).toBe(true);
    const copy = marked([mark], { createdAtMs: madeAtMs + 1 });
    expect(counts(copy)).toBe(false);
    expect(versionsWithCopiedMarks([marked(), copy, row('1', 'None')])).toEqual(['3']);
  });

  test('does not count when it is in the future', () => {
    const soonest = nowMs + limits.clockSkewMaxMs;
    expect(counts(marked([{ ...mark, atMs: soonest }]))).toBe(true);
    expect(counts(marked([{ ...mark, atMs: soonest + 1 }]))).toBe(false);
  });

  test('counts only while no newer mark says that the version was restored', () => {
    const older = { ...restored, atMs: mark.atMs - 1 };
    const newer = { ...restored, atMs: mark.atMs + 1 };
    expect(counts(marked([older, mark]))).toBe(true);
    expect(counts(marked([mark, newer]))).toBe(false);
    // A newer one that cannot be believed changes nothing.
    expect(counts(marked([mark, { ...newer, atMs: nowMs + hourMs }]))).toBe(true);
  });

  test('does not count for a move forwards that somebody asked for by hand', () => {
    const byHand = { ...mark, reason: 'MANUAL_REQUEST' };
    expect(counts(marked([byHand]))).toBe(true);
    expect(counts(marked([{ ...byHand, other: '4' }]))).toBe(false);
    expect(counts(marked([{ ...mark, other: '4' }]))).toBe(true);
  });

  test('counts under every pointer', () => {
    expect(counts(marked([{ ...mark, pointer: 'alias:champion' }]))).toBe(true);
  });
});

describe('latestMarked', () => {
  const stage = 'stage:Production';
  const latest = (
    rows: readonly ModelVersion[],
    state: Partial<ModelState> = {},
    pointer = stage,
  ) => latestMarked(rows, stateOf(state), pointer, nowMs);

  test('is the newest that counts, on whichever version', () => {
    const older = { ...mark, atMs: mark.atMs - hourMs };
    const rows = [marked([older]), { ...row('2', 'Production', 9), marks: [restored] }];
    expect(latest(rows)).toEqual({ version: '2', mark: restored });
    expect(latest(rows, { liveHistory: [{ version: '2', atMs: 1, how: 'made' }] })).toEqual({
      version: '3',
      mark: older,
    });
    expect(latest([row('1', 'Archived')])).toBeNull();
  });

  test('is about its own pointer', () => {
    const rows = [marked([{ ...mark, pointer: 'alias:champion' }])];
    expect(latest(rows)).toBeNull();
    expect(latest(rows, {}, 'alias:champion')).not.toBeNull();
  });

  test('says nothing of a restored version that was moved to by hand, forwards', () => {
    const forwards = { ...restored, reason: 'MANUAL_REQUEST', other: '2' };
    const backwards = { ...forwards, other: '4' };
    const from = (mark: RollbackMark) => latest([{ ...row('3', 'Production'), marks: [mark] }]);
    expect(from(forwards)).toBeNull();
    expect(from({ ...forwards, other: null })).toBeNull();
    expect(from(backwards)).not.toBeNull();
  });
});
