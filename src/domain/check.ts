import { messageOf } from './errors.ts';

/** What `doctor` reports about one thing: is it ready for a rollback? */
export const Verdict = { OK: 'ok', WARNING: 'warning', PROBLEM: 'problem' } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

export interface Check {
  /** Stable, but for the names of alarms in it. */
  readonly name: string;
  readonly verdict: Verdict;
  readonly message: string;
  /** What to do; null when nothing has to be done. */
  readonly mend: string | null;
}

export function ok(name: string, message: string): Check {
  return { name, verdict: Verdict.OK, message, mend: null };
}

export function warning(name: string, message: string, mend: string): Check {
  return { name, verdict: Verdict.WARNING, message, mend };
}

export function problem(name: string, message: string, mend: string): Check {
  return { name, verdict: Verdict.PROBLEM, message, mend };
}

/** What was thrown during a check. The messages of our errors end with the fix. */
export function failed(name: string, error: unknown): Check {
  const text = messageOf(error);
  const [, message, mend] = mendPattern.exec(text) ?? [];
  return message === undefined || mend === undefined
    ? problem(name, text, 'The message says what is wrong. See docs/reference/errors.md.')
    : problem(name, message, mend);
}

/** The verdict on all of them. */
export function worstOf(checks: readonly Check[]): Verdict {
  const has = (verdict: Verdict): boolean => checks.some((check) => check.verdict === verdict);
  if (has(Verdict.PROBLEM)) return Verdict.PROBLEM;
  return has(Verdict.WARNING) ? Verdict.WARNING : Verdict.OK;
}

// ---------------------------------------------------------------------------------------------------

/** How our errors begin to say what to do. */
const mendWords = [
  'Add',
  'Check',
  'Give',
  'Make',
  'Redirects',
  'Remove',
  'Rename',
  'Restore',
  'Set',
  'There is no MLflow API',
  'This login',
  'Try',
  'Unset',
  'Update',
];
const mendPattern = new RegExp(`^(.+?[.?]) ((?:${mendWords.join('|')})\\b.+)$`, 'su');
