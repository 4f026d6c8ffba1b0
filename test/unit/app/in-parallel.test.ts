import { describe, expect, test } from 'vitest';
import { inParallel } from '../../../src/app/in-parallel.ts';
import { limits } from '../../../src/domain/limits.ts';

const forEver = { leftMs: () => 1_000 };
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('inParallel', () => {
  test('does all of it, a few at a time', async () => {
    const done: number[] = [];
    let atWork = 0;
    let most = 0;
    await inParallel(numbers(20), forEver, async (item) => {
      atWork += 1;
      most = Math.max(most, atWork);
      await Promise.resolve();
      atWork -= 1;
      done.push(item);
    });
    expect(done.toSorted((a, b) => a - b)).toEqual(numbers(20));
    expect(most).toBe(limits.sweepConcurrency);
  });

  test('lets what is at work end before an error goes up, and begins nothing more', async () => {
    const began: number[] = [];
    const ended: number[] = [];
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const result = inParallel(numbers(20), forEver, async (item) => {
      began.push(item);
      if (item === 0) throw new Error('the first one failed');
      await gate;
      ended.push(item);
    });
    let isOver = false;
    result.catch(() => {
      isOver = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect({ isOver, ended }).toEqual({ isOver: false, ended: [] });
    open();
    await expect(result).rejects.toThrow('the first one failed');
    expect(began).toEqual(numbers(limits.sweepConcurrency));
    expect(ended).toEqual(numbers(limits.sweepConcurrency).slice(1));
  });

  test('begins nothing after the deadline', async () => {
    let leftMs = 1;
    const began: number[] = [];
    await inParallel(numbers(20), { leftMs: () => leftMs }, async (item) => {
      began.push(item);
      await Promise.resolve();
      leftMs = 0;
    });
    expect(began).toEqual(numbers(limits.sweepConcurrency));
  });
});
