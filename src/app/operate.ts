import { assert } from '../domain/assert.ts';
import { commandText } from '../domain/command-line.ts';
import { InvalidRequestError } from '../domain/errors.ts';
import { escapeText } from '../domain/escape.ts';
import { modelNameOf } from '../domain/record/record.ts';
import { isRollbackId } from '../domain/request/rollback-operation.ts';
import { type Pause, resumeFleet } from '../domain/state/fleet.ts';
import type { OperatorAction } from '../domain/state/operator.ts';
import { withFreshBudget } from '../domain/state/pointer-state.ts';
import {
  addToQuarantine,
  isQuarantined,
  releaseFromQuarantine,
} from '../domain/state/quarantine.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackStore, StoreView } from '../ports/rollback-store.ts';
import type { RecordWithNotice } from './announce.ts';
import type { RollbackDeps } from './deps.ts';
import {
  type AtRegistry,
  decideByHand,
  isFleet,
  type Operator,
  readSubject,
  type Subject,
  stateOf,
} from './operator.ts';

/** Operators' verbs on stored state. */

/**
 * One record by its id, with its notice and the state of its model.
 * @throws InvalidRequestError when the id has not the form of one, or is not on record
 */
export async function explainRollback(
  store: RollbackStore,
  rollbackId: string,
  deadline: Deadline,
): Promise<RecordWithNotice & Pick<StoreView, 'state'>> {
  const modelName = modelNameOf(rollbackId);
  if (!isRollbackId(rollbackId)) {
    throw new InvalidRequestError(
      `${JSON.stringify(rollbackId)} is not a rollback id, which has the form "NAME/0123456789abcdef". ` +
        `To see them, run ${commandText('history')}.`,
    );
  }
  const { record, notice, state } = await store.read(modelName, rollbackId, deadline);
  if (record !== undefined) return { record, notice, state };
  throw new InvalidRequestError(
    `There is no record of ${escapeText(rollbackId)}. To list the records, run ${commandText('history')}.`,
  );
}

/** What people decided about a model, or about all of them (null), newest first. */
export async function readDecisions(
  store: RollbackStore,
  modelName: Subject,
  deadline: Deadline,
): Promise<readonly OperatorAction[]> {
  const view = await readSubject({ store }, modelName, deadline);
  return stateOf(view, modelName)?.actions?.toReversed() ?? [];
}

/** A version of a registered model. */
export interface NamedVersion {
  readonly modelName: string;
  readonly version: string;
}

/**
 * Takes a version out of quarantine. The state remembers it, so that an older tag in the registry does not
 * count either.
 * @returns false when the version was not in the quarantine of the state
 * @throws RollbackInProgressError when other writers were quicker several times
 */
export async function releaseVersion(
  deps: Deciding,
  { modelName, version }: NamedVersion,
  operator: Operator,
  deadline: Deadline,
): Promise<boolean> {
  const atMs = deps.clock.nowMs();
  const action = { verb: 'release', what: `version ${version}`, atMs, ...operator };
  return await decideByHand(deps, modelName, action, deadline, (item) => {
    assert(!isFleet(item), 'a version belongs to a model');
    const answer = isQuarantined(item, { version, createdAtMs: 0 });
    return { answer, item: releaseFromQuarantine(item, version, atMs) };
  });
}

/**
 * Puts a version into quarantine: no rule restores it, under any pointer.
 * @returns false when it was there already; who and why is kept all the same
 * @throws RollbackInProgressError when other writers were quicker several times
 */
export async function quarantineVersion(
  deps: Deciding,
  { modelName, version }: NamedVersion,
  operator: Reasoned,
  deadline: Deadline,
): Promise<boolean> {
  const atMs = deps.clock.nowMs();
  const action = { verb: 'quarantine', what: `version ${version}`, atMs, ...operator };
  const entry = { version, atMs, rollbackId: '', byHand: operator };
  return await decideByHand(deps, modelName, action, deadline, (item) => {
    assert(!isFleet(item), 'a version belongs to a model');
    const answer = !isQuarantined(item, { version, createdAtMs: 0 });
    return { answer, item: { ...item, ...addToQuarantine(item, entry) } };
  });
}

/**
 * Stops alarms from rolling back a model, or all models (null), until somebody runs `resume`.
 * @returns what had stopped them before; null when nothing had
 * @throws RollbackInProgressError when other writers were quicker several times
 */
export async function pauseAutomation(
  deps: Deciding,
  modelName: Subject,
  operator: Reasoned,
  deadline: Deadline,
): Promise<Pause | null> {
  const atMs = deps.clock.nowMs();
  const message = `${operator.by ?? 'Somebody'} paused it: ${endOfSentence(operator.reason)}`;
  const pause: Pause = { atMs, why: 'operator', message, rollbackId: '' };
  const action = { verb: 'pause', what: '', atMs, ...operator };
  return await decideByHand(deps, modelName, action, deadline, (item) => ({
    answer: item.pause,
    item: { ...item, pause },
  }));
}

/**
 * Lets alarms roll a model back again, with a fresh budget; or all models (null), with a fresh blast radius.
 * @returns what had stopped them; null when nothing had
 * @throws RollbackInProgressError when other writers were quicker several times
 */
export async function resumeAutomation(
  deps: Deciding,
  modelName: Subject,
  operator: Operator,
  deadline: Deadline,
): Promise<Pause | null> {
  const action = { verb: 'resume', what: '', atMs: deps.clock.nowMs(), ...operator };
  return await decideByHand(deps, modelName, action, deadline, (item) => {
    if (item.pause === null) return { answer: null, item: null };
    const resumed = isFleet(item) ? resumeFleet(item) : { ...withFreshBudget(item), pause: null };
    return { answer: item.pause, item: resumed };
  });
}

// ---------------------------------------------------------------------------------------------------

type Deciding = Pick<RollbackDeps, 'store' | 'clock'> & AtRegistry;

/** Who, and why: a decision that keeps others from something says why. */
interface Reasoned extends Operator {
  readonly reason: string;
}

function endOfSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
