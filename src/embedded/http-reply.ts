import type { Answer } from './registry-answers.ts';
import type { RegistryDatabase } from './registry-database.ts';
import { RegistryError } from './registry-error.ts';
import { ROUTES } from './registry-routes.ts';

/** From a request that was read to the reply that the real server gives, without any socket. */

/** A request with its body read. */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** What goes back. */
export interface HttpReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The login that every call but `/health` asks for. */
export interface BasicAuth {
  readonly username: string;
  readonly password: string;
}

const HTML = 'text/html; charset=utf-8';
const JSON_TYPE = 'application/json';
const PREFIX = /^\/(?:ajax-)?api\/2\.0\/mlflow(?=\/)/;
const SERVER_INFO = /^\/(?:ajax-)?api\/3\.0\/mlflow\/server-info$/;

/** The MLflow version that the server behaves like, and says it is. */
const MLFLOW_VERSION = '3.17.2';

/** Acts on a request. */
export function replyTo(
  request: HttpRequest,
  database: RegistryDatabase,
  auth: BasicAuth | undefined,
): HttpReply {
  if (request.path === '/health') {
    return { status: 200, contentType: 'text/plain; charset=utf-8', body: 'OK' };
  }
  if (auth !== undefined && !isLoggedIn(request, auth)) {
    return {
      status: 401,
      contentType: HTML,
      headers: { 'www-authenticate': 'Basic realm="mlflow"' },
      body: 'You are not authenticated.',
    };
  }
  if (request.path === '/version') {
    return { status: 200, contentType: HTML, body: MLFLOW_VERSION };
  }
  if (SERVER_INFO.test(request.path) && request.method === 'GET') {
    return json(200, { store_type: 'SqlStore', workspaces_enabled: false });
  }
  return replyToCall(request, database);
}

// ---------------------------------------------------------------------------------------------

function replyToCall(request: HttpRequest, database: RegistryDatabase): HttpReply {
  const methods = PREFIX.test(request.path) ? ROUTES[request.path.replace(PREFIX, '')] : undefined;
  if (methods === undefined) {
    return page(404, 'Not Found', 'The requested URL was not found on the server.');
  }
  const act = methods[request.method];
  if (act === undefined) {
    const allow = Object.keys(methods).join(', ');
    const text = 'The method is not allowed for the requested URL.';
    return { ...page(405, 'Method Not Allowed', text), headers: { allow } };
  }
  try {
    refuseWorkspace(request);
    const contentType = request.headers['content-type'];
    const source = { ...request, contentType: contentType?.toString() };
    return json(200, act(source, database));
  } catch (error) {
    const refusal = error instanceof RegistryError ? error : refusalOfDatabase(error);
    if (refusal !== undefined) {
      return json(refusal.status, refusal.toJSON());
    }
    return page(500, 'Internal Server Error', 'The server encountered an internal error.');
  }
}

// What the database does not take is a bad request to MLflow, whatever the reason.
function refusalOfDatabase(error: unknown): RegistryError | undefined {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR'
    ? new RegistryError('BAD_REQUEST', error.message)
    : undefined;
}

function refuseWorkspace(request: HttpRequest): void {
  if (request.headers['x-mlflow-workspace'] !== undefined) {
    throw new RegistryError(
      'FEATURE_DISABLED',
      'Workspace APIs are not available: workspaces are not enabled on this server',
    );
  }
}

function isLoggedIn(request: HttpRequest, auth: BasicAuth): boolean {
  const sent = request.headers['authorization']?.toString() ?? '';
  const login = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
  return sent === `Basic ${login}`;
}

function json(status: number, body: Answer): HttpReply {
  return { status, contentType: JSON_TYPE, body: JSON.stringify(body) };
}

function page(status: number, title: string, text: string): HttpReply {
  const body = `<!doctype html>\n<html lang=en>\n<title>${status} ${title}</title>\n<h1>${title}</h1>\n<p>${text}</p>\n`;
  return { status, contentType: HTML, body };
}
