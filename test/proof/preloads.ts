/** Code that a function process loads before the bundle, so that nothing of `src/` knows of it. */
import type { Settings } from '../e2e/world.ts';

/** The n-th write of the SQLite store in a process, counted from 1. */
export interface CommitStrike {
  readonly nth: number;
  readonly moment: 'before' | 'after';
}

/** Each event finds the clock that much further than the one before. The monotonic clock stays true. */
export function advancingClock(minutesPerEvent: number): Settings {
  return preload(`
    const now = Date.now;
    let shiftMs = 0;
    Date.now = () => now() + shiftMs;
    process.on('message', () => { shiftMs += ${minutesPerEvent * 60_000}; });
  `);
}

/**
 * Waiting takes no time: each pause of the process moves its clock by its length instead, and so does the
 * pause that its caller would make before each event but the first. The monotonic clock stays true.
 */
export function skippingClock(callerPauseSeconds: number): Settings {
  return preload(`
    import { syncBuiltinESMExports } from 'node:module';
    import timers from 'node:timers/promises';
    const now = Date.now;
    let shiftMs = 0;
    Date.now = () => now() + shiftMs;
    process.once('message', () => {
      process.on('message', () => { shiftMs += ${callerPauseSeconds * 1_000}; });
    });
    timers.setTimeout = async (ms) => { shiftMs += ms; };
    syncBuiltinESMExports();
  `);
}

/**
 * The process kills itself just before or just after SQLite commits a write; with null it only logs
 * `COMMIT`. There is no socket to strike at.
 */
export function commitStrike(strike: CommitStrike | null): Settings {
  return preload(`
    import { DatabaseSync } from 'node:sqlite';
    const at = ${JSON.stringify(strike === null ? '' : `${strike.nth} ${strike.moment}`)};
    const { exec } = DatabaseSync.prototype;
    let isWrite = false;
    let nth = 0;
    const reach = (point) => {
      if (point !== at) return;
      process.kill(process.pid, 'SIGKILL');
      for (;;);
    };
    DatabaseSync.prototype.exec = function (sql) {
      if (sql.startsWith('BEGIN')) isWrite = sql === 'BEGIN IMMEDIATE';
      if (sql !== 'COMMIT' || !isWrite) return exec.call(this, sql);
      nth += 1;
      reach(nth + ' before');
      exec.call(this, sql);
      process.stdout.write('COMMIT\\n');
      reach(nth + ' after');
    };
  `);
}

// ---------------------------------------------------------------------------------------------------

function preload(code: string): Settings {
  // No space may be left in it: NODE_OPTIONS is split at them.
  const url = `data:text/javascript,${encodeURIComponent(code).replaceAll("'", '%27')}`;
  return { NODE_OPTIONS: `--import=${url}` };
}
