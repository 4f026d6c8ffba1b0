/** Waiting for what a server or a process does in its own time. */
import { setTimeout as delay } from 'node:timers/promises';

/** Asks again until the answer is as wanted; throws, with the last one, when it never is. */
export async function poll<T>(
  ask: () => Promise<T>,
  isWanted: (value: T) => boolean,
  { timeoutMs, pauseMs = 100 }: { readonly timeoutMs: number; readonly pauseMs?: number },
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await ask();
    if (isWanted(value)) return value;
    if (performance.now() > deadline) {
      throw new Error(`not within ${timeoutMs} ms; the last one was ${JSON.stringify(value)}`);
    }
    await delay(pauseMs);
  }
}
