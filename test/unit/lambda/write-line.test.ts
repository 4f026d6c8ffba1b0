import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const source = fileURLToPath(new URL('../../../src/lambda/write-line.ts', import.meta.url));

/** Runs a script in a process of its own, and reads what comes out of its pipe. */
const outputOf = async (script: string, isSlow = false): Promise<string> => {
  const code = `import { writeLine, writeText } from ${JSON.stringify(source)};\n${script}`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const parts: Buffer[] = [];
  // Nobody reads before the writer has said on its way out that it is done, or is stuck in the pipe.
  if (isSlow) await new Promise((resolve) => child.stdout.once('readable', resolve));
  for await (const part of child.stdout) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
};

describe('writeLine', () => {
  test('writes each line at once, in order, before the process is killed', async () => {
    const script = `writeLine('one ä'); writeLine('two'); process.kill(process.pid, 'SIGKILL');`;
    expect(await outputOf(script)).toBe('one ä\ntwo\n');
  });

  test('writes a text that is larger than the pipe', async () => {
    const script = `writeLine('ä'.repeat(600_000)); writeLine('end');`;
    expect(await outputOf(script, true)).toBe(`${'ä'.repeat(600_000)}\nend\n`);
  });

  test('writes all of it to a pipe that does not wait', async () => {
    // Opening the stream makes the pipe one that does not wait for its reader.
    const script = `process.stdout; writeText('ä'.repeat(600_000)); writeLine(''); writeLine('end');`;
    expect(await outputOf(script, true)).toBe(`${'ä'.repeat(600_000)}\nend\n`);
  });

  test('does not throw when nobody can take a line', async () => {
    const script = `
      import { closeSync } from 'node:fs';
      closeSync(1);
      try { writeLine('one'); } catch { process.exitCode = 1; }
      process.exit();`;
    const code = `import { writeLine } from ${JSON.stringify(source)};\n${script}`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', code]);
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
  });
});
