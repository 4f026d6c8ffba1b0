import type { PlanAnswer, RollbackResponse } from '../domain/answer/response.ts';
import { assert, assertNever } from '../domain/assert.ts';
import { Outcome } from '../domain/decide/outcome.ts';
import { ErrorCode, isModelRollbackError } from '../domain/errors.ts';

/** Scripts branch on these (docs/reference/command.md). */
export const ExitCode = {
  DONE: 0,
  FAILED: 1,
  USAGE: 2,
  REFUSED: 3,
  NO_TARGET: 4,
  RETRY_LATER: 5,
  CONTESTED: 6,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** The exit code of an answer; of a dry run, what a real request would have exited with. */
export function exitCodeOf(answer: RollbackResponse): ExitCode {
  const outcome = answer.outcome === 'DRY_RUN' ? verdictOf(answer) : answer.outcome;
  switch (outcome) {
    case Outcome.ROLLED_BACK:
    case Outcome.PROMOTED:
    case Outcome.ALREADY_LIVE:
    case 'IGNORED':
      return ExitCode.DONE;
    case Outcome.REFUSED:
    case Outcome.AWAITING_APPROVAL:
    case Outcome.OBSERVED:
      return ExitCode.REFUSED;
    case Outcome.NO_TARGET:
      return ExitCode.NO_TARGET;
    case Outcome.CONTESTED:
      return ExitCode.CONTESTED;
    case Outcome.FAILED:
      return ExitCode.FAILED;
    case Outcome.DEFERRED:
    case 'IN_PROGRESS':
      return ExitCode.RETRY_LATER;
    default:
      return assertNever(outcome);
  }
}

export function exitCodeOfError(error: unknown): ExitCode {
  if (!isModelRollbackError(error)) return ExitCode.FAILED;
  if (error.isRetryable) return ExitCode.RETRY_LATER;
  const isUsage =
    error.code === ErrorCode.INVALID_REQUEST || error.code === ErrorCode.CONFIGURATION;
  return isUsage ? ExitCode.USAGE : ExitCode.FAILED;
}

// ---------------------------------------------------------------------------------------------------

function verdictOf({ plan }: RollbackResponse): PlanAnswer['verdict'] {
  assert(plan !== null, 'a dry run is a plan');
  return plan.verdict;
}
