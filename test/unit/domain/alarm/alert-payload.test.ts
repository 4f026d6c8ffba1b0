import { describe, expect, test } from 'vitest';
import { type AlertPayload, parseAlertGroup } from '../../../../src/domain/alarm/alert-payload.ts';
import { InvalidRequestError } from '../../../../src/domain/errors.ts';
import { limits } from '../../../../src/domain/limits.ts';
import {
  type AlertParts,
  alert,
  alertmanagerMessage,
  grafanaMessage,
} from '../../../fakes/alerts.ts';

const only = (parts: AlertParts | unknown): AlertPayload => {
  const [read] = parseAlertGroup(alertmanagerMessage([parts])).alerts;
  if (read === undefined) throw new Error('no alert');
  return read;
};

describe('parseAlertGroup', () => {
  test('reads an alert of Alertmanager: its fingerprint, start, name and labels', () => {
    const group = parseAlertGroup(alertmanagerMessage());

    expect(group).toMatchObject({ source: 'alertmanager', leftOut: 0 });
    expect(group.alerts).toMatchObject([
      {
        kind: 'firing',
        transition: {
          ref: { source: 'alertmanager', id: 'c1f0a2b3c4d5e6f7', name: 'DrawdownHigh' },
          atMs: Date.UTC(2026, 0, 1, 2, 46, 0, 123),
          dimensions: expect.arrayContaining([{ name: 'model', value: 'PascalStrategy' }]),
        },
      },
    ]);
  });

  // Alertmanager 0.34: notify/notify.go has these.
  test.each([
    'first notification',
    'new alerts added',
    'some alerts resolved',
    'all alerts resolved',
    'repeat interval elapsed',
  ])(
    'reads a message of a later Alertmanager, sent for the reason "%s", as any other',
    (reason) => {
      const message = alertmanagerMessage(undefined, { notification_reason: reason });
      expect(parseAlertGroup(message)).toEqual(parseAlertGroup(alertmanagerMessage()));
    },
  );

  test('knows Grafana by its organisation, within which a fingerprint counts', () => {
    const group = parseAlertGroup(grafanaMessage());

    expect(group.source).toBe('grafana');
    expect(group.alerts).toMatchObject([
      { transition: { ref: { source: 'grafana', id: '7/c1f0a2b3c4d5e6f7' } } },
    ]);
  });

  test('reads each alert by itself, whatever the group is', () => {
    const alerts = [alert(), alert({ status: 'resolved' }), null, 'text', []];
    const { alerts: read } = parseAlertGroup(alertmanagerMessage(alerts));

    expect(read.map(({ kind }) => kind)).toEqual([
      'firing',
      'resolved',
      'unreadable',
      'unreadable',
      'unreadable',
    ]);
  });

  test.each([
    ['without a fingerprint', { fingerprint: '' }, /no fingerprint/],
    ['with a text as fingerprint', { fingerprint: 'a\nb' }, /no fingerprint/],
    ['without a time', { startsAt: '' }, /when it began/],
    ['with no real time', { startsAt: '2026-02-30T00:00:00Z' }, /when it began/],
    ['of an unknown state', { status: 'pending' }, /neither firing nor resolved: "pending"/],
  ])('cannot read one %s', (_, parts, why) => {
    expect(only(alert(parts))).toMatchObject({
      kind: 'unreadable',
      why: expect.stringMatching(why),
      name: 'DrawdownHigh',
    });
  });

  test('takes labels of any text, and leaves out what is none', () => {
    const labels = JSON.parse('{"__proto__": "x", "n": 3, "long": null, "html": "<b>"}');
    const read = only(alert({ labels, name: 'a\u0000\nb' }));

    expect(read).toMatchObject({ kind: 'firing', transition: { ref: { name: 'a b' } } });
    if (read.kind === 'unreadable') throw new Error(read.why);
    expect(read.transition.dimensions).toEqual(
      expect.arrayContaining([
        { name: '__proto__', value: 'x' },
        { name: 'html', value: '<b>' },
      ]),
    );
    expect(read.transition.dimensions.some(({ name }) => name === 'n')).toBe(false);
    expect(only(alert({ labels: { alertname: 'x'.repeat(2_000) } }))).toMatchObject({
      transition: { ref: { name: 'c1f0a2b3c4d5e6f7' } },
    });
  });

  test('reads a bounded number, and counts what is left out', () => {
    const many = Array.from({ length: 5_000 }, () => alert());
    const group = parseAlertGroup(alertmanagerMessage(many, { truncatedAlerts: 3 }));

    expect(group.alerts).toHaveLength(limits.alertsMax);
    expect(group.leftOut).toBe(5_003 - limits.alertsMax);
  });

  test.each([[null], [[]], ['x'], [{}], [{ alerts: {} }], [{ alerts: null }]])(
    'refuses %j',
    (value) => {
      expect(() => parseAlertGroup(value)).toThrow(InvalidRequestError);
    },
  );
});
