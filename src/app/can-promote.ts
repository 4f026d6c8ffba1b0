import { requireVersion } from '../domain/decide/plan.ts';
import { isoTime } from '../domain/registry/model.ts';
import { newFleetState } from '../domain/state/fleet.ts';
import { newModelState } from '../domain/state/model-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';
import { promotionRefusals } from './promotion-refusals.ts';
import { readModel } from './read-model.ts';

/** Whether a version may be promoted now (docs/reference/command.md, can-promote). */
export interface PromotionAnswer {
  readonly model_name: string;
  readonly version: string;
  readonly can_promote: boolean;
  readonly refusals: readonly {
    readonly code: string;
    readonly message: string;
    /** When it ends by itself (ISO 8601, UTC); null when it does not. */
    readonly clears_at: string | null;
  }[];
}

/**
 * Says for a pipeline whether a version may be promoted: it is not in quarantine, nothing is frozen, and the version
 * is READY. It writes nothing.
 * @throws VersionNotFoundError, ModelNotFoundError, RegistryUnavailableError, StateStoreUnavailableError
 */
export async function canPromote(
  deps: RollbackDeps,
  { modelName, version }: { readonly modelName: string; readonly version: string },
  deadline: Deadline,
): Promise<PromotionAnswer> {
  const { snapshot, view } = await readModel(deps, { modelName, include: [version] }, deadline);
  const stored = {
    state: view.state ?? newModelState(modelName, deps.registry.address),
    fleet: view.fleet ?? newFleetState,
  };
  const row = requireVersion(snapshot, version);
  const refusals = await promotionRefusals(deps, row, stored, deadline);
  return {
    model_name: modelName,
    version,
    can_promote: refusals.length === 0,
    refusals: refusals.map(({ code, message, clearsAtMs }) => ({
      code,
      message,
      clears_at: clearsAtMs === null ? null : isoTime(clearsAtMs),
    })),
  };
}
