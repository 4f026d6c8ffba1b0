import { describe, expect, test } from 'vitest';
import { liveTable } from '../../../../src/cli/render/live-table.ts';
import { widthOf } from '../../../../src/cli/render/text-width.ts';
import { timesIn } from '../../../../src/cli/render/times.ts';
import type { LiveSpan } from '../../../../src/domain/answer/live-timeline.ts';
import { escapeText } from '../../../../src/domain/escape.ts';

const span = (fields: Partial<LiveSpan>): LiveSpan => ({
  pointer: 'alias:champion',
  version: '2',
  began_after: null,
  began_by: '2026-11-27T10:00:00.250Z',
  ended_by: null,
  how: 'promoted',
  has_gap: false,
  rollback_id: null,
  ...fields,
});
const story: readonly LiveSpan[] = [
  span({
    how: 'made',
    began_by: '2026-11-27T10:12:03.000Z',
    rollback_id: 'PascalStrategy/3ee7884e9c80f45d',
  }),
  span({
    version: '3',
    how: 'observed',
    began_after: '2026-11-27T09:55:00.000Z',
    began_by: '2026-11-27T10:00:00.000Z',
    ended_by: '2026-11-27T10:12:03.000Z',
    has_gap: true,
  }),
  span({
    version: null,
    how: 'observed',
    began_after: '2026-11-26T23:59:00.000Z',
    began_by: '2026-11-27T00:04:00.000Z',
    ended_by: '2026-11-27T10:00:00.000Z',
  }),
  span({
    how: 'baseline',
    began_by: '2026-11-26T08:00:00.000Z',
    ended_by: '2026-11-27T00:04:00.000Z',
  }),
];
const screen = (columns: number | null) => ({ columns, times: timesIn('UTC') });
const linesOf = (text: string): string[] => text.split('\n');

describe('liveTable', () => {
  test('names one pointer once, and a day once', () => {
    expect(linesOf(liveTable(story, screen(null)))).toEqual([
      'pointer  alias:champion',
      'LIVE FROM                                     VERSION  UNTIL                 KNOWN BY',
      '2026-11-27T10:12:03Z                          2        now, as far as known  rollback 3ee7884e9c80f45d',
      '2026-11-27T09:55:00Z to 10:00:00Z             3        2026-11-27T10:12:03Z  two readings, with a gap',
      '2026-11-26T23:59:00Z to 2026-11-27T00:04:00Z  none     2026-11-27T10:00:00Z  two readings',
      '2026-11-26T08:00:00Z or before                2        2026-11-27T00:04:00Z  first reading',
      'With a gap: another version may have been live between the two readings.',
    ]);
  });

  test.each([80, 120])('fits %i columns with two pointers, and names both', (columns) => {
    const previous = span({ pointer: 'alias:champion-previous', how: 'seen' });
    const usual = story.filter(({ version }) => version !== null);
    const text = liveTable([...usual, previous], screen(columns));
    for (const line of linesOf(text)) expect(widthOf(line)).toBeLessThanOrEqual(columns);
    expect(text).toContain('alias:champion ');
    expect(text).toContain('10:00:00Z or before');
    expect(text.includes('UNTIL')).toBe(columns === 120);
  });

  test('does not say of a version that somebody reported that it was read', () => {
    expect(liveTable([span({ how: 'seen' })], screen(null))).toContain('the change after it');
  });

  test('escapes what comes from the store', () => {
    const evil = 'a\u001b[2J\u202e';
    const text = liveTable(
      [span({ pointer: evil, version: evil, how: evil, rollback_id: evil, began_by: evil })],
      screen(null),
    );
    for (const line of linesOf(text)) expect(escapeText(line)).toBe(line);
  });
});
