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

/** @param {string} text an event, or `{ events: […], width: 20 }`: so many of them at a time */
async function answer(text) {
  const { events, width = 1, ...event } = JSON.parse(text);
  const before = performance.now();
  const cpuBefore = process.cpuUsage();
  const left = events ?? [event];
  let done = 0;
  const serve = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      if ((await handler(next)).rolled_back) done += 1;
    }
  };
  await Promise.all(Array.from({ length: width }, serve));
  const callMs = performance.now() - before;
  const callCpuMs = cpuMs(process.cpuUsage(cpuBefore));
  report({ isDone: events !== undefined || done > 0, done, callMs, callCpuMs });
}

/** @param {{ user: number, system: number }} usage in microseconds, of all threads */
function cpuMs({ user, system }) {
  return (user + system) / 1_000;
}

/** @param {{ isDone: boolean, done?: number, callMs: number, callCpuMs: number }} figures */
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
