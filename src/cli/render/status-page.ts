import type { StatusAnswer } from '../../domain/answer/status.ts';
import { escapeText } from '../../domain/escape.ts';
import { policyText } from '../../domain/request/policy.ts';
import type { Screen } from './fitted-table.ts';
import { wrap } from './table.ts';
import { cutMiddle } from './text-width.ts';
import type { Times } from './times.ts';

/** Names and values; what is longer than a line goes on below the value. */
export function statusText(status: StatusAnswer, { columns, times }: Screen): string {
  const { last_rollback: last, active } = status;
  const quarantined = [
    ...status.quarantined.map(({ version, since }) => `${version} (since ${times.full(since)})`),
    ...status.quarantined_earlier.map(([low, high]) => `earlier ${low}-${high}`),
  ];
  const rows: readonly (readonly [string, string])[] = [
    ['model', status.model_name],
    ['pointer', status.pointer],
    ['live', status.live_versions.join(', ') || 'none'],
    ['quarantined', quarantined.join(', ') || 'none'],
    ...status.warnings.map(({ message }): [string, string] => ['warning', message]),
    ['rollbacks', String(status.rollback_count)],
    ['last', last === null ? 'never' : lastText(last, times)],
    ['frozen', status.frozen ?? status.fleet_frozen ?? 'no'],
    ['paused', status.paused ?? 'no'],
    ['fleet', status.fleet_paused === null ? 'not paused' : `paused: ${status.fleet_paused}`],
    ['policy', status.policy === undefined ? 'none' : policyText(status.policy)],
    [
      'running',
      active === null
        ? 'nothing'
        : `${shortId(active.rollback_id)}, lease until ${times.full(active.lease_ends_at)}`,
    ],
  ];
  const indent = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows
    .map(([name, value]) => {
      const room = columns === null ? null : columns - indent;
      const lines = wrap(times.within(escapeText(value)), room)
        .split('\n')
        // A command stays whole: it is there to be copied.
        .map((line) => (room === null || line.includes('`') ? line : cutMiddle(line, room)));
      return lines
        .map((line, index) => `${(index === 0 ? name : '').padEnd(indent)}${line}`)
        .join('\n');
    })
    .join('\n');
}

// ---------------------------------------------------------------------------------------------------

function lastText(last: NonNullable<StatusAnswer['last_rollback']>, times: Times): string {
  const by = shortId(last.rollback_id);
  return `${last.from ?? 'none'} -> ${last.to} at ${times.full(last.at)} (${by})`;
}

/** The id without the model's name, which stands above. */
function shortId(id: string): string {
  return id.split('/').at(-1) ?? id;
}
