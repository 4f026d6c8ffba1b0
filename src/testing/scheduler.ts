import type { Choices } from './choices.ts';

/** How a call ends, as far as its caller and the called side are concerned. */
export type Fate =
  /** It happens and is answered. */
  | 'done'
  /** It happens; the answer comes later. */
  | 'slow-answer'
  /** It does not happen; the caller hears nothing. */
  | 'lost-request'
  /** It happens; the caller hears nothing. */
  | 'lost-answer'
  /** The caller hears nothing; it happens later. */
  | 'late'
  /** The caller dies before it happens, or right after. */
  | 'crash-before'
  | 'crash-after';

interface Waiting {
  readonly actor: string;
  readonly label: string;
  readonly sentAtMs: number;
  /** Lets the call meet its fate. */
  readonly go: (fate: Fate) => Promise<void>;
  readonly isWrite: boolean;
  readonly isFaultless: boolean;
}

export interface CallOptions<T> {
  readonly actor: string;
  readonly label: string;
  readonly isWrite: boolean;
  readonly run: () => Promise<T>;
  /** What the caller gets when it hears nothing. */
  readonly lost: () => Promise<T>;
  /** When it was sent, if not now. */
  readonly sentAtMs?: number;
  /** True for what happens in the world itself. */
  readonly isFaultless?: boolean;
}

/** A sent write takes effect within this, or never (the write horizon less the clock skew). */
const lateMaxMs = 29_000;
/** Milliseconds that pass between two steps; the first is the harmless one. */
const pauses = [0, 1, 2, 7, 40, 300, 2_500, 11_000, 35_000, 70_000, 130_000];

/**
 * Runs several actors one call at a time: which goes next, how long it took, and what becomes of it is
 * a choice. Between two steps every actor has run as far as it can, so a run is the same every time.
 */
export class Scheduler {
  readonly #choices: Choices;
  readonly #waiting: Waiting[] = [];
  readonly #dead = new Set<string>();
  readonly trace: string[] = [];
  /** Milliseconds of true time. */
  nowMs: number;
  /** Percentage of calls with another fate than `done`. */
  faultPercent = 0;
  /** No time passes between two calls. */
  isCalm = false;

  constructor(choices: Choices, nowMs: number) {
    this.#choices = choices;
    this.nowMs = nowMs;
  }

  isDead(actor: string): boolean {
    return this.#dead.has(actor);
  }

  /** A call of a port: it waits until the scheduler lets it go. */
  call<T>(options: CallOptions<T>): Promise<T> {
    const { actor, label, isWrite, run, lost, sentAtMs = this.nowMs } = options;
    const { isFaultless = false } = options;
    return new Promise<T>((resolve, reject) => {
      const answer = (result: Promise<T>): Promise<void> => result.then(resolve, reject);
      this.#waiting.push({
        actor,
        label,
        isWrite,
        isFaultless,
        sentAtMs,
        go: async (fate) => {
          switch (fate) {
            case 'crash-before':
              this.#dead.add(actor);
              return;
            case 'crash-after':
              this.#dead.add(actor);
              await run().catch(() => undefined);
              return;
            case 'lost-request':
              return await answer(lost());
            case 'lost-answer':
              await run().catch(() => undefined);
              return await answer(lost());
            case 'late':
              this.#later(
                { actor, label: `${label} arrives late`, sentAtMs, isArrival: true },
                async () => {
                  await run().catch(() => undefined);
                },
              );
              return await answer(lost());
            case 'slow-answer': {
              const result = run();
              await result.catch(() => undefined);
              this.#later(
                { actor, label: `${label} is answered`, sentAtMs, isArrival: false },
                () => answer(result),
              );
              return;
            }
            default:
              return await answer(run());
          }
        },
      });
    });
  }

  /** Lets everything that waits go, until nothing waits any more. */
  async settle(stepsMax: number): Promise<void> {
    for (let step = 0; ; step += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#dropDead();
      if (this.#waiting.length === 0) return;
      if (step >= stepsMax) throw new Error(`the simulation did not end within ${stepsMax} steps`);
      const [next] = this.#waiting.splice(this.#choices.pick(this.#waiting.length), 1);
      if (next === undefined) continue;
      const pause =
        !this.isCalm && this.#choices.happens(30) ? this.#choices.pick(pauses.length) : 0;
      this.nowMs += pauses[pause] ?? 0;
      const fate = this.#fateOf(next);
      this.trace.push(
        `${this.nowMs} ${next.actor}: ${next.label}${fate === 'done' ? '' : ` [${fate}]`}`,
      );
      await next.go(fate);
    }
  }

  #fateOf(call: Waiting): Fate {
    if (call.isFaultless) return 'done';
    // It lay in the network for longer than any write may.
    if (call.isWrite && this.nowMs - call.sentAtMs > lateMaxMs) return 'lost-request';
    if (!this.#choices.happens(this.faultPercent)) return 'done';
    const fates: readonly Fate[] = call.isWrite
      ? ['slow-answer', 'lost-request', 'lost-answer', 'late', 'crash-before', 'crash-after']
      : ['slow-answer', 'lost-request', 'lost-answer', 'crash-before', 'crash-after'];
    return fates[this.#choices.pick(fates.length)] ?? 'done';
  }

  /** What the network or the called side does by itself; a dead caller does not stop it. */
  #later(
    call: { actor: string; label: string; sentAtMs: number; isArrival: boolean },
    go: () => Promise<void>,
  ): void {
    const { actor, label, sentAtMs, isArrival } = call;
    this.#waiting.push({
      actor: isArrival ? `network of ${actor}` : actor,
      label,
      isWrite: isArrival,
      isFaultless: true,
      sentAtMs,
      go: async () => {
        if (isArrival && this.nowMs - sentAtMs > lateMaxMs) return;
        await go();
      },
    });
  }

  #dropDead(): void {
    for (let index = this.#waiting.length - 1; index >= 0; index -= 1) {
      const waiting = this.#waiting[index];
      if (waiting !== undefined && this.#dead.has(waiting.actor)) this.#waiting.splice(index, 1);
    }
  }
}
