import { createHmac, timingSafeEqual } from 'node:crypto';
import { limits } from '../domain/limits.ts';
import { HttpError } from './http-error.ts';
import { httpLimits } from './http-limits.ts';

/** Senders that sign what they send, and so need no token. */

/**
 * Grafana signs the body alone, or its time and the body where a header for the time is set.
 * @throws HttpError
 */
export function checkGrafanaSignature(
  { headers }: Request,
  body: Uint8Array,
  { secret, nowMs }: SignedWith,
): void {
  const time = headers.get('x-grafana-alerting-timestamp');
  const mac = createHmac('sha256', secret);
  const expected = (time === null ? mac : mac.update(`${time}:`)).update(body).digest();
  if (!isEqual(Buffer.from(headers.get(grafanaSignature) ?? '', 'hex'), expected)) {
    throw refused(
      'Its signature does not fit. Set the same secret in the contact point of Grafana and in ' +
        'ROLLBACK_GRAFANA_SECRET, and X-Grafana-Alerting-Timestamp as the header for the time, or none.',
    );
  }
  if (time !== null) refuseOtherTime(time, nowMs, httpLimits.signedAgeMaxMs);
}

/**
 * MLflow signs the id of the delivery, its time and the body. All tries of a delivery have the id and the time of
 * the first.
 * @returns the id
 * @throws HttpError
 */
export function checkMlflowSignature(
  { headers }: Request,
  body: Uint8Array,
  { secret, nowMs }: SignedWith,
): string {
  const [id, time, signature] = mlflowHeaders.map((name) => headers.get(name) ?? '');
  if (!signature) {
    throw refused(
      'It is not signed. Give the webhook of MLflow the secret that ROLLBACK_MLFLOW_WEBHOOK_SECRET holds.',
    );
  }
  const expected = createHmac('sha256', secret).update(`${id}.${time}.`).update(body).digest();
  const sent = Buffer.from(/^v1,([\w+/]{43}=)$/.exec(signature)?.[1] ?? '', 'base64');
  if (!isEqual(sent, expected)) {
    throw refused(
      'Its signature does not fit. Set the same secret in the webhook of MLflow and in ' +
        'ROLLBACK_MLFLOW_WEBHOOK_SECRET.',
    );
  }
  refuseOtherTime(time ?? '', nowMs, httpLimits.deliveryAgeMaxMs);
  if (!id || id.length > limits.textLengthMax) throw refused('It has no id.');
  return id;
}

/** The header of Grafana's signature. */
export const grafanaSignature = 'x-grafana-alerting-signature';

// ---------------------------------------------------------------------------------------------------

interface SignedWith {
  readonly secret: string;
  readonly nowMs: number;
}

const mlflowHeaders = ['x-mlflow-delivery-id', 'x-mlflow-timestamp', 'x-mlflow-signature'];

function isEqual(sent: Buffer, expected: Buffer): boolean {
  return sent.length === expected.length && timingSafeEqual(sent, expected);
}

/** Whoever kept a copy may send it again later. @param time in seconds, as it was signed */
function refuseOtherTime(time: string, nowMs: number, ageMaxMs: number): void {
  const ageMs = /^\d{1,12}$/.test(time) ? nowMs - Number(time) * 1_000 : Number.NaN;
  if (ageMs <= ageMaxMs && ageMs >= -httpLimits.signedAgeMaxMs) return;
  throw refused(
    `It was signed more than ${ageMaxMs / 60_000} minutes ago, or in the future. Check the clocks of both machines.`,
  );
}

function refused(why: string): HttpError {
  return new HttpError('UnauthorizedError', `The message is refused. ${why}`);
}
