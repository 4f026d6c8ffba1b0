import { type Context, Hono } from 'hono';
import type { RollbackDeps } from '../app/deps.ts';
import { answerEvent } from '../lambda/answer-event.ts';
import type { CallReport } from '../lambda/serve-call.ts';
import { type Deadline, deadlineAfter } from '../ports/deadline.ts';
import type { EvidenceStore } from '../ports/evidence-store.ts';
import { type Access, type AccessPolicy, type Caller, makeAccess } from './access.ts';
import { admitGrafana, admitMlflow } from './admission.ts';
import { makeAfterwards } from './afterwards.ts';
import { answerAlerts } from './alerts.ts';
import { addConsole } from './console/console.ts';
import { doHanded } from './hand-over.ts';
import type { Answer, HandOver, HttpCall } from './http-call.ts';
import { answerError, type ErrorAnswer, errorAnswer, HttpError } from './http-error.ts';
import { httpLimits } from './http-limits.ts';
import { makeMetricsText } from './metrics-text.ts';
import { answerWebhook, type WebhookSender, webhooksOff } from './mlflow-webhook.ts';
import { pathOf } from './path.ts';
import { parseJson } from './read-body.ts';
import { getModel, getModels, getRollback, getRollbacks, isReady } from './reads.ts';
import type { Role } from './tokens.ts';
import { decide, decideRollback, requestRollback } from './writes.ts';

export interface ServiceOptions {
  readonly deps: RollbackDeps;
  readonly access: AccessPolicy;
  /** What Grafana signs with. @default its messages need a token */
  readonly grafanaSecret?: string | null;
  /** @default webhooks of MLflow are not received */
  readonly mlflow?: WebhookSender | null;
  /** What comparisons found. @default it is not shown, and nothing is promoted */
  readonly evidence?: EvidenceStore | null;
  /** True once the service is to stop: it is no longer ready for requests. */
  readonly isStopping?: () => boolean;
  /** For a host that stops what goes on after an answer. @default it goes on */
  readonly handOver?: HandOver;
  /** For the time of one request. @default a minute */
  readonly newDeadline?: () => Deadline;
  /** Also gets what is counted. */
  readonly report?: (report: CallReport) => void;
}

export interface Service {
  /** Answers one request (docs/reference/http.md). Never throws. */
  fetch(request: Request): Promise<Response>;
  /** Waits for what goes on after its answer, for at most that long. */
  end(boundMs: number): Promise<void>;
  /** Does what was handed over (docs/deploy/function-url.md). @throws InvalidRequestError; or what a retry can cure */
  doHanded(event: unknown): Promise<void>;
  /** Does what is due, once. Never throws: the log says what failed. */
  sweep(deadline: Deadline): Promise<void>;
}

