import type { Terminal } from '../../src/cli/run.ts';

/** A command without a terminal: what it wrote to both streams. */
export interface Streams {
  out: string;
  err: string;
}

/** Collects what a command writes. @param change what is otherwise on the terminal */
export function pipes(streams: Streams, change: Partial<Terminal> = {}): Terminal {
  return {
    env: {},
    columns: null,
    rows: null,
    timeZone: 'UTC',
    isColoured: () => false,
    out: (text) => {
      streams.out += text;
    },
    err: (text) => {
      streams.err += text;
    },
    line: null,
    ask: null,
    listen: () => ({
      signal: new AbortController().signal,
      wait: async () => undefined,
      close: () => undefined,
    }),
    ...change,
  };
}
