import { type Html, html, type Part } from './html.ts';
import { rollbackPath } from './paths.ts';
import { utcText } from './text.ts';
import type { Bar, Lane, Mark, MarkKind, Timeline } from './timeline.ts';

/**
 * Draws the picture of what was live. It is as wide as the page, since places are percentages: texts and signs keep
 * their size. Readers that cannot see it get the list beside it, so it is hidden from them.
 */
export function timelineSvg({ lanes, alarms, ends, ticks }: Timeline): Html {
  const barsTop = 62;
  const laneHeight = lanes.length > 1 ? 62 : 44;
  const bottom = barsTop + Math.max(1, lanes.length) * laneHeight;
  return html`<svg class="timeline" width="100%" height="${bottom + 26}" aria-hidden="true" focusable="false">
${hatch}
<g class="grid">${ticks.map(
    ({ at }) => html`<line x1="${percent(at)}" x2="${percent(at)}" y1="0" y2="${bottom}"/>`,
  )}</g>
<line class="thread" x1="0" x2="100%" y1="14" y2="14"/><line class="thread" x1="0" x2="100%" y1="40" y2="40"/>
${lanes.map((lane, index) => laneSvg(lane, barsTop + index * laneHeight, lanes.length > 1))}
${ends.filter(isMove).map(({ at, kind }) => html`<line class="drop ${kind}" x1="${percent(at)}" x2="${percent(at)}" y1="40" y2="${bottom - 4}"/>`)}
${alarms.map((mark) => markSvg(mark, 14))}${ends.map((mark) => markSvg(mark, 40))}
<g class="axis">${ticks.map(
    ({ at, label }, index) =>
      html`<text class="${index % 2 === 0 ? 'even' : 'odd'}" x="${percent(at)}" y="${bottom + 18}">${label}</text>`,
  )}${ticks.some(({ at }) => at > 0.94) ? null : html`<text class="now" x="100%" y="${bottom + 18}">now</text>`}</g>
</svg>`;
}

/** The same in the height of a line, for a row of a table. */
export function stripSvg({ lanes, ends }: Timeline): Html {
  const [lane] = lanes;
  if (lane === undefined) return html`<span class="faint">not read yet</span>`;
  return html`<svg class="strip" width="100%" height="22" aria-hidden="true" focusable="false">
${lane.bars.map((bar) => barSvg(bar, 2, 18, 0.12))}
${ends.filter(isMove).map(({ at, kind }) => html`<svg class="mark ${kind}" x="${percent(at)}" y="11" overflow="visible"><circle r="4"/></svg>`)}
</svg>`;
}

/** The pattern of what was rolled back: one on a page is enough for all pictures of it. */
const hatch: Html = html`<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse"
 patternTransform="rotate(45)"><rect class="hatch" width="2.5" height="7"/></pattern></defs>`;

/** For a page whose pictures are strips alone. */
export const hatchOnly: Html = html`<svg class="unseen" width="0" height="0" aria-hidden="true" focusable="false">${hatch}</svg>`;

/** What the signs mean. */
export function legend(kinds: ReadonlySet<MarkKind>): Html {
  const rows = signs.filter(({ kind }) => kinds.has(kind));
  return html`<ul class="legend">${rows.map(
    ({ kind, word }) => html`<li>${signSvg(kind)} ${word}</li>`,
  )}<li><span class="swatch live"></span> live now</li><li><span class="swatch past"></span> live before</li><li><span
class="swatch rolled-back"></span> rolled back</li></ul>`;
}

/** The sign of one kind, within text. */
export function signSvg(kind: MarkKind): Html {
  return html`<svg class="sign" width="16" height="16" viewBox="-8 -8 16 16" aria-hidden="true"
 focusable="false"><g class="mark ${kind}">${shapeOf(kind)}</g></svg>`;
}

// ---------------------------------------------------------------------------------------------------

function percent(place: number): string {
  return `${(place * 100).toFixed(3)}%`;
}

