import { type ClientRequest, Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { limits } from '../../domain/limits.ts';
import type { Clock } from '../../ports/clock.ts';

/**
 * Which connections the calls to a registry go over. To `https:` they are kept, since TLS costs more than
 * anything that is lost by it. To plain `http:` each call has its own at first: an MLflow server with several
 * workers answers about 40 ms later on a kept one (the body of its answer waits for our acknowledgement of the
 * head, which the system delays), and most processes end after one rollback. A process that lives on tries to
 * keep them, and stops for good when it sees that wait. A server that says `Connection: close` is obeyed.
 */
export class Connections {
  readonly #clock: Clock;
  readonly #kept: HttpAgent | HttpsAgent;
  /** Null where every connection is kept. */
  readonly #single: HttpAgent | null;
  #calls = 0;
  #isWaitSeen = false;
  #lastUsedMs = 0;

  /** @param agent in place of those of its own: every call goes over it */
  constructor(protocol: string, clock: Clock, agent: HttpAgent | undefined) {
    const maxSockets = 8;
    const isKept = protocol === 'https:' || agent !== undefined;
    this.#clock = clock;
    this.#single = isKept ? null : new HttpAgent({ keepAlive: false, maxSockets });
    this.#kept =
      agent ??
      (protocol === 'https:'
        ? new HttpsAgent({ keepAlive: true, maxSockets })
        : new HttpAgent({ keepAlive: true, maxSockets }));
  }

  /** For the next call. An idle connection is not used again when the server may be closing it. */
  next(): HttpAgent | HttpsAgent {
    const nowMs = this.#clock.nowMs();
    const idleMs = nowMs - this.#lastUsedMs;
    this.#lastUsedMs = nowMs;
    // By the wall clock: Lambda freezes a process with its timers, and the server's go on.
    if (idleMs < 0 || idleMs > limits.idleConnectionMs) this.#dropIdle();
    this.#calls += 1;
    const isFirst = this.#calls <= limits.singleConnectionCalls;
    return this.#single !== null && (isFirst || this.#isWaitSeen) ? this.#single : this.#kept;
  }

  /** Looks at how the answer to a call comes in. */
  watch(request: ClientRequest, response: IncomingMessage): void {
    const headMs = this.#clock.monotonicMs();
    response.once('end', () => {
      this.#lastUsedMs = this.#clock.nowMs();
      const waitMs = this.#clock.monotonicMs() - headMs;
      if (request.reusedSocket && waitMs >= limits.keptWaitMs) this.#isWaitSeen = true;
    });
  }

  /** Ends all of them, those in use too. */
  close(): void {
    this.#kept.destroy();
    this.#single?.destroy();
  }

  #dropIdle(): void {
    for (const sockets of Object.values(this.#kept.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }
}
