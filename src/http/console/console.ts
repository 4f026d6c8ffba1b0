import type { Context, Hono } from 'hono';
import type { RollbackDeps } from '../../app/deps.ts';
import type { CallReport } from '../../lambda/serve-call.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { EvidenceStore } from '../../ports/evidence-store.ts';
import type { Access, Caller } from '../access.ts';
import { answerError, HttpError } from '../http-error.ts';
import { pathAfter } from '../path.ts';
import { readForm } from '../read-body.ts';
import { actions } from './act.ts';
import { assets } from './assets.ts';
import { againText, errorText, loginText, type Page, type PageContext, pageText } from './page.ts';
import { modelPath } from './paths.ts';
import { isFormOf, makeSessions, type Session, type Sessions } from './session.ts';
import { type Visit, visitFleet, visitModel, visitRollback } from './visits.ts';

/** What the console shares with the rest of the service. */
export interface ConsoleParts {
  readonly deps: RollbackDeps;
  /** What comparisons found; null where it is not shown. */
  readonly evidence: EvidenceStore | null;
  readonly access: Access;
  readonly report: (report: CallReport) => void;
  /** For the time of one request. */
  readonly newDeadline: () => Deadline;
  /** For the line of the log. */
  readonly noteCaller: (request: Request, caller: Caller) => void;
}

/** Adds the pages, and what their forms do, to the service. */
export function addConsole(app: Hono, parts: ConsoleParts): void {
  const { deps, access } = parts;
  const sessions = makeSessions(access, deps);
  /** Any page: its errors are pages too. */
  const page =
    (answer: (request: Request) => Promise<Response>) =>
    async ({ req: { raw: request } }: Context): Promise<Response> => {
      try {
        return await answer(request);
      } catch (error) {
        return errorResponse(parts, request, error);
      }
    };
  const visit = (read: (visit: Visit) => Promise<Page>) =>
    page((request) => visited(parts, sessions, request, read));
  app.get('/', visit(visitFleet));
  app.get(
    '/models',
    page(async (request) => redirect(modelPath(nameIn(request)))),
  );
  app.get('/models/*', visit(visitModel));
  app.get('/rollbacks/*', visit(visitRollback));
  app.post(
    '/console/login',
    page(async (request) => {
      const form = await readForm(request);
      const next = ownPath(form.get('next'));
      const caller = access.login(request, form.get('token') ?? '');
      if (caller === null) {
        return pageResponse(loginText(next, 'This token is not known to the service.'), 401);
      }
      parts.noteCaller(request, caller);
      return redirect(next, sessions.begin(request, caller).cookie);
    }),
  );
  app.post(
    '/console/logout',
    page(async (request) => {
      const session = sessions.find(request);
      access.checkPage(request, session !== null);
      requireForm(session, await readForm(request));
      return redirect('/', sessions.end(request));
    }),
  );
  app.post(
    '/console/:action',
    page((request) => acted(parts, sessions, request)),
  );
  app.get('/console/:digest/:file', ({ req: { raw: request } }) => assetResponse(request));
}

// ---------------------------------------------------------------------------------------------------

async function visited(
  parts: ConsoleParts,
  sessions: Sessions,
  request: Request,
  read: (visit: Visit) => Promise<Page>,
): Promise<Response> {
  const { deps, access, evidence, newDeadline } = parts;
  const found = sessions.find(request);
  const open = access.checkPage(request, found !== null);
  const path = pathWithQuery(request);
  const isPage = request.headers.get('accept')?.includes('text/html') === true;
  if (found === null && isPage && request.headers.get('sec-fetch-site') === 'cross-site') {
    // A link on another site: the browser sends its cookie once the page calls itself.
    return pageResponse(againText(path), 200);
  }
  const caller = open ?? found?.caller;
  if (caller === undefined) return pageResponse(loginText(path, null), 401);
  parts.noteCaller(request, caller);
  const begun = found === null && isPage ? sessions.begin(request, caller) : null;
  const session = found ?? begun?.session ?? null;
  const deadline = newDeadline();
  const context = await contextOf(parts, request, caller, { session, sessions });
  const shown = await read({ deps, evidence, request, context, deadline });
  return pageResponse(pageText(context, shown), 200, begun?.cookie);
}

