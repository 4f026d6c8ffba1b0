import { describe, expect, test } from 'vitest';
import { timesIn, zoneLine } from '../../../../src/cli/render/times.ts';

describe('timesIn', () => {
  const berlin = timesIn('Europe/Berlin');

  test('shows a table without the zone, and a text with the offset', () => {
    expect(berlin.short('2026-11-27T23:30:00.986Z')).toBe('2026-11-28 00:30:00');
    expect(berlin.full('2026-11-27T23:30:00.986Z')).toBe('2026-11-28T00:30:00+01:00');
    expect(berlin.full('2026-07-01T00:00:00Z')).toBe('2026-07-01T02:00:00+02:00');
    expect(zoneLine(berlin)).toEqual(['Times are in Europe/Berlin. For UTC, pass --utc.']);
  });

  test('keeps the instant, in every zone', () => {
    for (const zone of ['Asia/Kolkata', 'America/St_Johns', 'Pacific/Apia', 'Africa/Abidjan']) {
      for (const iso of ['2026-03-29T01:30:00Z', '2024-02-29T23:59:59Z', '0999-12-31T12:00:00Z']) {
        const shown = timesIn(zone).full(iso);
        if (iso.startsWith('2'))
          expect(Date.parse(shown), `${zone} ${shown}`).toBe(Date.parse(iso));
        expect(shown).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d(:\d\d)?$/);
      }
    }
  });

  test('leaves commands and quoted values as they are: they are there to be copied', () => {
    const text =
      'Allowed at 2026-11-27T23:30:00.986Z. Run `x --before 2026-11-27T23:30:00Z`; "2026-11-27T23:30:00Z"';
    expect(berlin.within(text)).toBe(
      'Allowed at 2026-11-28T00:30:00+01:00. Run `x --before 2026-11-27T23:30:00Z`; "2026-11-27T23:30:00Z"',
    );
    const next = 'next: model-rollback history --before 2026-11-27T23:30:00Z#m/1';
    expect(berlin.within(next)).toBe(next);
  });

  test('leaves what is no instant as it is', () => {
    for (const text of ['', 'never', '2026-13-01', '+010000-01-01T00:00:00.000Z']) {
      expect([berlin.short(text), berlin.full(text), berlin.within(text)]).toEqual([
        text,
        text,
        text,
      ]);
    }
  });

  test.each(['UTC', 'Etc/UTC', 'GMT'])('%s is shown as it is stored, to the second', (zone) => {
    const utc = timesIn(zone);
    expect(utc.short('2026-11-27T23:30:00.986Z')).toBe('2026-11-27T23:30:00Z');
    expect(utc.within('at 2026-11-27T23:30:00.986Z')).toBe('at 2026-11-27T23:30:00.986Z');
    expect(zoneLine(utc)).toEqual([]);
  });
});
