import { handleAlert } from '../app/handle-alert.ts';
import { inParallel } from '../app/in-parallel.ts';
import { modelKey } from '../domain/alarm/alarm-settings.ts';
import {
  type AlertGroup,
  type AlertPayload,
  parseAlertGroup,
} from '../domain/alarm/alert-payload.ts';
import type { RollbackResponse } from '../domain/answer/response.ts';
import { RegistryUnavailableError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { anyCall } from '../lambda/answer-event.ts';
import { type Call, serveCall } from '../lambda/serve-call.ts';
import { alarmTriggerId } from '../lambda/watch-ports.ts';
import { deadlineAfter, deadlineWithin } from '../ports/deadline.ts';
import type { Answer, HttpCall } from './http-call.ts';
import { type ErrorAnswer, errorAnswer } from './http-error.ts';
import { httpLimits } from './http-limits.ts';
import { parseJson, readJson } from './read-body.ts';

/**
 * A message of Alertmanager or Grafana: an answer for each alert, in their order. Whatever was understood is 200,
 * also what is refused or known already. What only a retry can cure is 503: then the sender sends the group again,
 * and what was handled is answered from its record. What takes longer than a second is 202, and goes on: then we
 * try again ourselves.
 */
export async function answerAlerts(call: HttpCall): Promise<Answer> {
  const { request, body: signed, deps, afterwards } = call;
  const message = signed === undefined ? await readJson(request) : parseJson(request, signed);
  const group = parseAlertGroup(message);
  const { leftOut, alerts } = group;
  if (leftOut > 0) {
    deps.logger.log('warn', 'alerts left out', { alerts: leftOut, read: alerts.length });
  }
  const soFar: AlertResult[] = alerts.map((alert) => ({
    pending: true,
    alarm_name: nameOf(alert),
  }));
  const more = leftOut > 0 ? { left_out: leftOut } : {};
  const { handOver } = call;
  if (handOver && alerts.length > 0) {
    const key = modelKey(deps.settings.alarms, { source: group.source, id: '', name: '' });
    const parts = partsOf(message, ['alertname', key]).map((part) => ({
      kind: 'alerts' as const,
      message: part,
    }));
    await Promise.all(parts.map((part) => handOver(part, call.deadline)));
    return { status: 202, body: { results: soFar, ...more } };
  }
  const work = handleAll(call, group, soFar);
  const isDone = await afterwards.within(work, (results) => tryAgain(call, group, results));
  const failed = soFar.find(isToRepeat);
  const body = { results: [...soFar], ...more };
  if (isDone === null) return { status: 202, body };
  return failed === undefined
    ? { body }
    : { status: 503, body: { error: 'error' in failed ? failed.error : deferred, ...body } };
}

/**
 * Handles a message, or a part of one, that was handed over.
 * @throws RegistryUnavailableError while a retry can cure one of its alerts; the others are on record
 */
export async function settleAlerts(call: Settling, message: unknown): Promise<void> {
  const group = parseAlertGroup(message);
  const results = await handleAll(call, group, []);
  const left = results.filter(isToRepeat);
  if (left.length === 0) return;
  const [first] = left;
  const why = first !== undefined && 'error' in first ? ` ${first.error.message}` : '';
  throw new RegistryUnavailableError(`${left.length} alerts are not handled yet.${why}`);
}

/** What alerts are handled with: a call, or what is left of it after its answer. */
type Settling = Pick<HttpCall, 'deps' | 'deadline' | 'report' | 'afterwards'>;

// ---------------------------------------------------------------------------------------------------

/**
 * Parts of a message that are small enough to be handed over, with what is read of each alert.
 * @param names the labels that are read
 */
function partsOf(message: unknown, names: readonly string[]): readonly object[] {
  const { alerts, orgId, status } = message as Readonly<Record<string, unknown>>;
  const parts: unknown[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const alert of (alerts as readonly unknown[]).slice(0, limits.alertsMax)) {
    const read = isObject(alert) ? picked(alert, names) : null;
    const bytes = Buffer.byteLength(JSON.stringify(read));
    if (size + bytes > httpLimits.handedBytesMax) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)?.push(read);
    size += bytes;
  }
  return parts.map((part) => ({
    alerts: part,
    orgId: bounded(orgId),
    status: bounded(status),
  }));
}

type Fields = Readonly<Record<string, unknown>>;

function picked(alert: Fields, names: readonly string[]): object {
  const { status, labels, startsAt, fingerprint } = alert;
  const read = names.flatMap((name) =>
    isObject(labels) && Object.hasOwn(labels, name) ? [[name, bounded(labels[name])]] : [],
  );
  return {
    status: bounded(status),
    labels: Object.fromEntries(read),
    startsAt: bounded(startsAt),
    fingerprint: bounded(fingerprint),
  };
}

