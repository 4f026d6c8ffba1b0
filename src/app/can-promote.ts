import { commandText } from '../domain/command-line.ts';
import { requireVersion } from '../domain/decide/plan.ts';
import { isoTime } from '../domain/registry/model.ts';
import { RefusalCode } from '../domain/request/request.ts';
import { quarantineMark } from '../domain/state/counting-marks.ts';
import { newFleetState } from '../domain/state/fleet.ts';
import { newModelState } from '../domain/state/model-state.ts';
import { freezeNow, freezeText } from '../domain/state/operator.ts';
import { isQuarantined, quarantineCause } from '../domain/state/quarantine.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';
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
  const row = requireVersion(snapshot, version);
  const state = view.state ?? newModelState(modelName, deps.registry.address);
  const nowMs = deps.clock.nowMs();
  const refusals: PromotionAnswer['refusals'][number][] = [];
  const refuse = (code: RefusalCode, message: string, clearsAtMs: number | null = null): void => {
    refusals.push({ code, message, clears_at: clearsAtMs === null ? null : isoTime(clearsAtMs) });
  };
  const own = freezeNow(state, nowMs);
  const all = freezeNow(view.fleet ?? newFleetState, nowMs);
  if (own !== null) refuse(RefusalCode.FROZEN, `${freezeText(own, modelName)}.`, own.untilMs);
  if (all !== null) refuse(RefusalCode.FROZEN, `${freezeText(all, null)}.`, all.untilMs);
  const mark = quarantineMark(row, state, nowMs);
  const isKnown = isQuarantined(state, row);
  if (isKnown || mark !== null) {
    const cause = isKnown
      ? quarantineCause(state, row)
      : `by its tag ${mark?.kind} of ${isoTime(mark?.atMs ?? 0)}, a rollback moved away from it`;
    const release = commandText('release', [modelName, version]);
    const message = `Version ${version} is in quarantine: ${cause}. To allow it again, run ${release}.`;
    refuse(RefusalCode.QUARANTINED, message);
  }
  if (row.status !== 'READY') {
    refuse(RefusalCode.TARGET_UNFIT, `Version ${version} has status ${row.status}, not READY.`);
  }
  return { model_name: modelName, version, can_promote: refusals.length === 0, refusals };
}
