import { quarantinedWarnings } from '../decide/plan-text.ts';
import { isoTime, type RegistrySnapshot } from '../registry/model.ts';
import { pointerText } from '../registry/pointer.ts';
import { type PolicyAnswer, policyAnswer } from '../request/policy.ts';
import type { Warning } from '../request/request.ts';
import { type FleetState, pauseText } from '../state/fleet.ts';
import type { ModelState } from '../state/model-state.ts';
import { type Freeze, freezeNow, freezeText } from '../state/operator.ts';
import { pointerState } from '../state/pointer-state.ts';

/** What is live of a model and what is stored of it, as callers get it. Times are ISO 8601 in UTC. */
export interface StatusAnswer {
  readonly model_name: string;
  /** The pointer that live versions, rollbacks and the last one are about. */
  readonly pointer: string;
  readonly live_versions: readonly string[];
  readonly quarantined: readonly {
    version: string;
    since: string;
    /** Null for one that a person put there. */
    rollback_id: string | null;
    /** Given for one that a person put there. */
    by?: string | null;
    reason?: string;
  }[];
  readonly quarantined_earlier: readonly (readonly [number, number])[];
  /** What is worth knowing of the live version. */
  readonly warnings: readonly Warning[];
  readonly rollback_count: number;
  readonly last_rollback: {
    from: string | null;
    to: string;
    at: string;
    rollback_id: string;
  } | null;
  readonly active: { rollback_id: string; lease_ends_at: string } | null;
  /** Why nobody rolls it back; absent while it is not frozen. */
  readonly frozen?: string;
  /** The same for all models together. */
  readonly fleet_frozen?: string;
  /** Why alarms do not roll it back; null when they may. */
  readonly paused: string | null;
  /** The same for all models together. */
  readonly fleet_paused: string | null;
  /** What its policy sets in place of the settings; absent while it sets nothing. */
  readonly policy?: PolicyAnswer;
}

export function statusOf(
  snapshot: RegistrySnapshot,
  state: ModelState,
  fleet: FleetState,
  nowMs: number,
): StatusAnswer {
  const { active } = state;
  const pointer = pointerText(snapshot.pointer);
  const { lastCommit, rollbackCount } = pointerState(state, pointer);
  return {
    model_name: snapshot.modelName,
    pointer,
    live_versions: snapshot.live.map((row) => row.version),
    quarantined: state.quarantine.map(({ version, atMs, rollbackId, byHand }) => ({
      version,
      since: isoTime(atMs),
      rollback_id: rollbackId === '' ? null : rollbackId,
      ...byHand,
    })),
    quarantined_earlier: state.quarantineEarlier,
    warnings: quarantinedWarnings(snapshot, state),
    rollback_count: rollbackCount,
    last_rollback:
      lastCommit === null
        ? null
        : {
            from: lastCommit.from,
            to: lastCommit.to,
            at: isoTime(lastCommit.atMs),
            rollback_id: lastCommit.rollbackId,
          },
    active:
      active === null
        ? null
        : { rollback_id: active.rollbackId, lease_ends_at: isoTime(active.leaseEndsAtMs) },
    ...frozenOf(freezeNow(state, nowMs), freezeNow(fleet, nowMs), snapshot.modelName),
    paused: state.pause && pauseText(state.pause, snapshot.modelName),
    fleet_paused: fleet.pause && pauseText(fleet.pause, null),
    ...(state.policy === undefined ? {} : { policy: policyAnswer(state.policy) }),
  };
}

// ---------------------------------------------------------------------------------------------------

function frozenOf(
  own: Freeze | null,
  all: Freeze | null,
  modelName: string,
): Pick<StatusAnswer, 'frozen' | 'fleet_frozen'> {
  return {
    ...(own === null ? {} : { frozen: freezeText(own, modelName) }),
    ...(all === null ? {} : { fleet_frozen: freezeText(all, null) }),
  };
}
