import { ModelNotFoundError, messageOf } from '../domain/errors.ts';
import { type Confirmation, confirmationOf, type Hook, hookName } from '../domain/hook.ts';
import { limits } from '../domain/limits.ts';
import { afterReload, leaseServing, supersedeServing } from '../domain/protocol/serving.ts';
import type { RollbackRecord } from '../domain/record/record.ts';
import { settingsFor } from '../domain/request/policy.ts';
import { pointerState } from '../domain/state/pointer-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import { announce } from './announce.ts';
import { callHook } from './call-hook.ts';
import { type RollbackDeps, throughPointer } from './deps.ts';

/**
 * Makes servers reload after a commit, whose writer holds the next call. Never throws: what is cut off here is found
 * again by a replay or the sweep.
 * @returns the record as it is then
 */
export async function reload(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<RollbackRecord> {
  if (record.serving?.kind !== 'pending' || deadline.leftMs() <= 0) return record;
  const found = await askServing(deps, record, deadline);
  try {
    return (await save(deps, record, found, deadline)) ?? record;
  } catch (error) {
    deps.logger.log('warn', 'what serving answered could not be recorded', {
      rollback_id: record.id,
      error: messageOf(error),
    });
    return record;
  }
}

/**
 * Calls it again where that is due, unless another version is live by now.
 * @returns the record as it is then; null when another run was quicker
 */
export async function reloadIfDue(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<RollbackRecord | null> {
  const nowMs = deps.clock.nowMs();
  if (record.serving?.kind !== 'pending' || record.serving.dueAtMs > nowMs) return record;
  const leased = leaseServing(record, nowMs);
  if ((await deps.store.write({ record: leased }, deadline)) === 'conflict') return null;
  const isLive = await isStillLive(deps, leased, deadline);
  if (isLive === false) {
    const superseded = supersedeServing(leased, deps.clock.nowMs());
    const result = await deps.store.write({ record: superseded }, deadline);
    return result === 'written' ? superseded : null;
  }
  const found =
    isLive === true
      ? await askServing(deps, leased, deadline)
      : notConfirmed(deps, record, isLive.why);
  return await save(deps, leased, found, deadline);
}

// ---------------------------------------------------------------------------------------------------

async function askServing(
  deps: RollbackDeps,
  record: RollbackRecord,
  deadline: Deadline,
): Promise<Confirmation> {
  const { plan, modelName, request, id } = record;
  const version = plan?.to?.version ?? '';
  const hook = await hookFor(deps, modelName, deadline);
  if ('why' in hook) return notConfirmed(deps, record, hook.why);
  const asked = {
    kind: 'reload',
    model_name: modelName,
    version,
    pointer: plan?.pointer ?? '',
    from_version: plan?.from?.version ?? null,
    reason: request.reason,
    rollback_id: id,
  } as const;
  const found = confirmationOf(await callHook(deps, hook, asked, deadline), version);
  if (found.kind === 'confirmed') return found;
  return notConfirmed(deps, record, `${hookName(hook)}: ${found.why}`);
}

/** The hook of the model's policy, else that of the settings; why there is none now. Never throws. */
async function hookFor(
  { store, settings }: RollbackDeps,
  modelName: string,
  deadline: Deadline,
): Promise<Hook | { readonly why: string }> {
  try {
    const { state = {} } = await store.read(modelName, null, deadline);
    const { reload: hook = null } = settingsFor(settings, state);
    return hook ?? { why: 'neither ROLLBACK_RELOAD nor the policy of the model sets a hook here' };
  } catch (error) {
    return { why: `the state could not be read: ${messageOf(error).replace(/\.$/, '')}` };
  }
}

function notConfirmed(
  { logger }: RollbackDeps,
  { id }: RollbackRecord,
  why: string,
): Confirmation & { kind: 'not-confirmed' } {
  logger.log('warn', 'serving did not confirm the version', { rollback_id: id, why });
  return { kind: 'not-confirmed', why };
}

/** Another task of the record may have been written meanwhile: then once more, on top of it. */
async function save(
  deps: RollbackDeps,
  record: RollbackRecord,
  found: Confirmation,
  deadline: Deadline,
): Promise<RollbackRecord | null> {
  let now = record;
  for (let attempt = 1; attempt <= limits.commitAttemptsMax; attempt += 1) {
    // The first call is never news, so nothing was announced before the second.
    const isFirst = now.serving?.kind === 'pending' && now.serving.tries === 0;
    const previous = isFirst
      ? undefined
      : await deps.store.readNotice(record.id, 'serving', deadline);
    const time = { nowMs: deps.clock.nowMs(), token: deps.identity.random(), previous };
    const change = afterReload(now, found, time);
    if ((await deps.store.write(change, deadline)) === 'written') {
      if (change.notice !== undefined) await announce(deps, change.notice.item, deadline);
      return change.record;
    }
    const { record: latest } = await deps.store.read(record.modelName, record.id, deadline);
    if (latest?.serving?.kind !== 'pending') return latest ?? null;
    now = latest;
  }
  return null;
}

/** Whether the version of the record is the live one; why not, where that cannot be read. */
async function isStillLive(
  deps: RollbackDeps,
  { plan, modelName, id, request }: RollbackRecord,
  deadline: Deadline,
): Promise<boolean | { readonly why: string }> {
  const { state } = await deps.store.read(modelName, null, deadline);
  if (plan === null || state === undefined) return false;
  const { lastCommit } = pointerState(state, plan.pointer);
  if (!request.promotes && lastCommit?.rollbackId !== id) return false;
  try {
    const { registry } = throughPointer(deps, plan.pointer);
    const { live } = await registry.read(modelName, [], deadline, limits.recheckRows);
    return live[0]?.version === plan.to?.version;
  } catch (error) {
    if (error instanceof ModelNotFoundError) return false;
    return { why: `the registry could not be read: ${messageOf(error).replace(/\.$/, '')}` };
  }
}
