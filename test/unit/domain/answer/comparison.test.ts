import { describe, expect, test } from 'vitest';
import { comparisonTable } from '../../../../src/cli/render/comparison-table.ts';
import { widthOf } from '../../../../src/cli/render/text-width.ts';
import { timesIn } from '../../../../src/cli/render/times.ts';
import { compareDetails, comparisonUnread } from '../../../../src/domain/answer/comparison.ts';
import { escapeText } from '../../../../src/domain/escape.ts';
import type { VersionDetails } from '../../../../src/domain/registry/version-details.ts';

const details = (version: string, change: Partial<VersionDetails> = {}): VersionDetails => ({
  version,
  createdAtMs: Date.UTC(2026, 0, Number(version)),
  description: '',
  source: 's3://models/m',
  tags: { team: 'fraud' },
  aliases: [],
  run: {
    runId: `run${version}`,
    isDeleted: false,
    startedAtMs: null,
    metrics: { accuracy: Number(version) / 10, loss: 'NaN' },
    params: { depth: '3', ['__proto__']: 'x' },
  },
  signature: { inputs: [{ name: 'age', type: 'long', isRequired: true }], outputs: null },
  unread: [],
  ...change,
});
const utc = timesIn('UTC');

describe('compareDetails', () => {
  test('has what differs first, the signature before all', () => {
    const inputs = [{ name: 'age', type: 'double', isRequired: false }];
    const { rows } = compareDetails(
      details('3', { signature: { inputs, outputs: null } }),
      details('2'),
    );
    const shown = rows.map(({ part, name, from, to, differs }) =>
      [part, name, from, to, differs].join(' | '),
    );
    expect(shown).toEqual([
      'signature | input age | double, optional | long | true',
      'metric | accuracy | 0.3 | 0.2 | true',
      'source | run | run3 | run2 | true',
      'version | registered | 2026-01-03T00:00:00.000Z | 2026-01-02T00:00:00.000Z | true',
      'metric | loss | NaN | NaN | false',
      'param | __proto__ | x | x | false',
      'param | depth | 3 | 3 | false',
      'source | source | s3://models/m | s3://models/m | false',
      'tag | team | fraud | fraud | false',
    ]);
  });

  test('shows what one version has and the other has not', () => {
    const { rows } = compareDetails(details('3', { tags: {}, aliases: ['b', 'a'] }), details('2'));
    expect(rows.filter(({ differs }) => differs)).toEqual(
      expect.arrayContaining([
        { part: 'tag', name: 'team', from: null, to: 'fraud', differs: true },
        { part: 'version', name: 'aliases', from: 'a, b', to: null, differs: true },
      ]),
    );
  });

  test('takes nothing for a difference that could not be read', () => {
    const unread = [
      { what: 'run', why: 'no answer.' },
      { what: 'signature', why: '404.' },
    ] as const;
    const blind = details('2', { run: null, signature: null, unread });
    const { rows, unread: lines } = compareDetails(details('3'), blind);
    expect(rows.map(({ name }) => name)).toEqual(['registered', 'source', 'team']);
    expect(lines).toEqual([
      'The run of version 2 could not be read: no answer.',
      'The signature of version 2 could not be read: 404.',
    ]);
  });
});

describe('comparisonTable', () => {
  test.each([80, 120])('fits %i columns, whatever the names and values are', (columns) => {
    const long = 'x'.repeat(200);
    const tags = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`${long}${at}`, long]));
    const comparison = compareDetails(details('3', { tags, source: long }), details('2'));
    const times = timesIn('America/Argentina/Buenos_Aires');
    const lines = comparisonTable(comparison, { columns, times }).split('\n');
    for (const line of lines) expect(widthOf(line), line).toBeLessThanOrEqual(columns);
    expect(lines[0]).toMatch(/^DIFFERS +LIVE 3 +TARGET 2$/);
    expect(lines.at(-2)).toMatch(/^And \d+ more differ: pass --json\.$/);
    expect(lines.at(-1)).toMatch(/^\d+ of \d+ values are equal\.$/);
  });

  test('is one line when nothing could be read, and escapes it', () => {
    const text = comparisonTable(comparisonUnread('3', '2', 'no\u001b[2J answer.'), {
      columns: 80,
      times: utc,
    });
    expect(text).toBe(escapeText(text));
    expect(text).toMatch(/^The two versions could not be compared: no/);
  });
});
