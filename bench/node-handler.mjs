// Plays Lambda for the bundle. `node-handler.mjs BUNDLE [EVENT]`: with a JSON event it answers once,
// with `-` it only imports, without one it answers each line that it reads. Plain JavaScript, because
// taking the types out of a .ts file would count as start-up time of the function.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [bundle = '', event] = process.argv.slice(2);
const beforeImport = performance.now();
const cpuBeforeImport = process.cpuUsage();
const { handler } = bundle === '' ? {} : await import(pathToFileURL(bundle).href);
const importMs = performance.now() - beforeImport;
const importCpuMs = cpuMs(process.cpuUsage(cpuBeforeImport));

if (event === '-') report({ isDone: true, callMs: 0, callCpuMs: 0 });
else if (event !== undefined) await answer(event);
else {
  const { createInterface } = await import('node:readline');
  process.stdout.write('@ready\n');
  for await (const line of createInterface(process.stdin)) await answer(line);
}
process.exit(0);

/** @param {string} text */
async function answer(text) {
  const before = performance.now();
  const cpuBefore = process.cpuUsage();
  const result = await handler(JSON.parse(text));
  const callMs = performance.now() - before;
  const callCpuMs = cpuMs(process.cpuUsage(cpuBefore));
  report({ isDone: result.rolled_back, callMs, callCpuMs });
}

/** @param {{ user: number, system: number }} usage in microseconds, of all threads */
function cpuMs({ user, system }) {
  return (user + system) / 1_000;
}

/** @param {{ isDone: boolean, callMs: number, callCpuMs: number }} figures */
function report(figures) {
  const line = JSON.stringify({ ...figures, importMs, importCpuMs, peakKb: peakKb() });
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
