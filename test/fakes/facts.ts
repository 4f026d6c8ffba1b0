import { type AlarmSettings, defaultAlarmSettings } from '../../src/domain/alarm/alarm-settings.ts';
import type { ConfirmedPlan } from '../../src/domain/decide/guard-answer.ts';
import { type Plan, type PlanSettings, planRollback } from '../../src/domain/decide/plan.ts';
import type { EndTime } from '../../src/domain/protocol/transition.ts';
import type {
  ModelAlias,
  ModelVersion,
  RegistrySnapshot,
} from '../../src/domain/registry/model.ts';
import { compareVersions } from '../../src/domain/registry/model.ts';
import { stagePointer } from '../../src/domain/registry/pointer.ts';
import { parseRequest, type RollbackRequest } from '../../src/domain/request/request.ts';
import type { TargetRuleSetting } from '../../src/domain/request/setting-form.ts';
import { type FleetState, newFleetState } from '../../src/domain/state/fleet.ts';
import { type ModelState, newModelState } from '../../src/domain/state/model-state.ts';

/** Builders for facts that pure functions take. */

/** When an end is written. */
export const timeAt = (atMs: number): EndTime => ({ nowMs: atMs, token: `token at ${atMs}` });

export const nowMs: number = Date.UTC(2026, 0, 1);

/** `version` in a stage, last updated at `updated`. */
export function row(version: string, stage: string, updated = 0, status = 'READY'): ModelVersion {
  return { version, stage, status, createdAtMs: 0, lastUpdatedAtMs: updated };
}

export function snapshotOf(rows: readonly ModelVersion[], isComplete = true): RegistrySnapshot {
  const sorted = rows.toSorted((a, b) => compareVersions(a.version, b.version));
  return {
    modelName: 'm',
    pointer: stagePointer,
    live: sorted.filter((version) => version.stage === 'Production'),
    others: sorted.filter((version) => version.stage !== 'Production'),
    isComplete,
    isEvidenceRead: true,
    clockSkewMs: null,
  };
}

export function stateOf(fields: Partial<ModelState> = {}): ModelState {
  return { ...newModelState('m', 'http://registry'), ...fields };
}

export function requestOf(fields: object = {}): RollbackRequest {
  return parseRequest({ model_name: 'm', ...fields }).request;
}

export function settingsOf(
  fields: {
    cooldownMs?: number;
    targetRule?: TargetRuleSetting;
    alarms?: Partial<AlarmSettings>;
  } = {},
): PlanSettings {
  return {
    registry: 'http://registry',
    cooldownMs: fields.cooldownMs ?? 0,
    targetRule: fields.targetRule ?? 'last-good',
    alarms: { ...defaultAlarmSettings, ...fields.alarms },
  };
}

export function planOf(
  rows: readonly ModelVersion[],
  fields: {
    request?: object;
    state?: Partial<ModelState>;
    cooldownMs?: number;
    targetRule?: TargetRuleSetting;
    isComplete?: boolean;
    confirmed?: ConfirmedPlan;
    alarms?: Partial<AlarmSettings>;
    fleet?: FleetState;
    /** Given: an alarm asks. */
    alarmAtMs?: number;
    doubt?: string;
    aliases?: readonly ModelAlias[];
    unreadBelow?: string;
  } = {},
): Plan {
  return planRollback({
    request: requestOf(fields.request),
    snapshot: snapshotOf(rows, fields.isComplete),
    state: stateOf(fields.state),
    nowMs,
    settings: settingsOf(fields),
    confirmed: fields.confirmed ?? { kind: 'none' },
    fleet: fields.fleet ?? newFleetState,
    alarmAtMs: fields.alarmAtMs ?? null,
    doubt: fields.doubt ?? null,
    aliases: fields.aliases ?? [],
    previous: null,
    unreadBelow: fields.unreadBelow ?? null,
  });
}
