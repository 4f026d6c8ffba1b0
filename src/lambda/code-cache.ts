/**
 * The code of the function is a script that stands beside its entry, with a code cache: what V8 compiled of it
 * when it was built. A process that may use the cache compiles nothing of that again, which is half of the work of
 * a cold start.
 *
 * V8 itself rejects a cache of another version, of other flags or of another build of Node. But it takes any source
 * of the same length for the same, and does not check the data. So the file begins with the runtime that it is for,
 * and a digest of source and data.
 */

// Not by import: that reads every export of a module of Node (tools/build.mjs).
const { createHash } = process.getBuiltinModule('node:crypto');
const { readFileSync, writeFileSync } = process.getBuiltinModule('node:fs');
const { join } = process.getBuiltinModule('node:path');
const { Script } = process.getBuiltinModule('node:vm');

export interface LoadedScript<Exports> {
  readonly exports: Exports;
  /** False where the script had to be compiled: the cache is missing, damaged, or not for this runtime. */
  readonly isCacheUsed: boolean;
  /** Writes what is compiled by now, for later processes. */
  writeCache(): void;
}

/** Runs `function.cjs` of a folder. */
export function loadScript<Exports>(folder: string): LoadedScript<Exports> {
  const file = join(folder, 'function.cjs');
  const cacheFile = join(folder, 'function.cache');
  const source = readFileSync(file);
  const cachedData = readCache(cacheFile, source);
  const script = new Script(source.toString(), { filename: file, ...cachedData });
  const module = { exports: {} as Exports };
  script.runInThisContext()(process.getBuiltinModule, module);
  return {
    exports: module.exports,
    isCacheUsed: script.cachedDataRejected === false,
    writeCache: () => {
      const data = script.createCachedData();
      writeFileSync(cacheFile, Buffer.concat([runtime, digestOf(source, data), data]));
    },
  };
}

// ---------------------------------------------------------------------------------------------------

const runtime = Buffer.from(`${process.versions.v8} ${process.platform} ${process.arch}\n`);
const digestBytes = 32;

/** Null when there is none that was made of this source, by this version of V8, for this kind of processor. */
function readCache(file: string, source: Buffer): { readonly cachedData: Buffer } | null {
  let cache: Buffer;
  try {
    cache = readFileSync(file);
  } catch {
    return null;
  }
  if (!cache.subarray(0, runtime.length).equals(runtime)) return null;
  const digest = cache.subarray(runtime.length, runtime.length + digestBytes);
  const cachedData = cache.subarray(runtime.length + digestBytes);
  return digestOf(source, cachedData).equals(digest) ? { cachedData } : null;
}

function digestOf(source: Buffer, data: Buffer): Buffer {
  return createHash('sha256').update(source).update(data).digest();
}
