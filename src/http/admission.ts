import type { Clock } from '../ports/clock.ts';
import type { Access, Caller } from './access.ts';
import { readBody } from './read-body.ts';
import { checkGrafanaSignature, checkMlflowSignature, grafanaSignature } from './signatures.ts';

/** Who may call the routes of those that sign: what is signed is read before it is known who sends it. */

export interface Signed {
  readonly caller: Caller;
  readonly body: Uint8Array;
}

/**
 * A message of alerts, signed by Grafana. One without a signature needs a token, as that of Alertmanager does.
 * @returns null: it is not signed, or nothing is known to check that with
 * @throws HttpError
 */
export async function admitGrafana(
  access: Access,
  clock: Clock,
  { request, secret }: { readonly request: Request; readonly secret: string | null },
): Promise<Signed | null> {
  if (secret === null || !request.headers.has(grafanaSignature)) return null;
  const body = await readBody(request);
  const caller = access.checkSigned(request, 'grafana', () =>
    checkGrafanaSignature(request, body, { secret, nowMs: clock.nowMs() }),
  );
  return { caller, body };
}

/**
 * A webhook of MLflow, which cannot send a token.
 * @throws HttpError
 */
export async function admitMlflow(
  access: Access,
  clock: Clock,
  { request, secret }: { readonly request: Request; readonly secret: string },
): Promise<Signed & { readonly deliveryId: string }> {
  const body = await readBody(request);
  let deliveryId = '';
  const caller = access.checkSigned(request, 'mlflow', () => {
    deliveryId = checkMlflowSignature(request, body, { secret, nowMs: clock.nowMs() });
  });
  return { caller, body, deliveryId };
}