/** A text that is too long to be read stays too long; of no other value the size is bounded, and none is read. */
function bounded(value: unknown): string | number | undefined {
  if (typeof value === 'string') return value.slice(0, limits.alarmTextLengthMax + 1);
  return typeof value === 'number' ? value : undefined;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type AlertResult =
  | RollbackResponse
  /** Its work goes on. */
  | { readonly pending: true; readonly alarm_name: string | null }
  | { readonly error: ErrorAnswer['error']; readonly alarm_name: string | null };

const deferred = retryable(
  'Some alerts are deferred: their results say why. Send them again while they fire.',
);
const notReached = retryable(
  'There was no time left for this alert. Nothing was done. Send it again while it fires.',
);

function retryable(message: string): ErrorAnswer['error'] {
  return errorAnswer(new RegistryUnavailableError(message)).error;
}

/**
 * Models beside each other; the alerts of one model one after the other.
 * @param results filled as they come
 */
async function handleAll(
  call: Settling,
  { alerts, source }: AlertGroup,
  results: AlertResult[],
): Promise<AlertResult[]> {
  const deadline = deadlineWithin(call.deps.clock, httpLimits.alertsBudgetMs, call.deadline);
  const byModel = Map.groupBy(alerts.entries(), ([, alert]) => modelOf(call, alert));
  await inParallel([...byModel.values()], deadline, async (ofModel) => {
    for (const [index, alert] of ofModel) {
      if (deadline.leftMs() <= limits.writeTimeoutMinMs) return;
      results[index] = await resultOnce({ ...call, deadline }, alert, source);
    }
  });
  for (const [index, alert] of alerts.entries()) {
    if (isPending(results[index]))
      results[index] = { error: notReached, alarm_name: nameOf(alert) };
  }
  return results;
}

/** The sender has its answer, so nobody else tries what failed. */
async function tryAgain(
  call: HttpCall,
  { alerts, source }: AlertGroup,
  results: readonly AlertResult[],
): Promise<void> {
  const { deps, afterwards } = call;
  const failed = alerts.filter((_, index) => isFailed(results[index]));
  const ends = await Promise.all(
    failed.map((alert) =>
      afterwards.once(`again ${keyOf(alert, source)}`, () => retry(call, alert, source)),
    ),
  );
  const left = ends.filter(isFailed).length;
  if (left > 0) deps.logger.log('error', 'alerts not handled', { alerts: left });
}

/** @returns the last result; null: the service stops */
async function retry(
  call: HttpCall,
  alert: AlertPayload,
  source: AlertGroup['source'],
): Promise<AlertResult | null> {
  let last: AlertResult | null = null;
  for (const pauseMs of httpLimits.alertPausesMs) {
    if (!(await call.afterwards.pause(pauseMs))) return null;
    const deadline = deadlineAfter(call.deps.clock, httpLimits.alertsBudgetMs);
    last = await resultOnce({ ...call, deadline }, alert, source);
    if (!isToRepeat(last)) break;
  }
  return last;
}

function isFailed(result: AlertResult | null | undefined): boolean {
  return result === null || (result !== undefined && isToRepeat(result));
}

/** An alert that comes again while it is handled has the same result. */
async function resultOnce(
  call: Settling,
  alert: AlertPayload,
  source: AlertGroup['source'],
): Promise<AlertResult> {
  const { afterwards } = call;
  return await afterwards.once(keyOf(alert, source), () => resultOf(call, alert, source));
}

/** Of the same alert in the same state; of what nobody can read, its own text. */
function keyOf(alert: AlertPayload, source: AlertGroup['source']): string {
  return JSON.stringify([source, alert]);
}

async function resultOf(
  { deps, deadline, report }: Settling,
  alert: AlertPayload,
  source: AlertGroup['source'],
): Promise<AlertResult> {
  try {
    return await serveCall(
      deps,
      callOf(alert),
      (watched) => handleAlert(watched, alert, source, deadline),
      report,
    );
  } catch (error) {
    return { error: errorAnswer(error).error, alarm_name: nameOf(alert) };
  }
}

function callOf(alert: AlertPayload): Call {
  const call: Call = { ...anyCall, kind: 'alarm', alarmName: nameOf(alert) };
  if (alert.kind === 'unreadable') return { ...call, quality: 'unreadable' };
  const { transition } = alert;
  return { ...call, triggerId: alarmTriggerId(transition), alarmAtMs: transition.atMs };
}

function nameOf(alert: AlertPayload): string | null {
  return alert.kind === 'unreadable' ? alert.name : alert.transition.ref.name;
}

function modelOf({ deps: { settings } }: Settling, alert: AlertPayload): string {
  if (alert.kind === 'unreadable') return '';
  const { ref, dimensions } = alert.transition;
  const key = modelKey(settings.alarms, ref);
  return dimensions.find(({ name }) => name === key)?.value ?? '';
}

function isToRepeat(result: AlertResult): boolean {
  return 'error' in result || ('outcome' in result && result.outcome === 'DEFERRED');
}

function isPending(result: AlertResult | undefined): boolean {
  return result !== undefined && 'pending' in result;
}
