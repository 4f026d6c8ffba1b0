// Plays Lambda for the bundle. `node-handler.mjs BUNDLE [EVENT]`: with a JSON event it answers once,
// with `-` it only imports, without one it answers each line that it reads. Plain JavaScript, because
// taking the types out of a .ts file would count as start-up time of the function.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [bundle = '', event] = process.argv.slice(2);
const beforeImport = performance.now();
const { handler } = bundle === '' ? {} : await import(pathToFileURL(bundle).href);
const importMs = performance.now() - beforeImport;

if (event === '-') report({ isDone: true, callMs: 0 });
else if (event !== undefined) await answer(event);
else {
  const { createInterface } = await import('node:readline');
  for await (const line of createInterface(process.stdin)) await answer(line);
}
process.exit(0);

/** @param {string} text */
async function answer(text) {
  const before = performance.now();
  const result = await handler(JSON.parse(text));
  const callMs = performance.now() - before;
  report({ isDone: result.rolled_back, callMs });
}

/** @param {{ isDone: boolean, callMs: number }} figures */
function report(figures) {
  const line = JSON.stringify({ ...figures, importMs, peakKb: peakKb() });
  process.stdout.write(`@bench ${line}\n`);
}

/** Of this process alone: `maxRSS` also has the memory of the parent, before exec. */
function peakKb() {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  } catch {
    return process.resourceUsage().maxRSS;
  }
}
