import { messageOf } from '../domain/errors.ts';
import type { Logger } from '../ports/logger.ts';
import { httpLimits } from './http-limits.ts';

/** Work that goes on after the answer to its request. */
export interface Afterwards {
  /**
   * Waits for some work, for at most a second.
   * @returns what it gives, or null: then it goes on, and `settle` is called with what it gives
   * @throws what the work throws within that time
   */
  within<T extends object>(
    work: Promise<T>,
    settle: (given: T) => Promise<void>,
  ): Promise<T | null>;
  /** Does some work, or waits for the same that is under way: whoever asks often adds nothing to it. */
  once<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** Waits before work is tried once more. False: the service stops, and there is no more time. */
  pause(ms: number): Promise<boolean>;
  /** Cuts pauses short, and waits for all that goes on. */
  end(boundMs: number): Promise<void>;
}

export function makeAfterwards(logger: Logger): Afterwards {
  const going = new Set<Promise<void>>();
  const underWay = new Map<string, Promise<unknown>>();
  const stop = new AbortController();
  return {
    once: async <T>(key: string, work: () => Promise<T>): Promise<T> => {
      const same = underWay.get(key);
      if (same !== undefined) return (await same) as T;
      const begun = work().finally(() => underWay.delete(key));
      underWay.set(key, begun);
      return await begun;
    },
    within: async (work, settle) => {
      const timer = new AbortController();
      const late = wait(httpLimits.httpAnswerMs, timer.signal).then(() => null);
      const given = await Promise.race([work, late]).finally(() => timer.abort());
      if (given !== null) return given;
      const rest = work.then(settle).catch((error: unknown) => {
        logger.log('error', 'work after an answer failed', { error: messageOf(error) });
      });
      going.add(rest);
      void rest.finally(() => going.delete(rest));
      return null;
    },
    pause: async (ms) => {
      await wait(ms, stop.signal);
      return !stop.signal.aborted;
    },
    end: async (boundMs) => {
      stop.abort();
      const timer = new AbortController();
      await Promise.race([Promise.all(going), wait(boundMs, timer.signal)]);
      timer.abort();
    },
  };
}

// ---------------------------------------------------------------------------------------------------

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}
