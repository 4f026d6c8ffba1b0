import type { LiveSpan } from '../../domain/answer/live-timeline.ts';
import { escapeText } from '../../domain/escape.ts';
import { type Column, fittedTable } from './fitted-table.ts';
import { shownTime } from './render-answer.ts';

/**
 * What the pointers of a model named when, one change a line. Where there is one pointer, it is named once.
 * @param columns of the terminal; null: whatever it takes
 */
export function liveTable(spans: readonly LiveSpan[], columns: number | null): string {
  const pointers = [...new Set(spans.map(({ pointer }) => pointer))];
  const hasSeveral = pointers.length > 1;
  return [
    ...(hasSeveral ? [] : [`pointer  ${escapeText(pointers.join())}`]),
    fittedTable(spans, columnsFor(hasSeveral), columns),
    ...(spans.some(({ has_gap: hasGap }) => hasGap) ? [gapText] : []),
  ].join('\n');
}

// ---------------------------------------------------------------------------------------------------

const gapText = 'With a gap: another version may have been live between the two readings.';

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
function beganText({ how, began_after: after, began_by: by }: LiveSpan): string {
  const shown = escapeText(shownTime(by));
  if (how === 'baseline' || how === 'seen') return `${shown} or before`;
  if (after === null || after === by) return shown;
  const [day, time] = shown.split('T');
  const first = escapeText(shownTime(after));
  return `${first} to ${first.startsWith(`${day}T`) ? time : shown}`;
}

function endText({ ended_by: by }: LiveSpan): string {
  return by === null ? 'now, as far as known' : escapeText(shownTime(by));
}

function sourceText({ how, has_gap: hasGap, rollback_id: id }: LiveSpan): string {
  const text = Object.hasOwn(howTexts, how) ? howTexts[how] : escapeText(how);
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
