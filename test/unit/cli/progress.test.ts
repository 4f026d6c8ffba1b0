import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { progressOn } from '../../../src/cli/progress.ts';

describe('progressOn', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const lines: string[] = [];
  const line = (text: string): void => void lines.push(text);

  test('shows one line while it takes long, and takes it away', async () => {
    lines.length = 0;
    const { during, hide } = progressOn({ line, columns: 30 });
    const done = during('Reading', async (update) => {
      await vi.advanceTimersByTimeAsync(1_500);
      update('12 models read, and a name that is far too long');
      await vi.advanceTimersByTimeAsync(1_000);
      hide();
      hide();
      return 7;
    });
    expect(await done).toBe(7);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(lines).toEqual(['Reading … 1 s', '12 models read…too long … 2 s', '']);
  });

  test('shows nothing for what is quick, and nothing without a terminal', async () => {
    lines.length = 0;
    await progressOn({ line, columns: 80 }).during('Reading', async () => {
      await vi.advanceTimersByTimeAsync(900);
    });
    await progressOn({ line: null, columns: null }).during('Reading', async () => {
      await vi.advanceTimersByTimeAsync(9_000);
    });
    expect(lines).toEqual([]);
  });

  test('takes it away when the work fails', async () => {
    lines.length = 0;
    const failing = progressOn({ line, columns: 80 }).during('Moving', async () => {
      await vi.advanceTimersByTimeAsync(1_000);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(lines).toEqual(['Moving … 1 s', '']);
  });
});
