import { messageOf } from '../errors.ts';

/** What `doctor` reports about one thing: is it ready for a rollback? */
export const Verdict = { OK: 'ok', WARNING: 'warning', PROBLEM: 'problem' } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

export interface Check {
  /** Stable, but for the names of alarms in it. */
  readonly name: string;
  readonly verdict: Verdict;
  readonly message: string;
  /** What to do; null when nothing has to be done. */
  readonly fix: string | null;
}

export function ok(name: string, message: string): Check {
  return { name, verdict: Verdict.OK, message, fix: null };
}

export function warning(name: string, message: string, fix: string): Check {
  return { name, verdict: Verdict.WARNING, message, fix };
}

export function problem(name: string, message: string, fix: string): Check {
  return { name, verdict: Verdict.PROBLEM, message, fix };
}

/** What was thrown during a check. The messages of our errors end with the fix. */
export function failed(name: string, error: unknown): Check {
  const text = messageOf(error);
  const [, message, fix] = fixPattern.exec(text) ?? [];
  return message === undefined || fix === undefined
    ? problem(name, text, 'The message says what is wrong. See docs/reference/errors.md.')
    : problem(name, message, fix);
}

/** The verdict on all of them. */
export function worstOf(checks: readonly Check[]): Verdict {
  const has = (verdict: Verdict): boolean => checks.some((check) => check.verdict === verdict);
  if (has(Verdict.PROBLEM)) return Verdict.PROBLEM;
  return has(Verdict.WARNING) ? Verdict.WARNING : Verdict.OK;
}

// ---------------------------------------------------------------------------------------------------

/** How our errors begin to say what to do. */
const fixWords = [
  'Add',
  'Check',
  'Create',
  'Give',
  'Make',
  'Redirects',
  'Remove',
  'Rename',
  'Restore',
  'Set',
  'There is no MLflow API',
  'This login',
  'To',
  'Try',
  'Unset',
  'Update',
];
const fixPattern = new RegExp(`^(.+?[.?]) ((?:${fixWords.join('|')})\\b.+)$`, 'su');
