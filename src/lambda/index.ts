import { loadScript } from './code-cache.ts';
import type { Handler, startFunction } from './function.ts';

const { exports, isCacheUsed } = loadScript<{ readonly startFunction: typeof startFunction }>(
  import.meta.filename,
);
const started = await exports.startFunction({ problems: isCacheUsed ? [] : ['CodeCacheUnused'] });

/** The entry of the function: Lambda calls it for each event. */
export const handler: Handler = started.handler;
