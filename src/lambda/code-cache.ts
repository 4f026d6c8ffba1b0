/**
 * The code of the function is a script in a comment at the end of its entry, so that the entry works wherever it is
 * copied to; beside it stands a code cache: what V8 compiled of the script when it was built. A process that may use
 * the cache compiles nothing of that again, which is half of the work of a cold start.
 *
 * V8 itself rejects a cache of another version, of other flags or of another build of Node. But it takes any source
 * of the same length for the same, and does not check the data. So the file begins with the runtime that it is for,
 * and a digest of source and data.
 */

// Not by import: that reads every export of a module of Node (tools/build.mjs).
const { createHash } = process.getBuiltinModule('node:crypto');
const { readFileSync, writeFileSync } = process.getBuiltinModule('node:fs');
const { dirname, join } = process.getBuiltinModule('node:path');
const { Script } = process.getBuiltinModule('node:vm');

export interface LoadedScript<Exports> {
  readonly exports: Exports;
  /** False where the script had to be compiled: the cache is missing, damaged, or not for this runtime. */
  readonly isCacheUsed: boolean;
  /** Writes what is compiled by now, for later processes. */
  writeCache(): void;
}

/**
 * A script as the comment at the end of a file. ASCII only: Node reads that without decoding it.
 * @throws Error for what such a comment cannot hold
 */
export function embedded(script: string): string {
  if (script.includes(commentEnd.stored) || !/^[\0-\x7f]*$/.test(script)) {
    throw new Error('The script cannot stand in a comment.');
  }
  return `${opening}${script.replaceAll(commentEnd.real, commentEnd.stored)}${closing}`;
}

/** Runs the script at the end of a file, with the code cache beside the file. */
export function loadScript<Exports>(file: string): LoadedScript<Exports> {
  const cacheFile = join(dirname(file), 'function.cache');
  const whole = readFileSync(file, 'latin1');
  const from = whole.indexOf(opening);
  if (from < 0 || !whole.endsWith(closing)) throw new Error(`${file} is not whole.`);
  const source = whole
    .slice(from + opening.length, -closing.length)
    .replaceAll(commentEnd.stored, commentEnd.real);
  const cachedData = readCache(cacheFile, source);
  // Stack traces name the line of the file.
  const lineOffset = whole.slice(0, from + opening.length).split('\n').length - 1;
  const script = new Script(source, { filename: file, lineOffset, ...cachedData });
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

const opening = '\n/* function\n';
const closing = '\n*/\n';
/** It would end the comment; the other stands in its place. */
const commentEnd = { real: '*/', stored: '*~/' } as const;
const runtime = Buffer.from(`${process.versions.v8} ${process.platform} ${process.arch}\n`);
const digestBytes = 32;

/** Null when there is none that was made of this source, by this version of V8, for this kind of processor. */
function readCache(file: string, source: string): { readonly cachedData: Buffer } | null {
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

function digestOf(source: string, data: Buffer): Buffer {
  return createHash('sha256').update(source, 'latin1').update(data).digest();
}
