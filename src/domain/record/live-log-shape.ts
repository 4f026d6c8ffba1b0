import * as v from 'valibot';
import { pointerForm } from '../request/setting-form.ts';
import type { HeadsItem, LiveLogEntry } from '../state/live-log.ts';
import { mapOf, revision, time, version } from './stored-fields.ts';

/** The shape of the items of the live log: open, as that of all items. */

export const liveLogShape: v.GenericSchema<unknown, LiveLogEntry> = v.looseObject({
  modelName: v.string(),
  pointer: v.string(),
  version: v.nullable(version),
  atMs: time,
  notBeforeMs: v.nullable(time),
  how: v.string(),
  hasGap: v.boolean(),
  source: v.nullable(v.string()),
});

const pointerText = v.pipe(
  v.string(),
  v.check((text) => pointerForm.parse(text) !== undefined, `it must be ${pointerForm.allowed}`),
);
const headShape = v.looseObject({ version: v.nullable(version), atMs: time });
export const headsShape: v.GenericSchema<unknown, HeadsItem> = v.looseObject({
  part: v.string(),
  revision,
  heads: mapOf(mapOf(headShape)),
  policies: v.exactOptional(mapOf(pointerText)),
  cursor: v.exactOptional(
    v.looseObject({
      next: v.nullable(v.string()),
      notBeforeMs: time,
      passBeganAtMs: time,
      passMs: time,
    }),
  ),
});
