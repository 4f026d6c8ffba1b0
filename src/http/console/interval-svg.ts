import type { ShownMetric } from '../../domain/evidence/read-finding.ts';
import { type Html, html, type Part } from './html.ts';

/**
 * Draws the change of one metric: its interval, no change, and what its rule does not allow, hatched. It is as wide as
 * its place. Readers that cannot see it get the same facts as text beside it, so it is hidden from them.
 */
export function intervalSvg({ change, interval, limit, result }: ShownMetric): Html | null {
  if (change === null) return null;
  const [low, high] = interval ?? [change, change];
  const at = scaleOf([0, change, low, high, ...(limit === null ? [] : [limit.change])]);
  const line = (name: string, place: string, top: number, bottom: number): Html =>
    html`<line class="${name}" x1="${place}" x2="${place}" y1="${top}" y2="${bottom}"/>`;
  return html`<svg class="interval" width="100%" height="${height}" aria-hidden="true" focusable="false">
${limit === null ? null : notAllowed(limit, at)}${line('zero', percent(at(0)), 0, height)}${
  limit === null ? null : line('limit', percent(at(limit.change)), 0, height)
}<g class="${toneOf(result)}">${
    interval === null
      ? null
      : html`<line class="range" x1="${percent(at(low))}" x2="${percent(at(high))}" y1="${middle}" y2="${middle}"/>${[
          low,
          high,
        ].map((end) => line('range', percent(at(end)), middle - 6, middle + 6))}`
  }<svg x="${percent(at(change))}" y="${middle}" overflow="visible">${shapeOf(result)}</svg></g>
</svg>`;
}

/** What the parts of the pictures mean. */
export const intervalLegend: Html = html`<ul class="legend"><li><svg class="sign" width="26" height="16"
 aria-hidden="true" focusable="false"><line class="range" x1="1" x2="25" y1="8" y2="8"/><circle class="range" cx="13"
 cy="8" r="4"/></svg> change, with its interval</li><li><svg class="sign" width="10" height="16" aria-hidden="true"
 focusable="false"><line class="zero" x1="5" x2="5" y1="0" y2="16"/></svg> no change</li><li><svg class="sign" width="18"
 height="16" aria-hidden="true" focusable="false"><rect class="beyond" width="18" height="16"/><line class="limit" x1="17"
 x2="17" y1="0" y2="16"/></svg> not allowed by the rule</li></ul>`;

/** Also for the words of a result. */
export function toneOf(result: string): 'good' | 'bad' | 'warn' {
  if (result === 'passed') return 'good';
  return result === 'failed' ? 'bad' : 'warn';
}

// ---------------------------------------------------------------------------------------------------

const height = 30;
const middle = height / 2;

/** Places of values, from 0 to 1. Some room is left at both ends. */
function scaleOf(values: readonly number[]): (value: number) => number {
  // A quarter of each, since the difference of two numbers may be too large.
  const small = values.map((value) => value / 4);
  const [least, most] = [Math.min(...small), Math.max(...small)];
  const room = most > least ? (most - least) * 0.12 : Math.max(Math.abs(most), 1);
  const width = most - least + 2 * room;
  return (value) => Math.min(1, Math.max(0, (value / 4 - least + room) / width));
}

function notAllowed(
  { change, worse }: NonNullable<ShownMetric['limit']>,
  at: (value: number) => number,
): Part {
  const place = at(change);
  const [x, width] = worse === 'below' ? [0, place] : [place, 1 - place];
  return html`<rect class="beyond" x="${percent(x)}" y="0" width="${percent(width)}" height="${height}"/>`;
}

/** Each result has a form of its own, so that none needs its colour. */
function shapeOf(result: string): Html {
  if (result === 'passed') return html`<circle r="5"/>`;
  return result === 'failed'
    ? html`<path d="M-5-3-3-5 0-2 3-5 5-3 2 0 5 3 3 5 0 2-3 5-5 3-2 0z"/>`
    : html`<path d="M0-6 6 0 0 6-6 0z"/>`;
}

function percent(place: number): string {
  return `${(place * 100).toFixed(3)}%`;
}
