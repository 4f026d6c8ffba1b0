import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../ports/clock.ts';
import type { Identity } from '../../ports/identity.ts';
import type { Caller } from '../access.ts';
import { httpLimits } from '../http-limits.ts';

/** What a person did on a page. */
export interface Done {
  readonly message: string;
  /** The page that shows what came of it. */
  readonly path: string;
}

/** One browser, from its first page or its login on. It is kept in memory, and ends with the process. */
export interface Session {
  readonly caller: Caller;
  /** Stands in every form: a page of another site does not know it. */
  readonly formToken: string;
  readonly expiresAtMs: number;
  /** By request id: the same form sent twice acts once. */
  readonly done: Map<string, Promise<Done>>;
}

export interface Sessions {
  /** The session of the request's cookie; null where there is none, or it has expired. */
  find(request: Request): Session | null;
  /** Begins one. @returns it, and the header that hands it to the browser */
  begin(request: Request, caller: Caller): { readonly session: Session; readonly cookie: string };
  /** Ends the one of the request. @returns the header that takes it from the browser */
  end(request: Request): string;
}

export function makeSessions({
  clock,
  identity,
}: {
  readonly clock: Clock;
  readonly identity: Identity;
}): Sessions {
  /** By the digest of the cookie, the oldest first. */
  const sessions = new Map<string, Session>();
  const keyOf = (request: Request): string | null => {
    const value = cookieOf(request);
    return value === null ? null : identity.digest(value);
  };
  return {
    find: (request) => {
      const key = keyOf(request);
      const found = key === null ? undefined : sessions.get(key);
      return found !== undefined && found.expiresAtMs > clock.nowMs() ? found : null;
    },
    begin: (request, caller) => {
      const value = `${identity.random()}${identity.random()}`;
      const expiresAtMs = clock.nowMs() + httpLimits.sessionMs;
      const session = { caller, formToken: identity.random(), expiresAtMs, done: new Map() };
      sessions.set(identity.digest(value), session);
      for (const oldest of sessions.keys()) {
        if (sessions.size <= httpLimits.sessionsMax) break;
        sessions.delete(oldest);
      }
      return { session, cookie: cookie(request, value, httpLimits.sessionMs / 1_000) };
    },
    end: (request) => {
      const key = keyOf(request);
      if (key !== null) sessions.delete(key);
      return cookie(request, '', 0);
    },
  };
}

/** True when a form was made for this session. */
export function isFormOf({ formToken }: Session, sent: string | null): boolean {
  const [own, other] = [Buffer.from(formToken), Buffer.from(sent ?? '')];
  return own.length === other.length && timingSafeEqual(own, other);
}

/** Does the work of a form once, however often it is sent; a failure may be tried again. */
export async function once(
  { done }: Session,
  requestId: string,
  work: () => Promise<Done>,
): Promise<Done> {
  const before = done.get(requestId);
  if (before !== undefined) return await before;
  const running = work();
  done.set(requestId, running);
  const [oldest] = done.keys();
  if (done.size > httpLimits.sessionActionsMax && oldest !== undefined) done.delete(oldest);
  try {
    return await running;
  } catch (error) {
    done.delete(requestId);
    throw error;
  }
}

// ---------------------------------------------------------------------------------------------------

/** Browsers send a cookie to every port of a host: so its name has the port. */
function cookieName(request: Request): string {
  const port = /:(\d+)$/.exec(request.headers.get('host') ?? '')?.[1] ?? 'default';
  return `model-rollback-${port}`;
}

function cookieOf(request: Request): string | null {
  const name = cookieName(request);
  const pairs = (request.headers.get('cookie') ?? '').split(';').map((pair) => pair.trim());
  const found = pairs.find((pair) => pair.startsWith(`${name}=`));
  const value = found?.slice(name.length + 1) ?? '';
  return /^[\w-]{8,200}$/.test(value) ? value : null;
}

function cookie(request: Request, value: string, ageSeconds: number): string {
  // A proxy that ends TLS says so; who makes it up harms only the own cookie.
  const isSecure = request.headers.get('x-forwarded-proto') === 'https';
  const parts = [
    `${cookieName(request)}=${value}`,
    'Path=/',
    'HttpOnly',
    'SameSite=Strict',
    `Max-Age=${ageSeconds}`,
    ...(isSecure ? ['Secure'] : []),
  ];
  return parts.join('; ');
}
