import { InvalidRequestError, RollbackInProgressError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { isQuarantined, releaseFromQuarantine } from '../domain/quarantine.ts';
import type { ModelState, RollbackRecord } from '../domain/rollback.ts';
import { modelNameOf, next } from '../domain/rollback.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackStore } from '../ports/rollback-store.ts';

/** Operators' verbs on stored state. */

/**
 * One record by its id.
 * @throws InvalidRequestError when the id has not the form of one; undefined when it is not on record
 */
export async function explainRollback(
  store: RollbackStore,
  rollbackId: string,
  deadline: Deadline,
): Promise<RollbackRecord | undefined> {
  const modelName = modelNameOf(rollbackId);
  if (!/\/[0-9a-f]{16}$/.test(rollbackId) || modelName === '') {
    throw new InvalidRequestError(
      `${JSON.stringify(rollbackId)} is no rollback id; one looks like "NAME/0123456789abcdef". ` +
        'Run "model-rollback history" to see them.',
    );
  }
  return (await store.read(modelName, rollbackId, deadline)).record;
}

/**
 * Takes a version out of quarantine.
 * @returns false when it was not in it
 * @throws RollbackInProgressError when other writers were quicker several times
 */
export async function releaseVersion(
  store: RollbackStore,
  modelName: string,
  version: string,
  deadline: Deadline,
): Promise<boolean> {
  for (let attempt = 1; attempt <= limits.commitAttemptsMax; attempt += 1) {
    const { state } = await store.read(modelName, null, deadline);
    if (state === undefined || !isQuarantined(state, { version, createdAtMs: 0 })) return false;
    const released: ModelState = { ...state, ...releaseFromQuarantine(state, version) };
    if ((await store.write({ state: next(released) }, deadline)) === 'written') return true;
  }
  throw new RollbackInProgressError(`Others write the state of ${modelName} right now. Try again.`);
}
