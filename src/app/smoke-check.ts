import type { Plan } from '../domain/decide/plan.ts';
import { RegistryUnavailableError } from '../domain/errors.ts';
import { hookName, type SmokeResult, smokeResult } from '../domain/hook.ts';
import { limits } from '../domain/limits.ts';
import { findVersion, type RegistrySnapshot } from '../domain/registry/model.ts';
import { RefusalCode, type RollbackRequest } from '../domain/request/request.ts';
import type { Deadline } from '../ports/deadline.ts';
import { callHook } from './call-hook.ts';
import type { RollbackDeps } from './deps.ts';

/** The move that is planned. */
export interface CheckedMove {
  readonly request: RollbackRequest;
  readonly plan: Plan;
  readonly snapshot: RegistrySnapshot;
  /** Null for a preview. */
  readonly rollbackId: string | null;
}

/**
 * Asks whether the target works, as the last thing before the claim: nothing is written by then, and the claim still
 * rests on what was read before. A request that passes the guard asks nobody.
 * @returns null when there is no smoke check
 * @throws RegistryUnavailableError when too little time is left to ask and to move
 */
export async function smokeCheck(
  deps: RollbackDeps,
  { request, plan, snapshot, rollbackId }: CheckedMove,
  deadline: Deadline,
): Promise<SmokeResult | null> {
  const { smokeCheck: hook = null } = deps.settings;
  const { from, to } = plan;
  if (hook === null || to === null) return null;
  const name = hookName(hook);
  if (request.overrides.includes(RefusalCode.TARGET_UNFIT)) {
    return { kind: 'skipped', hook: name, why: '' };
  }
  const leftMs = deadline.leftMs() - limits.afterSmokeCheckMs;
  if (leftMs < limits.smokeCheckTimeMinMs) {
    throw new RegistryUnavailableError(
      'Too little time is left for the smoke check and a move. Nothing was done. Try again.',
    );
  }
  const startMs = deps.clock.monotonicMs();
  const within = { leftMs: () => deadline.leftMs() - limits.afterSmokeCheckMs };
  const asked = {
    kind: 'smoke-check',
    model_name: request.modelName,
    version: to.version,
    source: findVersion(snapshot, to.version)?.source ?? null,
    pointer: plan.pointer,
    from_version: from?.version ?? null,
    reason: request.reason,
    rollback_id: rollbackId,
  } as const;
  const result = smokeResult(name, await callHook(deps, hook, asked, within));
  const seen = {
    model_name: request.modelName,
    version: to.version,
    hook: name,
    result: result.kind,
    why: result.why,
    duration_ms: Math.round(deps.clock.monotonicMs() - startMs),
  };
  if (result.kind === 'passed') deps.logger.log('info', 'smoke check answered', seen);
  else deps.logger.log('warn', 'the smoke check did not say ok', seen);
  return result;
}
