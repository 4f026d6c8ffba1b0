import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../../../src/domain/limits.ts';
import { type ModelState, newModelState } from '../../../../src/domain/state/model-state.ts';
import {
  addToQuarantine,
  isQuarantined,
  releaseFromQuarantine,
} from '../../../../src/domain/state/quarantine.ts';

const add = (state: ModelState, version: string): ModelState => ({
  ...state,
  ...addToQuarantine(state, { version, atMs: 0, rollbackId: 'm/1' }),
});
const empty = (): ModelState => newModelState('m', 'r');

describe('quarantine', () => {
  test('holds every version that was added, and no other', () => {
    const number = fc.integer({ min: 1, max: 400 });
    const many = fc.array(number, { maxLength: 200, size: 'max' });
    fc.assert(
      fc.property(many, many, (added, released) => {
        let state = empty();
        const model = new Set<number>();
        for (const version of added) {
          state = add(state, String(version));
          model.add(version);
        }
        for (const version of released) {
          state = releaseFromQuarantine(state, String(version), 1);
          model.delete(version);
        }
        for (let version = 1; version <= 400; version += 1) {
          expect(isQuarantined(state, { version: String(version), createdAtMs: 0 })).toBe(
            model.has(version),
          );
        }
        expect(state.quarantine.length).toBeLessThanOrEqual(limits.quarantineRecentMax);
      }),
    );
  });

  test('names a version once, with its latest entry last', () => {
    const state = add(add(add(empty(), '3'), '4'), '3');
    expect(state.quarantine.map((entry) => entry.version)).toEqual(['4', '3']);
  });

  test('names the rollbacks that put it there, the latest ones when they are many', () => {
    const times = limits.quarantineCausesMax + 3;
    let state = empty();
    for (let cause = 0; cause < times; cause += 1) {
      const entry = { version: '3', atMs: cause, rollbackId: `m/${cause}` };
      state = { ...state, ...addToQuarantine(state, entry) };
    }
    const [entry] = state.quarantine;
    expect(entry).toMatchObject({ atMs: times - 1, rollbackId: `m/${times - 1}` });
    expect(entry?.earlierRollbacks).toEqual(
      Array.from({ length: limits.quarantineCausesMax }, (_, index) => String(index + 2)),
    );
  });

  test('keeps ten thousand neighbours in one interval', () => {
    let state = empty();
    for (let version = 10_000; version >= 1; version -= 1) state = add(state, String(version));
    expect(state.quarantineEarlier).toEqual([[51, 10_000]]);
  });

  test('stays bounded beyond any real use, on the safe side', () => {
    const intervals = Array.from(
      { length: limits.quarantineIntervalsMax },
      (_, index) => [index * 3 + 100, index * 3 + 100] as const,
    );
    let state: ModelState = { ...empty(), quarantineEarlier: intervals };
    for (let version = 1; version <= limits.quarantineRecentMax; version += 1) {
      state = add(state, String(version * 100_000));
    }
    state = add(state, '7');
    expect(state.quarantineEarlier).toHaveLength(limits.quarantineIntervalsMax);
    for (const version of ['100', '103', '100000', '7']) {
      expect(isQuarantined(state, { version, createdAtMs: 0 })).toBe(true);
    }
  });
});
