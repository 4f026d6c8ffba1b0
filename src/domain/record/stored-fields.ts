import * as v from 'valibot';
import { limits } from '../limits.ts';

/** The fields that the shapes of stored items have in common. */

export const count: v.GenericSchema<unknown, number> = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(0),
);
export const time: v.GenericSchema<unknown, number> = v.pipe(count, v.maxValue(limits.timeMaxMs));
/** Of a registry, or a cooldown after a time of ours. Release 0.1.0 stored what no date can hold, too. */
export const anyTime: v.GenericSchema<unknown, number> = v.pipe(
  count,
  v.transform((atMs) => Math.min(atMs, limits.dateMaxMs)),
);
/** 0 is the state that was never stored. */
export const revision: v.GenericSchema<unknown, number> = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(1),
);
export const version: v.GenericSchema<unknown, string> = v.pipe(
  v.string(),
  v.regex(/^[1-9][0-9]*$/),
);
