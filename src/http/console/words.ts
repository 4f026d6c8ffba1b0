import type { RollbackResponse } from '../../domain/answer/response.ts';
import { type Html, html } from './html.ts';

/** How something stands; shown by a word and a sign, never by colour alone. */
export type Tone = 'good' | 'bad' | 'warn' | 'calm';

const outcomes: Readonly<
  Record<RollbackResponse['outcome'], readonly [word: string, sign: string, tone: Tone]>
> = {
  ROLLED_BACK: ['Rolled back', '↺', 'good'],
  PROMOTED: ['Promoted', '↑', 'good'],
  DRY_RUN: ['Plan', '?', 'calm'],
  IGNORED: ['Ignored', '–', 'calm'],
  IN_PROGRESS: ['In progress', '…', 'warn'],
  REFUSED: ['Refused', '■', 'warn'],
  NO_TARGET: ['No target', '!', 'bad'],
  ALREADY_LIVE: ['Already live', '=', 'calm'],
  CONTESTED: ['Contested', '!', 'bad'],
  FAILED: ['Failed', '×', 'bad'],
  DEFERRED: ['Deferred', '…', 'warn'],
  AWAITING_APPROVAL: ['Waiting for approval', '◇', 'warn'],
  OBSERVED: ['Observed only', '○', 'calm'],
};

/** A badge with the outcome of an attempt; a later release may have stored one that is not known here. */
export function outcomeBadge(outcome: string): Html {
  const known = Object.entries(outcomes).find(([name]) => name === outcome)?.[1];
  const [word, sign, tone] = known ?? [outcome, '', 'calm'];
  return badge(word, tone, sign);
}

export function badge(word: string, tone: Tone, sign = ''): Html {
  const mark = sign === '' ? null : html`<span aria-hidden="true">${sign}</span> `;
  return html`<span class="badge ${tone}">${mark}${word}</span>`;
}

/** `7 → 6`; a screen reader says it. */
export function moveText(from: string | null, to: string | null): Html {
  return html`<span class="move"><b>${from ?? 'none'}</b> <span aria-hidden="true">→</span><span
    class="unseen"> to </span> <b>${to ?? 'none'}</b></span>`;
}
