import * as v from 'valibot';
import { type ModelPolicy, policyFieldNames, policyFields } from '../request/policy.ts';

/** The shape of a stored policy: each field is what a person may set; another one is of a later release, and kept. */
export const policyShape: v.GenericSchema<unknown, ModelPolicy> = v.looseObject(
  Object.fromEntries(
    policyFieldNames.map((name) => {
      const isAllowed = (text: string): boolean => policyFields[name].check(text) !== undefined;
      const form = v.pipe(
        v.string(),
        v.check(isAllowed, `it must be ${policyFields[name].allowed}`),
      );
      return [name, v.exactOptional(form)];
    }),
  ),
);
