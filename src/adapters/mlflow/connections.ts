import { type ClientRequest, Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { limits } from '../../domain/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import { tlsOptions } from './tls-files.ts';

/** How the registry is reached. */
export interface ConnectionOptions {
  /** False: any certificate of the server is accepted. */
  readonly isCertificateChecked: boolean;
  /** Path of a PEM file with the authorities that may have issued it; null: those that Node.js knows. */
  readonly authoritiesFile: string | null;
  /** Path of a PEM file with our own certificate and its key. */
  readonly clientCertificateFile: string | null;
  readonly proxy: {
    /** The variable that names it. */
    readonly variable: string;
    /** May hold a login: secret. */
    readonly url: string;
    /** Host and port, for people. */
    readonly address: string;
  } | null;
}

/**
 * Which connections the calls to a registry go over. To `https:` they are kept, since TLS costs more than
 * anything that is lost by it. To plain `http:` each call has its own at first: an MLflow server with several
 * workers answers about 40 ms later on a kept one (the body of its answer waits for our acknowledgement of the
 * head, which the system delays), and most processes end after one rollback. A process that lives on tries to
 * keep them, and stops for good when it sees that wait. A server that says `Connection: close` is obeyed.
 */
export class Connections {
  readonly #clock: Clock;
  readonly #isTls: boolean;
  readonly #options: ConnectionOptions | undefined;
  /** Made when it is first needed. */
  #kept: HttpAgent | HttpsAgent | null;
  /** Null where every connection is kept. */
  readonly #single: HttpAgent | null;
  #calls = 0;
  #isWaitSeen = false;
  #lastUsedMs = 0;

  /** @param agent in place of those of its own: every call goes over it */
  constructor(
    protocol: string,
    clock: Clock,
    {
      connection,
      agent,
    }: {
      readonly connection?: ConnectionOptions | undefined;
      readonly agent?: HttpAgent | undefined;
    } = {},
  ) {
    this.#isTls = protocol === 'https:';
    this.#clock = clock;
    this.#options = connection;
    const isKept = this.#isTls || agent !== undefined;
    this.#single = isKept
      ? null
      : new HttpAgent({ keepAlive: false, maxSockets, ...this.#proxy() });
    this.#kept = agent ?? null;
  }

  /** What is on the way, for people; null: nothing. */
  get way(): string | null {
    const { proxy = null } = this.#options ?? {};
    return proxy === null ? null : `by the proxy ${proxy.address} that ${proxy.variable} names`;
  }

  /**
   * For the next call. An idle connection is not used again when the server may be closing it.
   * @throws ConfigurationError when a file with certificates cannot be used
   */
  next(): HttpAgent | HttpsAgent {
    const nowMs = this.#clock.nowMs();
    const idleMs = nowMs - this.#lastUsedMs;
    this.#lastUsedMs = nowMs;
    // By the wall clock: Lambda freezes a process with its timers, and the server's go on.
    if (idleMs < 0 || idleMs > limits.idleConnectionMs) this.#dropIdle();
    this.#calls += 1;
    const isFirst = this.#calls <= limits.singleConnectionCalls;
    if (this.#single !== null && (isFirst || this.#isWaitSeen)) return this.#single;
    this.#kept ??= this.#makeKept();
    return this.#kept;
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
    this.#kept?.destroy();
    this.#single?.destroy();
  }

  #dropIdle(): void {
    for (const sockets of Object.values(this.#kept?.freeSockets ?? {})) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }

  #makeKept(): HttpAgent | HttpsAgent {
    const kept = { keepAlive: true, maxSockets, ...this.#proxy() };
    if (!this.#isTls) return new HttpAgent(kept);
    return new HttpsAgent({ ...kept, ...(this.#options && tlsOptions(this.#options)) });
  }

  #proxy(): { readonly proxyEnv?: { readonly [name: string]: string } } {
    const { proxy = null } = this.#options ?? {};
    if (proxy === null) return {};
    return { proxyEnv: { [this.#isTls ? 'HTTPS_PROXY' : 'HTTP_PROXY']: proxy.url } };
  }
}

// ---------------------------------------------------------------------------------------------------

const maxSockets = 8;
