import { writeSync } from 'node:fs';

/**
 * Writes text to stdout, whole, before it returns, as `process.stdout` does for pipes, but without
 * opening a stream for it: that is 2 ms of a process that is nearly always cold. Never throws, since a
 * log that nobody can take must not stop a rollback.
 */
export function writeText(text: string): void {
  if (isStreamOpen) {
    process.stdout.write(text);
    return;
  }
  let rest = Buffer.from(text);
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(1, rest));
  } catch (error) {
    // A pipe that is full for the moment: the stream waits until it can take more.
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') {
      isStreamOpen = true;
      process.stdout.write(rest);
    }
  }
}

export function writeLine(line: string): void {
  writeText(`${line}\n`);
}

// ---------------------------------------------------------------------------------------------------

/** Of the process: what the stream still holds must not be overtaken. */
let isStreamOpen = false;
