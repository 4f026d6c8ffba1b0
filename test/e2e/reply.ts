/** What comes back from the function or the command: an answer, or a named error. */
import type { RollbackResponse } from '../../src/domain/answer/response.ts';

export type Answer = RollbackResponse;

/** A thrown error as a state machine or a script sees it. */
export interface Failure {
  /** `error.name`: what Lambda reports as errorType. */
  readonly errorType: string;
  readonly message: string;
  readonly code: string | null;
}

export type Reply = Answer | Failure;

export function isFailure(reply: Reply): reply is Failure {
  return 'errorType' in reply;
}

/** The answer; throws, with what was said, when there is none. */
export function answerIn(reply: Reply): Answer {
  if (isFailure(reply)) {
    throw new Error(`expected an answer, got ${reply.errorType}: ${reply.message}`);
  }
  return reply;
}

/** The registered model that an answer is about; throws when it names none. */
export function modelIn(answer: Answer): string {
  if (answer.model_name !== null) return answer.model_name;
  throw new Error(`expected the name of a model, got ${JSON.stringify(answer)}`);
}

/** The error; throws when there is an answer. */
export function failureIn(reply: Reply): Failure {
  if (!isFailure(reply)) {
    throw new Error(`expected an error, got ${JSON.stringify(reply)}`);
  }
  return reply;
}

/** The fields of an answer, in their order; the first seven are fixed. */
export const ANSWER_FIELDS: readonly string[] = [
  'rolled_back',
  'model_name',
  'from_version',
  'to_version',
  'reason',
  'alarm_name',
  'timestamp',
  'outcome',
  'message',
  'requested_by',
  'live_versions',
  'pointer',
  'rollback_id',
  'replayed',
  'notified',
  'refusals',
  'warnings',
  'alarm',
  'plan',
];
