import * as v from 'valibot';
import { type Check, ok, problem } from '../../domain/answer/check.ts';
import { messageOf } from '../../domain/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { type AlertmanagerPlace, askAlertmanager } from './alertmanager-api.ts';

/** Can it be asked about alerts? Never throws. */
export async function inspectAlertmanager(
  place: AlertmanagerPlace,
  clock: Clock,
  deadline: Deadline,
): Promise<Check> {
  const name = 'alertmanager';
  try {
    const answer = await askAlertmanager(place, 'status', clock, deadline);
    const { versionInfo } = v.parse(status, answer);
    return ok(name, `${place.baseUrl.host} can be asked about alerts (${versionInfo.version}).`);
  } catch (error) {
    const why = error instanceof v.ValiError ? 'its answer has another form' : messageOf(error);
    return problem(
      name,
      `Alertmanager at ${place.baseUrl.host} cannot be asked about alerts: ${why}.`,
      'Check ROLLBACK_ALERTMANAGER_URL, with the login in it. Until then the state of its alerts is not known.',
    );
  }
}

// ---------------------------------------------------------------------------------------------------

const version = v.pipe(v.string(), v.regex(/^[\w.+-]{1,60}$/));
const status = v.object({ versionInfo: v.object({ version }) });
