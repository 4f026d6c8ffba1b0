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

/**
 * Values by any name. `v.record` drops the names `prototype`, `constructor` and `__proto__` without a word, and a
 * registered model may have one of them.
 */
export function mapOf<T>(
  value: v.GenericSchema<unknown, T>,
): v.GenericSchema<unknown, Readonly<Record<string, T>>> {
  return v.pipe(
    v.custom<Readonly<Record<string, unknown>>>(
      (input) => typeof input === 'object' && input !== null && !Array.isArray(input),
      'Invalid type: Expected Object',
    ),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const entries: [name: string, value: T][] = [];
      for (const [key, one] of Object.entries(dataset.value)) {
        const result = v.safeParse(value, one);
        if (!result.success) {
          const [{ message, path = [] }] = result.issues;
          const at = {
            type: 'object',
            origin: 'value',
            input: dataset.value,
            key,
            value: one,
          } as const;
          addIssue({ message, path: [at, ...path] });
          return NEVER;
        }
        entries.push([key, result.output]);
      }
      return Object.fromEntries(entries);
    }),
  );
}