async function contextOf(
  { deps, access }: ConsoleParts,
  request: Request,
  caller: Caller,
  { session, sessions }: { readonly session: Session | null; readonly sessions: Sessions },
): Promise<PageContext> {
  const url = new URL(request.url);
  const requestId = url.searchParams.get('done');
  const done =
    session === null || requestId === null ? undefined : sessions.doneBy(session, requestId);
  url.searchParams.delete('done');
  return {
    path: url.pathname + url.search,
    caller,
    formToken: caller.role === 'operator' ? (session?.formToken ?? null) : null,
    logoutToken: access.hasTokens ? (session?.formToken ?? null) : null,
    newRequestId: deps.identity.random,
    nowMs: deps.clock.nowMs(),
    registry: deps.registry.address,
    done: done === undefined ? null : await done.then(({ message }) => message),
  };
}

async function acted(
  { deps, access, report, newDeadline, noteCaller }: ConsoleParts,
  sessions: Sessions,
  request: Request,
): Promise<Response> {
  const found = sessions.find(request);
  access.checkPage(request, found !== null);
  const name = pathAfter(request, '/console/');
  const act = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (act === undefined) throw new HttpError('NotFoundError', 'There is no such form.');
  const form = await readForm(request);
  const session = requireForm(found, form);
  const { caller } = session;
  noteCaller(request, caller);
  if (caller.role !== 'operator') {
    throw new HttpError(
      'ForbiddenError',
      'You may read. To act, log in with the token of an operator.',
    );
  }
  const requestId = form.get('request_id') ?? '';
  if (!/^[\w-]{1,64}$/.test(requestId)) {
    throw new HttpError(
      'ForbiddenError',
      'The form is not whole. Open its page again. Nothing was done.',
    );
  }
  const deadline = newDeadline();
  const { path } = await sessions.once(session, requestId, () =>
    act({ deps, caller, deadline, report, form, requestId }),
  );
  return redirect(`${path}?done=${encodeURIComponent(requestId)}`);
}

/** @throws HttpError for a form that no page of this session has sent */
function requireForm(session: Session | null, form: URLSearchParams): Session {
  if (session !== null && isFormOf(session, form.get('form_token'))) return session;
  throw new HttpError(
    'ForbiddenError',
    'The form does not belong to this session: it is from another site, or the session has ended. ' +
      'Nothing was done. Open the page again.',
  );
}

function nameIn({ url }: Request): string {
  return new URL(url).searchParams.get('name')?.trim() ?? '';
}

function pathWithQuery({ url }: Request): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}

/** A path of this service, and no address of another one. */
function ownPath(next: string | null): string {
  return next !== null && /^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : '/';
}

const headers = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'content-security-policy': [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
};

function pageResponse(text: string, status: number, cookie?: string): Response {
  return new Response(text, {
    status,
    headers: {
      ...headers,
      'content-type': 'text/html; charset=utf-8',
      ...(status === 429 || status === 503 ? { 'retry-after': '5' } : {}),
      ...(cookie === undefined ? {} : { 'set-cookie': cookie }),
    },
  });
}

function redirect(location: string, cookie?: string): Response {
  const set = cookie === undefined ? {} : { 'set-cookie': cookie };
  return new Response(null, { status: 303, headers: { ...headers, location, ...set } });
}

function assetResponse(request: Request): Response {
  const asset = assets.get(pathAfter(request, ''));
  if (asset === undefined)
    return pageResponse(errorText(titleOf(404), 'There is no such file.', '/'), 404);
  return new Response(asset.text, {
    headers: {
      ...headers,
      'cache-control': 'public, max-age=31536000, immutable',
      'content-type': `${asset.type}; charset=utf-8`,
    },
  });
}

function errorResponse({ deps }: ConsoleParts, request: Request, error: unknown): Response {
  const { status, error: shown } = answerError(deps.logger, request, error);
  const isRead = request.method === 'GET';
  return pageResponse(
    errorText(titleOf(status), shown.message, isRead ? pathWithQuery(request) : '/'),
    status,
  );
}

function titleOf(status: number): string {
  switch (status) {
    case 400:
      return 'This cannot be done as it was asked';
    case 401:
    case 403:
      return 'Not allowed';
    case 404:
      return 'Not found';
    case 409:
      return 'Another run is at work';
    case 429:
      return 'Too many requests';
    case 502:
    case 503:
      return 'Not available now';
    default:
      return 'Something went wrong';
  }
}
