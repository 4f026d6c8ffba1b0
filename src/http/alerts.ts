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
import { deadlineWithin } from '../ports/deadline.ts';
import type { Answer, HttpCall } from './http-call.ts';
import { type ErrorAnswer, errorAnswer } from './http-error.ts';
import { parseJson, readJson } from './read-body.ts';

/**
 * A message of Alertmanager or Grafana: an answer for each alert, in their order. Whatever was understood is 200,
 * also what is refused or known already. What only a retry can cure is 503: then the sender sends the group again,
 * and what was handled is answered from its record.
 */
export async function answerAlerts(call: HttpCall): Promise<Answer> {
  const { request, body: signed } = call;
  const message = signed === undefined ? await readJson(request) : parseJson(request, signed);
  const group = parseAlertGroup(message);
  const results = await resultsOf(call, group);
  const { leftOut } = group;
  if (leftOut > 0) {
    call.deps.logger.log('warn', 'alerts left out', { alerts: leftOut, read: results.length });
  }
  const failed = results.find(isToRepeat);
  const body = { results, ...(leftOut > 0 ? { left_out: leftOut } : {}) };
  return failed === undefined
    ? { body }
    : { status: 503, body: { error: 'error' in failed ? failed.error : deferred, ...body } };
}

// ---------------------------------------------------------------------------------------------------

type AlertResult =
  | RollbackResponse
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

/** Models beside each other; the alerts of one model one after the other. */
async function resultsOf(call: HttpCall, { alerts, source }: AlertGroup): Promise<AlertResult[]> {
  const { deps } = call;
  const deadline = deadlineWithin(deps.clock, limits.alertsBudgetMs, call.deadline);
  const results = alerts.map(
    (alert): AlertResult => ({ error: notReached, alarm_name: nameOf(alert) }),
  );
  const byModel = Map.groupBy(alerts.entries(), ([, alert]) => modelOf(call, alert));
  await inParallel([...byModel.values()], deadline, async (ofModel) => {
    for (const [index, alert] of ofModel) {
      if (deadline.leftMs() <= limits.writeTimeoutMinMs) return;
      results[index] = await resultOf({ ...call, deadline }, alert, source);
    }
  });
  return results;
}

async function resultOf(
  { deps, deadline, report }: HttpCall,
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

function modelOf({ deps: { settings } }: HttpCall, alert: AlertPayload): string {
  if (alert.kind === 'unreadable') return '';
  const { ref, dimensions } = alert.transition;
  const key = modelKey(settings.alarms, ref);
  return dimensions.find(({ name }) => name === key)?.value ?? '';
}

function isToRepeat(result: AlertResult): boolean {
  return 'error' in result || result.outcome === 'DEFERRED';
}
