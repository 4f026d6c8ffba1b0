import type { Clock } from '../ports/clock.ts';
import { HttpError } from './http-error.ts';
import { httpLimits } from './http-limits.ts';
import { findToken, type Role, type Token } from './tokens.ts';

/** Who may call the service. */
export type AccessPolicy =
  /** Whoever can reach it: on the loopback interface only, and under these names (`127.0.0.1:8080`). */
  | {
      readonly kind: 'open';
      readonly hosts: () => readonly string[];
      /** Who acts, for the record; null where that is not known. @default null */
      readonly name?: string | null;
    }
  | { readonly kind: 'tokens'; readonly tokens: readonly Token[] };

/** Who calls. */
export interface Caller {
  readonly role: Role;
  readonly name: string | null;
  /** What was shown. @default none is needed, or the message was signed */
  readonly token?: Pick<Token, 'id' | 'digest'>;
}

/** Stands for the token of who needs none. */
export const openId = 'open';

export interface Access {
  /** @throws HttpError for who may not do it */
  check(request: Request, needed: Role): Caller;
  /**
   * Who signs needs no token.
   * @param verify throws for a message that is not signed by this sender
   */
  checkSigned(request: Request, sender: string, verify: () => void): Caller;
  /**
   * The same as `check` for a page, without its role.
   * @returns null where the session of a browser has to say who calls
   */
  checkPage(request: Request, hasSession: boolean): Caller | null;
  /** Who logs in with a token on a page; null when it is not known. @throws HttpError as for a page */
  login(request: Request, token: string): Caller | null;
  /** Whose token has this id; null where there is no such token (any more). */
  callerOf(tokenId: string): Caller | null;
  /** True where callers need a token. */
  readonly hasTokens: boolean;
}

export function makeAccess(policy: AccessPolicy, clock: Clock): Access {
  const takeFrom = rateLimit(clock);
  const find = (tokens: readonly Token[], sent: string): Caller | null => {
    const token = findToken(tokens, sent);
    takeFrom(token === null ? 'unknown' : token.digest.toString('hex'));
    return token === null ? null : callerWith(token);
  };
  const anybody: Caller = {
    role: 'operator',
    name: policy.kind === 'open' ? (policy.name ?? null) : null,
  };
  const checkPage: Access['checkPage'] = (request, hasSession) => {
    refuseOtherOrigin(request);
    refuseTokenInQuery(request);
    if (policy.kind === 'open') {
      refuseOtherHost(request, policy.hosts());
      takeFrom('open');
      return anybody;
    }
    const sent = tokenIn(request.headers.get('authorization') ?? '');
    if (sent === undefined) {
      takeFrom(hasSession ? 'sessions' : 'unknown');
      return null;
    }
    const caller = find(policy.tokens, sent);
    if (caller !== null) return caller;
    throw unauthorized('The token is not known');
  };
  return {
    checkPage,
    check: (request, needed) => {
      const caller = checkPage(request, false);
      if (caller === null) throw unauthorized('There is no token');
      if (needed === 'operator' && caller.role !== 'operator') {
        const why = 'The token is one of a viewer, and this needs one of an operator.';
        throw new HttpError('ForbiddenError', why);
      }
      return caller;
    },
    checkSigned: (request, sender, verify) => {
      refuseOtherOrigin(request);
      try {
        verify();
      } catch (error) {
        takeFrom('unknown');
        throw error;
      }
      takeFrom(`signed by ${sender}`);
      return { role: 'operator', name: sender };
    },
    login: (request, sent) => {
      checkPage(request, false);
      return policy.kind === 'open' ? null : find(policy.tokens, sent);
    },
    callerOf: (tokenId) => {
      if (policy.kind === 'open') return tokenId === openId ? anybody : null;
      const token = policy.tokens.find(({ id }) => id === tokenId);
      return token === undefined ? null : callerWith(token);
    },
    hasTokens: policy.kind === 'tokens',
  };
}

// ---------------------------------------------------------------------------------------------------

function callerWith(token: Token): Caller {
  return { role: token.role, name: token.name, token };
}

/** As a bearer, or as the password of any user. */
function tokenIn(authorization: string): string | undefined {
  const [, scheme = '', sent = ''] = /^(Bearer|Basic) +(\S+) *$/i.exec(authorization) ?? [];
  if (scheme.toLowerCase() !== 'basic') return sent === '' ? undefined : sent;
  const login = Buffer.from(sent, 'base64').toString('utf8');
  const end = login.indexOf(':');
  return end < 0 || end + 1 === login.length ? undefined : login.slice(end + 1);
}

function unauthorized(what: string): HttpError {
  return new HttpError(
    'UnauthorizedError',
    `${what}. Send Authorization: Bearer TOKEN, or the token as the password of basic authentication.`,
  );
}

/** A page of another site must not act with the network of whoever reads it. */
function refuseOtherOrigin(request: Request): void {
  if (request.method === 'GET' || request.method === 'HEAD') return;
  const origin = request.headers.get('origin');
  const isCrossSite = request.headers.get('sec-fetch-site') === 'cross-site';
  const host = request.headers.get('host')?.toLowerCase();
  if (!isCrossSite && (origin === null || hostOf(origin) === host)) return;
  throw new HttpError('ForbiddenError', 'The request comes from a page of another site.');
}

function hostOf(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    return null;
  }
}

/** The name of another site that leads here (DNS rebinding) is not one of ours. */
function refuseOtherHost(request: Request, hosts: readonly string[]): void {
  const host = request.headers.get('host')?.toLowerCase() ?? '';
  if (hosts.includes(host)) return;
  throw new HttpError(
    'ForbiddenError',
    `The service does not answer under this host name. Use one of ${hosts.join(', ')}.`,
  );
}

/** Addresses are logged on the way. */
function refuseTokenInQuery({ url }: Request): void {
  const names = new Set(['token', 'access_token', 'api_key', 'apikey', 'authorization', 'bearer']);
  const { searchParams } = new URL(url);
  if (![...searchParams.keys()].some((name) => names.has(name.toLowerCase()))) return;
  throw new HttpError(
    'UnauthorizedError',
    'A token in the address is not accepted, since addresses are logged on their way. Make a new token, ' +
      'and send it as Authorization: Bearer TOKEN.',
  );
}

/** A bucket for each token, and one for all that are not known. */
function rateLimit(clock: Clock): (key: string) => void {
  const buckets = new Map<string, { left: number; atMs: number }>();
  return (key) => {
    const nowMs = clock.monotonicMs();
    const bucket = buckets.get(key) ?? { left: httpLimits.httpBurst, atMs: nowMs };
    const gained = ((nowMs - bucket.atMs) * httpLimits.httpPerSecond) / 1_000;
    const left = Math.min(httpLimits.httpBurst, bucket.left + gained);
    buckets.set(key, { left: Math.max(0, left - 1), atMs: nowMs });
    if (left >= 1) return;
    throw new HttpError(
      'TooManyRequestsError',
      `More than ${httpLimits.httpPerSecond} requests a second. Wait a second.`,
    );
  };
}
