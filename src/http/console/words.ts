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

/** How the wait for a person ended, by what the alarm's watch says. */
const waits: Readonly<Record<string, readonly [word: string, sign: string, tone: Tone]>> = {
  approved: ['Approved', '✓', 'calm'],
  rejected: ['Rejected', '×', 'calm'],
  expired: ['Not approved in time', '–', 'warn'],
  recovered: ['Alarm recovered', '–', 'calm'],
};
const noLongerWaiting = ['No longer waiting', '–', 'calm'] as const;

/** A badge with the outcome of an attempt; a later release may have stored one that is not known here. */
export function outcomeBadge({
  outcome,
  alarm,
}: Pick<RollbackResponse, 'outcome' | 'alarm'>): Html {
  if (outcome === 'AWAITING_APPROVAL' && alarm !== null && isClosed(alarm.watch)) {
    const [word, sign, tone] = waits[alarm.watch] ?? noLongerWaiting;
    return badge(word, tone, sign);
  }
  const known = Object.entries(outcomes).find(([name]) => name === outcome)?.[1];
  const [word, sign, tone] = known ?? [outcome, '', 'calm'];
  return badge(word, tone, sign);
}

export function badge(word: string, tone: Tone, sign = ''): Html {
  const mark = sign === '' ? null : html`<span aria-hidden="true">${sign}</span> `;
  return html`<span class="badge ${tone}">${mark}${word}</span>`;
}

/** Nothing checks the alarm again, since the wait has ended. */
function isClosed(watch: string): boolean {
  return watch !== 'none' && watch !== 'pending';
}

/** `7 → 6`; a screen reader says it. */
export function moveText(from: string | null, to: string | null): Html {
  return html`<span class="move"><b>${from ?? 'none'}</b> <span aria-hidden="true">→</span><span
    class="unseen"> to </span> <b>${to ?? 'none'}</b></span>`;
}
