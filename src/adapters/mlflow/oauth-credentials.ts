import * as v from 'valibot';
import { ConfigurationError, messageOf, RegistryUnavailableError } from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import { limits } from '../../domain/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Credentials } from '../../ports/credentials.ts';
import { type Deadline, deadlineAfter } from '../../ports/deadline.ts';
import { connectionProblem } from './connection-problem.ts';
import { type ConnectionOptions, Connections } from './connections.ts';
import { exchange, type HttpAnswer, NoAnswerError } from './http-exchange.ts';
import { secretsIn } from './sent-secrets.ts';

export interface OAuthOptions {
  /** Of the workspace. */
  readonly baseUrl: URL;
  readonly clientId: string;
  /** Secret. */
  readonly clientSecret: string;
  /** Where they are set, for people. */
  readonly source: string;
  readonly connection?: ConnectionOptions;
}

/**
 * A token of a service principal: fetched when it is first needed, kept until shortly before its end, and fetched
 * again when it is refused.
 */
export class OAuthCredentials implements Credentials {
  readonly source: string;
  readonly #options: OAuthOptions;
  readonly #clock: Clock;
  readonly #connections: Connections;
  #kept: Token | null = null;
  /** One call at a time: requests at the same moment share it, each for as long as it has time itself. */
  #fetching: Promise<Token> | null = null;

  constructor(options: OAuthOptions, clock: Clock) {
    this.source = options.source;
    this.#options = options;
    this.#clock = clock;
    const { baseUrl, connection } = options;
    this.#connections = new Connections(baseUrl.protocol, clock, { connection });
  }

  async authorization(deadline: Deadline): Promise<string> {
    return this.#usable() ?? (await this.#fetchOnce(deadline));
  }

  async renew(refused: string | null, deadline: Deadline): Promise<string | null> {
    // Another call was refused too, and has fetched one already.
    const kept = this.#usable();
    if (kept !== null && kept !== refused) return kept;
    const now = await this.#fetchOnce(deadline);
    return now === refused ? null : now;
  }

  close(): void {
    this.#connections.close();
  }

  /** By the wall clock: a machine may have slept. */
  #usable(): string | null {
    const kept = this.#kept;
    return kept !== null && this.#clock.nowMs() < kept.usableUntilMs ? kept.authorization : null;
  }

  async #fetchOnce(deadline: Deadline): Promise<string> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = null;
    });
    const token = await Promise.race([this.#fetching, timeUp(deadline)]);
    if (token === null) {
      throw new RegistryUnavailableError('No time was left to get a token. Try again.');
    }
    return token.authorization;
  }

  async #fetch(): Promise<Token> {
    const { baseUrl, clientId, clientSecret } = this.#options;
    const login = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
    const body = Buffer.from('grant_type=client_credentials&scope=all-apis');
    const headers = {
      accept: 'application/json',
      authorization: `Basic ${login}`,
      'content-length': String(body.length),
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': 'model-rollback',
    };
    const url = new URL('/oidc/v1/token', baseUrl);
    const within = deadlineAfter(this.#clock, limits.secretTimeoutMs);
    let answer: HttpAnswer;
    try {
      const request = { method: 'POST', url, headers, body } as const;
      answer = await exchange(this.#connections, request, this.#clock, within);
    } catch (error) {
      if (!(error instanceof NoAnswerError)) throw error;
      throw this.#unanswered(error);
    }
    const token = answer.status === 200 ? tokenIn(answer.text) : null;
    if (token === null) throw this.#refusal(answer, secretsIn(headers));
    const { access_token: access, expires_in: seconds } = token;
    const marginMs = Math.min(limits.tokenMarginMs, (seconds * 1_000) / 2);
    const usableUntilMs = this.#clock.nowMs() + seconds * 1_000 - marginMs;
    this.#kept = { authorization: `Bearer ${access}`, usableUntilMs };
    return this.#kept;
  }

  #unanswered(error: NoAnswerError): ConfigurationError | RegistryUnavailableError {
    const { origin } = this.#options.baseUrl;
    const problem = connectionProblem(error);
    if (problem !== null) {
      return new ConfigurationError(
        `DATABRICKS_HOST names ${origin}, and ${problem.what}. Nothing was sent. ${problem.fix}`,
        { cause: error },
      );
    }
    return new RegistryUnavailableError(
      `${origin} did not answer when it was asked for a token: ${messageOf(error)}. Check DATABRICKS_HOST, then try again.`,
      { cause: error },
    );
  }

  /** An answer of 200 is never shown: it may hold a token. */
  #refusal(
    { status, text }: HttpAnswer,
    secrets: readonly string[],
  ): ConfigurationError | RegistryUnavailableError {
    const { origin } = this.#options.baseUrl;
    const asked = `${origin} was asked for a token and answered`;
    if (status === 200) {
      return new ConfigurationError(
        `${asked} with something else. Check that DATABRICKS_HOST is the address of a workspace.`,
      );
    }
    const masked = secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), text);
    const said = `${status}: ${escapeText(masked.replaceAll(/\s+/g, ' ').slice(0, 300))}`;
    if (status >= 500 || status === 429 || status === 408) {
      return new RegistryUnavailableError(`${asked} ${said}. Try again.`);
    }
    return new ConfigurationError(
      `${asked} ${said}. Check DATABRICKS_HOST and ${this.source}: the secret may have expired or been deleted, and the ` +
        'service principal must be in the workspace.',
    );
  }
}

// ---------------------------------------------------------------------------------------------------

interface Token {
  /** The value of the header. Secret. */
  readonly authorization: string;
  readonly usableUntilMs: number;
}

const tokenAnswer = v.object({
  access_token: v.pipe(v.string(), v.regex(/^[\x21-\x7e]+$/)),
  token_type: v.pipe(v.string(), v.regex(/^bearer$/i)),
  expires_in: v.pipe(v.number(), v.minValue(1), v.maxValue(31_536_000)),
});

function tokenIn(text: string): v.InferOutput<typeof tokenAnswer> | null {
  try {
    const found = v.safeParse(tokenAnswer, JSON.parse(text));
    return found.success ? found.output : null;
  } catch {
    return null;
  }
}

function timeUp(deadline: Deadline): Promise<null> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(Math.max(0, Math.ceil(deadline.leftMs())));
    signal.addEventListener('abort', () => resolve(null), { once: true });
  });
}
