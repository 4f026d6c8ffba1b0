#!/usr/bin/env node
import { createInterface } from 'node:readline/promises';
import { run } from './run.ts';

/** The command `model-rollback` (docs/reference/command.md). */
const { stdin, stdout, stderr, env, argv } = process;
// A reader that went away (`| head`) is no reason for a stack trace.
stdout.on('error', () => process.exit(1));

process.exitCode = await run(argv.slice(2), {
  env,
  isColoured: (stream) =>
    !env['NO_COLOR'] && (stream === 'stdout' ? stdout : stderr).isTTY === true,
  out: (text) => stdout.write(text),
  err: (text) => stderr.write(text),
  ask:
    stdin.isTTY && stderr.isTTY
      ? async (question) => {
          const terminal = createInterface({ input: stdin, output: stderr });
          try {
            return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
          } finally {
            terminal.close();
          }
        }
      : null,
});
