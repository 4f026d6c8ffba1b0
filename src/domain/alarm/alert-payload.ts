import * as v from 'valibot';
import { InvalidRequestError } from '../errors.ts';
import { limits } from '../limits.ts';
import { AlarmSource, type AlarmTransition } from './alarm.ts';
import { boundedName, parseInstant, shownText } from './alarm-text.ts';

/**
 * What Alertmanager and Grafana send to a webhook: one form, since Grafana has the engine of Alertmanager; only
 * Grafana has `orgId`. A message has every alert of a group, also those of earlier messages and those that are
 * resolved, so each alert is read by itself.
 */
export interface AlertGroup {
  readonly source: 'alertmanager' | 'grafana';
  readonly alerts: readonly AlertPayload[];
  /** How many alerts of the group are not in `alerts`: the sender left them out, or they are over the bound. */
  readonly leftOut: number;
}

/** One alert. */
export type AlertPayload =
  | { readonly kind: 'firing' | 'resolved'; readonly transition: AlarmTransition }
  /** Nobody can act on it: people are notified. `why` is a sentence. */
  | {
      readonly kind: 'unreadable';
      readonly why: string;
      readonly arn: null;
      readonly name: string | null;
    };

/**
 * Reads a message. Lenient, as with alarms: fields that nobody knows are ignored.
 * @throws InvalidRequestError for what has not the form of a group of alerts
 */
export function parseAlertGroup(value: unknown): AlertGroup {
  const form = v.safeParse(groupSchema, value);
  if (!form.success) {
    throw new InvalidRequestError(
      'The body is not a message of Alertmanager or Grafana: it has no list "alerts". To ask for a rollback, ' +
        'send {"model_name": "NAME"} to /v1/rollbacks. Nothing was done.',
    );
  }
  const { alerts, orgId, truncatedAlerts, status } = form.output;
  const source = orgId === undefined ? AlarmSource.ALERTMANAGER : AlarmSource.GRAFANA;
  const scope = orgId === undefined ? '' : `${orgId}/`;
  const read = alerts.slice(0, limits.alertsMax);
  const leftOut = alerts.length - read.length + Math.max(0, truncatedAlerts ?? 0);
  return {
    source,
    alerts: read.map((alert) => readAlert(alert, { source, scope, groupStatus: status })),
    leftOut,
  };
}

// ---------------------------------------------------------------------------------------------------

const text = v.fallback(v.optional(v.string()), undefined);
const number = v.fallback(v.optional(v.number()), undefined);

const groupSchema = v.object({
  alerts: v.array(v.unknown()),
  orgId: number,
  truncatedAlerts: number,
  status: text,
});

const alertSchema = v.object({
  status: text,
  labels: v.fallback(v.optional(v.unknown()), undefined),
  startsAt: v.optional(v.unknown()),
  fingerprint: text,
});

interface Around {
  readonly source: AlertGroup['source'];
  /** What a fingerprint is unique within. */
  readonly scope: string;
  readonly groupStatus: string | undefined;
}

function readAlert(value: unknown, { source, scope, groupStatus }: Around): AlertPayload {
  const form = v.safeParse(alertSchema, value);
  if (!form.success) return unreadable('One of the alerts is not a JSON object.', null);
  const { labels, startsAt, fingerprint = '', status = groupStatus } = form.output;
  const dimensions = labelsOf(labels);
  const alertname = dimensions.find(({ name }) => name === 'alertname')?.value ?? '';
  const shown = alertname === '' ? fingerprint : alertname;
  const name = boundedName(shown.replaceAll(/\p{Cc}+/gu, ' '));
  if (!/^[\w-]{1,128}$/.test(fingerprint)) {
    return unreadable(`The alert ${shownText(name)} has no fingerprint to know it by.`, name);
  }
  if (status !== 'firing' && status !== 'resolved') {
    const given = shownText(status ?? '');
    return unreadable(
      `The alert ${shownText(name)} is neither firing nor resolved: ${given}.`,
      name,
    );
  }
  const atMs = parseInstant(startsAt);
  if (atMs === null) {
    return unreadable(
      `The alert ${shownText(name)} does not say when it began, as a time such as 2026-01-01T02:46:00Z.`,
      name,
    );
  }
  return {
    kind: status,
    transition: {
      ref: { source, id: `${scope}${fingerprint}`, name },
      atMs,
      previousState: null,
      contributor: null,
      isFromEventBus: false,
      isComposite: false,
      isMultiSeries: false,
      childrenInAlarm: [],
      dimensions,
    },
  };
}

function labelsOf(labels: unknown): AlarmTransition['dimensions'] {
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) return [];
  const isUsable = (value: unknown): value is string =>
    typeof value === 'string' && value !== '' && value.length <= limits.alarmTextLengthMax;
  return Object.entries(labels)
    .slice(0, limits.alarmDimensionsMax)
    .flatMap(([name, value]) => (isUsable(value) ? [{ name, value }] : []));
}

function unreadable(why: string, name: string | null): AlertPayload {
  return { kind: 'unreadable', why, arn: null, name };
}