/** The service as a Web-standard handler, for a server of Node and for a Function URL. */
export function makeService(options: ServiceOptions): Service {
  const { deps, access: policy, isStopping, handOver = null, evidence = null } = options;
  const newDeadline =
    options.newDeadline ?? (() => deadlineAfter(deps.clock, httpLimits.httpBudgetMs));
  const access = makeAccess(policy, deps.clock);
  const metrics = makeMetricsText(deps.clock);
  const report = (one: CallReport): void => {
    metrics.add([one]);
    options.report?.(one);
  };
  const callers = new WeakMap<Request, Caller>();
  const afterwards = makeAfterwards(deps.logger);
  const callOf = (request: Request, caller: Caller, body?: Uint8Array): HttpCall => {
    callers.set(request, caller);
    const own = { deadline: newDeadline(), report, afterwards, handOver, evidence };
    return { deps, request, caller, ...own, ...(body && { body }) };
  };
  /** A route that a caller with this role may use. */
  const route =
    (needed: Role, answer: (call: HttpCall) => Promise<Answer>) =>
    async ({ req: { raw: request } }: Context): Promise<Response> =>
      jsonResponse(await answer(callOf(request, access.check(request, needed))));
  const app = new Hono({ strict: true });
  app.get('/healthz', () => jsonResponse({ body: { status: 'ok' } }));
  app.get('/readyz', async () => {
    if (isStopping?.()) throw new HttpError('ShuttingDownError', 'The service is being stopped.');
    return jsonResponse({ body: await isReady(deps) });
  });
  app.get('/metrics', ({ req: { raw: request } }) => {
    callers.set(request, access.check(request, 'viewer'));
    return new Response(metrics.text(), {
      headers: { ...headers, 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
    });
  });
  app.post('/v1/rollbacks', route('operator', requestRollback));
  addSenders(app, options, { access, callOf });
  app.get('/v1/models', route('viewer', getModels));
  app.get('/v1/models/*', route('viewer', getModel));
  app.post('/v1/models/*', route('operator', decide));
  app.get('/v1/rollbacks', route('viewer', getRollbacks));
  app.get('/v1/rollbacks/*', route('viewer', getRollback));
  app.post('/v1/rollbacks/*', route('operator', decideRollback));
  addConsole(app, {
    deps,
    evidence,
    access,
    report,
    newDeadline,
    noteCaller: (request, caller) => callers.set(request, caller),
  });
  app.notFound(({ req: { raw: request } }) => errorResponse(errorAnswer(unknownRoute(request))));
  app.onError((error, { req: { raw: request } }) =>
    errorResponse(answerError(deps.logger, request, error)),
  );
  const fetch = async (request: Request): Promise<Response> => {
    const startedMs = deps.clock.monotonicMs();
    const response = await app.fetch(request);
    const caller = callers.get(request);
    deps.logger.log('info', 'http request', {
      method: request.method,
      path: pathOf(request),
      status: response.status,
      duration_ms: Math.round(deps.clock.monotonicMs() - startedMs),
      ...(caller === undefined ? {} : { role: caller.role, caller: caller.name }),
    });
    return response;
  };
  const sweep = async (deadline: Deadline): Promise<void> => {
    const invocationId = `sweep:${deps.identity.random()}`;
    await answerEvent(deps, { sweep: true }, { invocationId, deadline, report }).catch(
      () => undefined,
    );
  };
  const handed: Service['doHanded'] = (event) =>
    doHanded({ deps, deadline: newDeadline(), report, afterwards }, event);
  return { fetch, sweep, end: afterwards.end, doHanded: handed };
}

// ---------------------------------------------------------------------------------------------------

/** The routes of those that may sign instead of sending a token. */
function addSenders(
  app: Hono,
  { deps: { clock }, grafanaSecret = null, mlflow = null }: ServiceOptions,
  { access, callOf }: { readonly access: Access; readonly callOf: CallOf },
): void {
  app.post('/v1/alerts', async ({ req: { raw: request } }) => {
    const signed = await admitGrafana(access, clock, { request, secret: grafanaSecret });
    const caller = signed?.caller ?? access.check(request, 'operator');
    return jsonResponse(await answerAlerts(callOf(request, caller, signed?.body)));
  });
  app.post('/v1/webhooks/mlflow', async ({ req: { raw: request } }) => {
    if (mlflow === null) throw webhooksOff();
    const { secret, workspace } = mlflow;
    const { caller, body, deliveryId } = await admitMlflow(access, clock, { request, secret });
    const delivery = { id: deliveryId, body: parseJson(request, body), workspace };
    return jsonResponse(await answerWebhook(callOf(request, caller, body), delivery));
  });
}

type CallOf = (request: Request, caller: Caller, body?: Uint8Array) => HttpCall;

const headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

function jsonResponse({ status = 200, body }: Answer): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: {
      ...headers,
      ...(status === 401 ? { 'www-authenticate': 'Bearer realm="model-rollback"' } : {}),
      ...(status === 429 || status === 503 ? { 'retry-after': '1' } : {}),
      'content-type': 'application/json; charset=utf-8',
    },
  });
}

function errorResponse({ status, error }: ErrorAnswer): Response {
  return jsonResponse({ status, body: { error } });
}

function unknownRoute(request: Request): HttpError {
  const path = pathOf(request);
  const isKnown =
    /^\/(|healthz|readyz|metrics|console\/.*|(v1\/)?(models|rollbacks)(\/.*)?)$/.test(path) ||
    /^\/v1\/(alerts|webhooks\/mlflow)(\/.*)?$/.test(path);
  return isKnown
    ? new HttpError('MethodNotAllowedError', `${request.method} is not possible here.`)
    : new HttpError('NotFoundError', 'There is no such route. See docs/reference/http.md.');
}
