import { movesPointer } from '../domain/decide/outcome.ts';
import { messageOf } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { isPreviousAlias, previousAliases } from '../domain/pointer/alias.ts';
import type { RollbackRecord } from '../domain/record/record.ts';
import { deletedStatus } from '../domain/registry/model.ts';
import { parsePointer } from '../domain/registry/pointer.ts';
import type { Warning } from '../domain/request/request.ts';
import { next } from '../domain/revision.ts';
import { type Deadline, deadlineWithin } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/**
 * After a move of `alias:NAME`: sets the alias `NAME-previous` to the version that NAME left. Best effort, once: the
 * commit is done, and the live log has the same.
 * @returns a warning where it was not set; null also where there is nothing to set
 */
export async function setPreviousAlias(
  { registry, clock }: RollbackDeps,
  { plan, progress, modelName }: RollbackRecord,
  deadline: Deadline,
): Promise<Warning | null> {
  if (plan === null || plan.from === null || !movesPointer(progress.status)) return null;
  const pointer = parsePointer(plan.pointer, 'pointer');
  const [alias] = previousAliases(pointer);
  if (alias === undefined || pointer.kind !== 'alias') return null;
  const { version, status } = plan.from;
  const notSet = (message: string): Warning => ({ code: 'PREVIOUS_ALIAS_NOT_SET', message });
  if (isPreviousAlias(pointer.alias)) {
    return notSet(
      `The alias ${alias} was not set, because ${plan.pointer} is itself an alias for the version before.`,
    );
  }
  if (status === deletedStatus) {
    return notSet(`The alias ${alias} stays as it is, because version ${version} is deleted.`);
  }
  const within = deadlineWithin(clock, limits.annotateTimeoutMs, deadline);
  const answer = await registry
    .through({ kind: 'alias', alias })
    .movePointer(modelName, version, within);
  if (answer.kind === 'moved') return null;
  const what = `The alias ${alias} was not set to version ${version}: ${messageOf(answer.error)}`;
  return notSet(`${what} The next move tries again; to have it now, set it in MLflow.`);
}

/** Keeps a warning in the record of a run that has ended. Never throws. @returns the record with it */
export async function noteWarning(
  { store, logger }: RollbackDeps,
  record: RollbackRecord,
  warning: Warning,
  deadline: Deadline,
): Promise<RollbackRecord> {
  const noted = next({ ...record, warnings: [...record.warnings, warning] });
  try {
    if ((await store.write({ record: noted }, deadline)) === 'written') return noted;
    logger.log('warn', 'a warning could not be recorded', { rollback_id: record.id });
  } catch (error) {
    logger.log('warn', 'a warning could not be recorded', {
      rollback_id: record.id,
      error: messageOf(error),
    });
  }
  return noted;
}
