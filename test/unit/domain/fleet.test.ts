import { describe, expect, test } from 'vitest';
import {
  giveSlotBack,
  isBlastRadiusReached,
  newFleetState,
  takeSlot,
} from '../../../src/domain/state/fleet.ts';

const hourMs = 3_600_000;
const radius = { models: 2, windowMs: hourMs };
const slots = (...names: readonly string[]) =>
  names.reduce((fleet, name, index) => takeSlot(fleet, name, index), newFleetState);

describe('isBlastRadiusReached', () => {
  test('counts other models, each once', () => {
    const fleet = slots('a', 'b', 'a', 'b');
    expect(isBlastRadiusReached(fleet, 'c', radius, 10)).toBe(true);
    // Its own slots are no sign that others have trouble too.
    expect(isBlastRadiusReached(fleet, 'a', radius, 10)).toBe(false);
    expect(isBlastRadiusReached(slots('a', 'a', 'a'), 'c', radius, 10)).toBe(false);
  });

  test('counts those within the time only', () => {
    const fleet = slots('a', 'b');
    expect(isBlastRadiusReached(fleet, 'c', radius, hourMs - 1)).toBe(true);
    expect(isBlastRadiusReached(fleet, 'c', radius, hourMs)).toBe(false);
  });

  test('is never reached without a bound', () => {
    expect(isBlastRadiusReached(slots('a', 'b', 'd'), 'c', null, 10)).toBe(false);
  });
});

describe('giveSlotBack', () => {
  test('takes the slot of that run only: an earlier one of the model moved the pointer', () => {
    const { slots: left } = giveSlotBack(slots('a', 'b', 'a'), { modelName: 'a', atMs: 2 });
    expect(left).toEqual([
      { modelName: 'a', atMs: 0 },
      { modelName: 'b', atMs: 1 },
    ]);
  });
});
