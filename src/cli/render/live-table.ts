import type { LiveSpan } from '../../domain/answer/live-timeline.ts';
import { escapeText } from '../../domain/escape.ts';
import { shownTime } from './render-answer.ts';
import { table } from './table.ts';

/** What the pointers of a model named when, one change a line. */
export function liveTable(spans: readonly LiveSpan[]): string {
  return table([
    ['LIVE FROM', 'POINTER', 'VERSION', 'UNTIL', 'KNOWN BY'],
    ...spans.map((span) => [
      beganText(span),
      escapeText(span.pointer),
      span.version === null ? 'none' : escapeText(span.version),
      span.ended_by === null ? 'now, as far as known' : shownTime(span.ended_by),
      sourceText(span),
    ]),
  ]);
}

// ---------------------------------------------------------------------------------------------------

function beganText({ how, began_after: after, began_by: by }: LiveSpan): string {
  if (how === 'baseline' || how === 'seen') return `${shownTime(by)} or before`;
  return after === null ? shownTime(by) : `${shownTime(after)} to ${shownTime(by)}`;
}

function sourceText({ how, has_gap: hasGap, rollback_id: id }: LiveSpan): string {
  const text = Object.hasOwn(howTexts, how) ? howTexts[how] : escapeText(how);
  const gap = hasGap ? '; others may have been live just before' : '';
  return `${text}${id === null ? '' : ` ${escapeText(id.split('/').at(-1) ?? '')}`}${gap}`;
}

const howTexts: Readonly<Record<string, string>> = {
  baseline: 'first reading of the registry',
  seen: 'reading of the registry',
  observed: 'two readings of the registry',
  webhook: 'webhook of MLflow',
  promoted: 'report of a pipeline',
  made: 'rollback',
};