function laneSvg({ pointer, bars }: Lane, top: number, isNamed: boolean): Part {
  const y = isNamed ? top + 16 : top;
  return [
    isNamed ? html`<text class="lane" x="0" y="${top + 10}">${pointer}</text>` : null,
    bars.map((bar) => barSvg(bar, y, 38, 0.045)),
  ];
}

/** @param labelledFrom the least part of the width at which the version is written into it */
function barSvg(
  { from, to, version, state, hasGap }: Bar,
  y: number,
  height: number,
  labelledFrom: number,
): Html {
  const width = Math.max(to - from, 0.002);
  const label = width < labelledFrom ? null : version === null ? 'none' : `v${version}`;
  const middle = height / 2 + 5;
  return html`<svg class="bar ${state}" x="${percent(from)}" y="${y}" width="${percent(width)}" height="${height}">
<rect width="100%" height="100%" rx="4"/>${
    state === 'rolled-back'
      ? html`<rect class="over" width="100%" height="100%" rx="4" fill="url(#hatch)"/>`
      : null
  }${hasGap ? html`<line class="gap" x1="1" x2="1" y1="0" y2="${height}"/>` : null}${
    label === null ? null : html`<text x="9" y="${middle}">${label}</text>`
  }</svg>`;
}

function markSvg({ at, kind, events }: Mark, y: number): Html {
  const [first] = events;
  const titles = events.map(
    ({ atMs, text }) => `${utcText(new Date(atMs).toISOString())}: ${text}`,
  );
  const id = events.find(({ rollbackId }) => rollbackId !== null)?.rollbackId ?? null;
  const count = events.length;
  const shape = html`<title>${titles.join('\n')}</title><circle class="target" r="12"/>${shapeOf(kind)}${
    count > 1 ? html`<text class="count" x="9" y="-4">${count}</text>` : null
  }`;
  const body =
    id === null || first === undefined
      ? shape
      : html`<a href="${rollbackPath(id)}" tabindex="-1">${shape}</a>`;
  return html`<svg class="mark ${kind}" x="${percent(at)}" y="${y}" overflow="visible">${body}</svg>`;
}

function isMove({ kind }: Mark): boolean {
  return kind === 'rollback' || kind === 'undo';
}

/** Each kind has a form of its own, so that none needs its colour. */
function shapeOf(kind: MarkKind): Html {
  return signs.find((sign) => sign.kind === kind)?.shape ?? html``;
}

const signs: readonly { readonly kind: MarkKind; readonly word: string; readonly shape: Html }[] = [
  { kind: 'alarm', word: 'alarm', shape: html`<path d="M0-7 7.5 6h-15z"/>` },
  {
    kind: 'rollback',
    word: 'rollback',
    shape: html`<circle r="7.5"/><path class="ink" d="M3.6 2.6A3.8 3.8 0 1 0 1.2-3.3M1.6-5.8 0.8-3.3 3.3-2.4"/>`,
  },
  {
    kind: 'undo',
    word: 'undo',
    shape: html`<circle r="7.5"/><path class="ink" d="M-3.6 2.6A3.8 3.8 0 1 1-1.2-3.3M-1.6-5.8-0.8-3.3-3.3-2.4"/>`,
  },
  { kind: 'promotion', word: 'promotion', shape: html`<path d="M0-7 6 0H2.6v6.5h-5.2V0H-6z"/>` },
  {
    kind: 'refusal',
    word: 'refusal',
    shape: html`<rect x="-6" y="-6" width="12" height="12" rx="2"/><path class="ink" d="M-3 0h6"/>`,
  },
  { kind: 'waiting', word: 'waiting for a person', shape: html`<path d="M0-8 8 0 0 8-8 0z"/>` },
  {
    kind: 'failure',
    word: 'failure',
    shape: html`<rect x="-6" y="-6" width="12" height="12" rx="2"/><path class="ink" d="M-2.6-2.6 2.6 2.6M2.6-2.6-2.6 2.6"/>`,
  },
];
