/** Runs the command in this process, and reports on stderr how long it took and the most memory it had. */
import { join } from 'node:path';

const startedMs = performance.now();
process.on('exit', () => {
  const callMs = performance.now() - startedMs;
  const { maxRSS: peakKb } = process.resourceUsage();
  process.stderr.write(`\n@bench ${JSON.stringify({ callMs, peakKb })}\n`);
});
await import(join(import.meta.dirname, '..', 'dist', 'cli', 'main.js'));
