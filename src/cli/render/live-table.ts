import type { LiveSpan } from '../../domain/answer/live-timeline.ts';
import { escapeText } from '../../domain/escape.ts';
import { type Column, fittedTable, type Screen } from './fitted-table.ts';
import type { Times } from './times.ts';

/**
 * What the pointers of a model named when, one change a line. Where there is one pointer, it is named once.
 */
export function liveTable(spans: readonly LiveSpan[], screen: Screen): string {
  const pointers = [...new Set(spans.map(({ pointer }) => pointer))];
  const hasSeveral = pointers.length > 1;
  return [
    ...(hasSeveral ? [] : [`pointer  ${escapeText(pointers.join())}`]),
    fittedTable(spans, columnsFor(hasSeveral), screen),
    ...(spans.some(({ has_gap: hasGap }) => hasGap) ? [gapText] : []),
  ].join('\n');
}

// ---------------------------------------------------------------------------------------------------

const gapText = 'With a gap: another version may have been live between the two readings.';

/** Of `2026-11-27T`, or `2026-11-27 `. */
const dayLength = 11;

function columnsFor(hasSeveral: boolean): readonly Column<LiveSpan>[] {
  const pointer: Column<LiveSpan> = {
    title: 'POINTER',
    cell: (span) => escapeText(span.pointer),
    isFlexible: true,
  };
  return [
    { title: 'LIVE FROM', cell: beganText },
    ...(hasSeveral ? [pointer] : []),
    { title: 'VERSION', cell: ({ version }) => (version === null ? 'none' : escapeText(version)) },
    // The line above has it too.
    { title: 'UNTIL', cell: endText, leftOut: 1 },
    { title: 'KNOWN BY', cell: sourceText, isFlexible: hasSeveral },
  ];
}

/** Between two times of one day the day is written once. */
function beganText({ how, began_after: after, began_by: by }: LiveSpan, times: Times): string {
  const shown = escapeText(times.short(by));
  if (how === 'baseline' || how === 'seen') return `${shown} or before`;
  if (after === null || after === by) return shown;
  const first = escapeText(times.short(after));
  const isOneDay = first.slice(0, dayLength) === shown.slice(0, dayLength);
  return `${first} to ${isOneDay ? shown.slice(dayLength) : shown}`;
}

function endText({ ended_by: by }: LiveSpan, times: Times): string {
  return by === null ? 'now, as far as known' : escapeText(times.short(by));
}

function sourceText({ how, has_gap: hasGap, rollback_id: id }: LiveSpan): string {
  // One of ours has a record.
  const isOwnPromotion = how === 'promoted' && id !== null;
  const known = Object.hasOwn(howTexts, how) ? howTexts[how] : escapeText(how);
  const text = isOwnPromotion ? 'promotion' : known;
  const short = id === null ? '' : ` ${escapeText(id.split('/').at(-1) ?? '')}`;
  return `${text}${short}${hasGap ? ', with a gap' : ''}`;
}

const howTexts: Readonly<Record<string, string>> = {
  baseline: 'first reading',
  // Nobody read it at that time: a rollback moved away from it, or a report named it.
  seen: 'the change after it',
  observed: 'two readings',
  webhook: 'webhook of MLflow',
  promoted: 'report of a promotion',
  made: 'rollback',
};
