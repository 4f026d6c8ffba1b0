import { describe, expect, test } from 'vitest';
import { SQLiteRollbackStore } from '../../src/adapters/sqlite/sqlite-rollback-store.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { Choices, shrinkChoices } from '../../src/testing/choices.ts';
import { replayRollbacks, simulateRollbacks } from '../../src/testing/index.ts';
import { explain, firstSeed as seed, testPart } from './parts.ts';

describe('simulateRollbacks', () => {
  testPart(1);

  test('holds them on another store too', { timeout: 120_000 }, async () => {
    // By the clock of the world: by the real one its records have long expired.
    const clock = { ...systemClock, nowMs: () => Date.UTC(2026, 0, 1) };
    const openStore = async () => new SQLiteRollbackStore(':memory:', '', clock);
    const report = await simulateRollbacks({ seed, runs: 300, openStore });
    expect(explain(report)).toBe('');
  });

  test('gives the same run for the same seed', async () => {
    const [first, second] = [
      await simulateRollbacks({ seed: 11, runs: 40 }),
      await simulateRollbacks({ seed: 11, runs: 40 }),
    ];
    expect(second).toEqual(first);
  });

  test('replays a run from its choices', async () => {
    const benign = await replayRollbacks([]);
    expect(benign.problems).toEqual([]);
    expect(await replayRollbacks([])).toEqual(benign);
    expect(benign.trace.join('\n')).toContain('move to');
  });

  test('finds, shrinks and replays a store that forgets its conditions', async () => {
    const openStore = async () => {
      const store = new SQLiteRollbackStore(':memory:', '', systemClock);
      const write = store.write.bind(store);
      // Writes over whatever is there, as a store without conditional writes does.
      store.write = async (change, deadline) => {
        const { modelName } = change.state ?? change.record ?? { modelName: '' };
        const found = await store.read(modelName, change.record?.id ?? null, deadline);
        const record = change.record && {
          ...change.record,
          revision: (found.record?.revision ?? 0) + 1,
        };
        const state = change.state && {
          ...change.state,
          revision: (found.state?.revision ?? 0) + 1,
        };
        const { notice } = change;
        const written = { ...(state && { state }), ...(record && { record }) };
        if (Object.keys(written).length > 0) return await write(written, deadline);
        return notice === undefined ? 'written' : await write({ notice }, deadline);
      };
      return store;
    };
    const { failure } = await simulateRollbacks({ seed: 1, runs: 2_000, openStore });
    expect(failure?.problems.join()).toMatch(/I[1-8]/);
    const replayed = await replayRollbacks(failure?.choices ?? [], { openStore });
    expect(replayed).toEqual({ problems: failure?.problems, trace: failure?.trace });
  });
});

describe('shrinkChoices', () => {
  test('keeps only what matters', async () => {
    const choices = Array.from({ length: 64 }, (_, index) => index);
    const shrunk = await shrinkChoices(choices, async (candidate) => candidate[17] === 17);
    expect(shrunk).toEqual([...Array(17).fill(0), 17]);
  });
});

describe('Choices', () => {
  test('picks from the whole range, and again the same', () => {
    const draw = () => {
      const choices = new Choices(5);
      return Array.from({ length: 300 }, () => choices.pick(10));
    };
    expect(new Set(draw()).size).toBe(10);
    expect(draw()).toEqual(draw());
  });

  test('takes 0 where a recorded list is over', () => {
    const choices = new Choices([7, 3]);
    expect([choices.pick(5), choices.pick(5), choices.pick(5)]).toEqual([2, 3, 0]);
    expect(choices.made).toEqual([2, 3, 0]);
  });
});
