import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../ports/clock.ts';
import type { Identity } from '../../ports/identity.ts';
import { type Access, type Caller, openId } from '../access.ts';
import { httpLimits } from '../http-limits.ts';

/** What a person did on a page. */
export interface Done {
  readonly message: string;
  /** The page that shows what came of it. */
  readonly path: string;
}

/** One browser, from its first page or its login on. */
export interface Session {
  readonly id: string;
  readonly caller: Caller;
  /** Stands in every form: a page of another site does not know it. */
  readonly formToken: string;
}

export interface Sessions {
  /** The session of the request's cookie; null where there is none, or it has ended. */
  find(request: Request): Session | null;
  /** Begins one. @returns it, and the header that hands it to the browser */
  begin(request: Request, caller: Caller): { readonly session: Session; readonly cookie: string };
  /** Ends the one of the request. @returns the header that takes it from the browser */
  end(request: Request): string;
  /** Does the work of a form once, however often it is sent; a failure may be tried again. */
  once(session: Session, requestId: string, work: () => Promise<Done>): Promise<Done>;
  /** What the form with this id did; undefined where this process has not done it. */
  doneBy(session: Session, requestId: string): Promise<Done> | undefined;
}

/**
 * Sessions that every replica of the service knows, with nothing kept: the cookie says whose token began it and
 * until when it holds, signed with what only that token gives. It ends when the token is taken out of the file.
 * What a replica remembers is what was done in it, and which sessions were ended in it.
 */
export function makeSessions(
  access: Pick<Access, 'callerOf'>,
  { clock, identity }: { readonly clock: Clock; readonly identity: Identity },
): Sessions {
  /** For who has no token; it ends with the process. */
  const ownKey = randomBytes(32);
  const ended = new Map<string, true>();
  const done = new Map<string, Promise<Done>>();
  const sign = (caller: Caller, text: string): string =>
    createHmac('sha256', caller.token?.digest ?? ownKey)
      .update(text)
      .digest('base64url');
  const sessionOf = (caller: Caller, id: string): Session => ({
    id,
    caller,
    formToken: sign(caller, `form ${id}`),
  });
  const find: Sessions['find'] = (request) => {
    const { id, whose, untilMs, signature } = partsOf(request);
    const caller = whose === '' ? null : access.callerOf(whose);
    if (caller === null || !isEqual(signature, sign(caller, `session ${id}`))) return null;
    return untilMs > clock.nowMs() && !ended.has(id) ? sessionOf(caller, id) : null;
  };
  return {
    find,
    begin: (request, caller) => {
      const untilMs = clock.nowMs() + httpLimits.sessionMs;
      const id = [caller.token?.id ?? openId, untilMs.toString(36), identity.random()].join('.');
      const value = `${id}.${sign(caller, `session ${id}`)}`;
      const ageSeconds = httpLimits.sessionMs / 1_000;
      return { session: sessionOf(caller, id), cookie: cookie(request, value, ageSeconds) };
    },
    end: (request) => {
      const session = find(request);
      if (session !== null) remember(ended, session.id, true);
      return cookie(request, '', 0);
    },
    once: async (session, requestId, work) => {
      const key = `${session.id} ${requestId}`;
      const before = done.get(key);
      if (before !== undefined) return await before;
      const running = work();
      remember(done, key, running);
      try {
        return await running;
      } catch (error) {
        done.delete(key);
        throw error;
      }
    },
    doneBy: (session, requestId) => done.get(`${session.id} ${requestId}`),
  };
}

/** True when a form was made for this session. */
export function isFormOf({ formToken }: Session, sent: string | null): boolean {
  return isEqual(sent ?? '', formToken);
}

// ---------------------------------------------------------------------------------------------------

function isEqual(sent: string, expected: string): boolean {
  const [one, other] = [Buffer.from(sent), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** The oldest is forgotten. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > httpLimits.sessionsKept && oldest !== undefined) map.delete(oldest);
}

/** Browsers send a cookie to every port of a host: so its name has the port. */
function cookieName(request: Request): string {
  const port = /:(\d+)$/.exec(request.headers.get('host') ?? '')?.[1] ?? 'default';
  return `model-rollback-${port}`;
}

/** Of the cookie; all empty where there is none. */
function partsOf(
  request: Request,
): Readonly<Record<'id' | 'whose' | 'signature', string> & { untilMs: number }> {
  const name = cookieName(request);
  const pairs = (request.headers.get('cookie') ?? '').split(';').map((pair) => pair.trim());
  const value = pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
  const [, id = '', whose = '', until = '', signature = ''] =
    /^((\w{4,32})\.([0-9a-z]{1,12})\.[\w-]{1,64})\.([\w-]{43})$/.exec(value) ?? [];
  return { id, whose, untilMs: Number.parseInt(until, 36), signature };
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
