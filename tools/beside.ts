import { spawn } from 'node:child_process';

/**
 * Runs its arguments, command lines each, beside each other; every one prints its output when it has
 * ended. Exit code 1 when one of them fails. npm has put the commands of `node_modules` on the path.
 */
const results = await Promise.all(process.argv.slice(2).map(run));
process.exitCode = results.every(Boolean) ? 0 : 1;

// ---------------------------------------------------------------------------------------------------

/** Answers whether it succeeded. */
async function run(line: string): Promise<boolean> {
  const startMs = performance.now();
  const child = spawn(line, { shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => output.push(data));
  const { promise, resolve } = Promise.withResolvers<boolean>();
  child.once('close', (code) => resolve(code === 0));
  const isDone = await promise;
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
  process.stdout.write(Buffer.concat(output));
  process.stdout.write(`${isDone ? 'ok    ' : 'FAILED'} ${line} (${seconds} s)\n`);
  return isDone;
}
