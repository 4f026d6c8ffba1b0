import * as v from 'valibot';
import { AlarmSource, type AlarmTransition } from '../../domain/alarm/alarm.ts';
import { parseInstant } from '../../domain/alarm/alarm-text.ts';
import { limits } from '../../domain/limits.ts';
import type { AlertNow, AlertReader } from '../../ports/alert-reader.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { type AlertmanagerPlace, askAlertmanager } from './alertmanager-api.ts';

/**
 * Asks Alertmanager what an alert is now. It lists those that fire, and keeps no others: an alert that is not in
 * the list has ended, unless Alertmanager itself was started a short time ago and has not heard of it again.
 */
export class AlertmanagerAlertReader implements AlertReader {
  readonly #place: AlertmanagerPlace;
  readonly #clock: Clock;

  constructor(place: AlertmanagerPlace, clock: Clock) {
    this.#place = place;
    this.#clock = clock;
  }

  async read(alert: AlarmTransition, deadline: Deadline): Promise<AlertNow> {
    if (alert.ref.source !== AlarmSource.ALERTMANAGER) return 'unknown';
    try {
      const answer = await this.#ask(`alerts?${queryFor(alert)}`, deadline);
      const listed = v.parse(alertList, answer).find((one) => one.fingerprint === alert.ref.id);
      if (listed !== undefined) return stateOf(alert, listed);
      const { uptime } = v.parse(status, await this.#ask('status', deadline));
      const startedAtMs = parseInstant(uptime);
      if (startedAtMs === null) return 'unknown';
      const upMs = this.#clock.nowMs() - startedAtMs;
      return upMs < limits.alertmanagerWarmUpMs ? 'unknown' : 'OK';
    } catch {
      return 'unreachable';
    }
  }

  #ask(path: string, deadline: Deadline): Promise<unknown> {
    return askAlertmanager(this.#place, path, this.#clock, deadline);
  }
}

// ---------------------------------------------------------------------------------------------------

const alertList = v.array(
  v.object({
    fingerprint: v.string(),
    startsAt: v.string(),
    status: v.object({ state: v.string() }),
  }),
);
type Listed = v.InferOutput<typeof alertList>[number];

/** `uptime` is when it was started. */
const status = v.object({ uptime: v.string() });

/** All that are not resolved, silenced ones too; of one model, where its label is on record. */
function queryFor({ dimensions }: AlarmTransition): URLSearchParams {
  const query = new URLSearchParams({ active: 'true', silenced: 'true', inhibited: 'true' });
  const [label, ...others] = dimensions;
  if (label !== undefined && others.length === 0 && /^[a-z_][a-z0-9_]*$/i.test(label.name)) {
    const value = label.value.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n');
    query.set('filter', `${label.name}="${value}"`);
  }
  return query;
}

/** Somebody who silenced an alert wants nothing to be done about it, and it fires all the same. */
function stateOf({ atMs }: AlarmTransition, { startsAt, status: { state } }: Listed): AlertNow {
  const startedAtMs = parseInstant(startsAt);
  if (startedAtMs === null) return 'unknown';
  // The one at hand has ended, and this is the next: it comes with a message of its own.
  if (startedAtMs > atMs + 1) return 'OK';
  return state === 'suppressed' ? 'unknown' : 'ALARM';
}
