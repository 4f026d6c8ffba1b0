/** Records and states made by the real transitions, and the races that every store must settle. */

import { cloudWatchRef } from '../../src/domain/alarm/alarm.ts';
import { type AlarmSettings, defaultAlarmSettings } from '../../src/domain/alarm/alarm-settings.ts';
import type { Plan } from '../../src/domain/decide/plan.ts';
import {
  type Attempt,
  endUnclaimed,
  type UnclaimedOutcome,
} from '../../src/domain/protocol/attempt.ts';
import { endWithoutPlan, type PlanlessEnd } from '../../src/domain/protocol/planless-end.ts';
import {
  type ClaimedRun,
  claim,
  commit,
  type EndedRun,
  type EndTime,
} from '../../src/domain/protocol/transition.ts';
import { afterSending, type OutboxNotice } from '../../src/domain/record/outbox.ts';
import type { NoticeWrite, RollbackRecord, StoreChange } from '../../src/domain/record/record.ts';
import type { AlarmTrigger } from '../../src/domain/record/trigger.ts';
import type { ModelVersion } from '../../src/domain/registry/model.ts';
import type { RollbackRequest } from '../../src/domain/request/request.ts';
import { next } from '../../src/domain/revision.ts';
import { type FleetState, newFleetState } from '../../src/domain/state/fleet.ts';
import { type ModelState, newModelState } from '../../src/domain/state/model-state.ts';
import type { Deadline } from '../../src/ports/deadline.ts';
import type { RollbackStore } from '../../src/ports/rollback-store.ts';

export const REGISTRY = 'http://registry.invalid';
export const NOON_MS: number = Date.UTC(2026, 10, 23, 12);
/** Where something came from that nobody can read. */
const TOPIC = 'arn:aws:sns:eu-west-1:111122223333:alarms';

const SAMPLE_REQUEST: Omit<RollbackRequest, 'modelName'> = {
  targetVersion: null,
  reason: 'PERFORMANCE_DEGRADATION',
  alarmName: 'fraud-latency',
  isDryRun: false,
  requestId: null,
  expectedFromVersion: null,
  overrides: [],
  requestedBy: null,
};

/** An attempt at one model; `key` separates attempts. */
export function attemptAt(
  modelName: string,
  key: string,
  options: {
    readonly nowMs?: number;
    readonly verdict?: Plan['verdict'];
    /** Given: this alarm asks by itself. */
    readonly alarm?: AlarmTrigger;
  } = {},
): Attempt {
  const { nowMs = NOON_MS, verdict = 'ROLLED_BACK', alarm = null } = options;
  return {
    id: `${modelName}/${key}`,
    request: { modelName, ...SAMPLE_REQUEST },
    bodyHash: 'body',
    previous: undefined,
    alarm,
    isAutomatic: alarm !== null,
    firstSeenAtMs: null,
    plan: planAt(nowMs, verdict),
    warnings: [],
    nowMs,
    previousNotice: undefined,
    token: newToken(),
  };
}

/** The claim of an untouched model. */
export function firstClaim(modelName: string, key: string, nowMs: number = NOON_MS): ClaimedRun {
  const lease = { owner: `owner-${key}`, leaseEndsAtMs: nowMs + 60_000 };
  const state = newModelState(modelName, REGISTRY);
  return claim(state, attemptAt(modelName, key, { nowMs }), lease);
}

/** The same for a promotion. */
export function promotionClaim(modelName: string, key: string): ClaimedRun {
  const lease = { owner: `owner-${key}`, leaseEndsAtMs: NOON_MS + 60_000 };
  const attempt = attemptAt(modelName, key, { verdict: 'PROMOTED' });
  const request = { ...attempt.request, alarmName: null, promotes: true } as const;
  return claim(newModelState(modelName, REGISTRY), { ...attempt, request }, lease);
}

/** The same for an alarm, with the slot that it takes of the fleet. */
export function alarmClaim(
  modelName: string,
  key: string,
  fleet: FleetState = newFleetState,
): ClaimedRun & { readonly fleet: FleetState } {
  const lease = { owner: `owner-${key}`, leaseEndsAtMs: NOON_MS + 60_000 };
  const attempt = attemptAt(modelName, key, { alarm: alarmOf(modelName) });
  const claimed = claim(newModelState(modelName, REGISTRY), attempt, lease, { fleet });
  if (claimed.fleet === undefined) throw new Error('no slot was taken');
  return { ...claimed, fleet: claimed.fleet };
}

/** The commit of a claimed run. */
export function committed(claimed: ClaimedRun, nowMs: number = NOON_MS): EndedRun {
  return commit(claimed, timeAt(nowMs), [], defaultAlarmSettings);
}

/** When an end is written; each call has another token. */
export function timeAt(nowMs: number): EndTime {
  return { nowMs, token: newToken() };
}

/** A refusal, with its notice. */
export function refused(modelName: string, key: string, nowMs: number = NOON_MS): AnnouncedEnd {
  return announced(unclaimed(attemptAt(modelName, key, { nowMs, verdict: 'REFUSED' }), 'REFUSED'));
}

/** An end that people are notified of. */
export type AnnouncedEnd = StoreChange & {
  readonly record: RollbackRecord;
  readonly notice: NoticeWrite;
};

export function announced(end: StoreChange & { readonly record: RollbackRecord }): AnnouncedEnd {
  const { notice } = end;
  if (notice === undefined) throw new Error('the end has no notice');
  return { ...end, notice };
}

/** The mark on a notice after a try. @param results whether each channel took it */
export function marked(
  notice: OutboxNotice,
  nowMs: number = NOON_MS + 1,
  results: Readonly<Record<string, boolean>> = { sns: true },
): NoticeWrite {
  const names = Object.keys(results);
  const item = afterSending(notice, new Map(Object.entries(results)), names, timeAt(nowMs));
  return { item, over: notice.token };
}

/** The record after a change that is due at no other time. */
export function changed(record: RollbackRecord): RollbackRecord {
  const warnings = [...record.warnings, { code: 'CHANGED', message: 'It was changed.' }];
  return next({ ...record, warnings });
}

/** The end of an attempt that needs no claim. */
export function unclaimed(
  attempt: Attempt,
  outcome: UnclaimedOutcome,
  facts: {
    readonly state?: ModelState;
    readonly fleet?: FleetState;
    readonly settings?: AlarmSettings;
  } = {},
): StoreChange & { readonly record: RollbackRecord } {
  return endUnclaimed(attempt, {
    outcome,
    state: newModelState(attempt.request.modelName, REGISTRY),
    fleet: newFleetState,
    cooldownMs: 86_400_000,
    settings: defaultAlarmSettings,
    ...facts,
  });
}

/** The end of an alarm that came to no plan: under its model, or under its own name. */
export function planless(
  subject: RollbackRecord['subject'],
  outcome: PlanlessEnd['outcome'],
  nowMs: number = NOON_MS,
): StoreChange & { readonly record: RollbackRecord } {
  const alarm = alarmOf(subject === 'model' ? 'fraud' : null);
  const { id: arn } = alarm.transition.ref;
  const modelName = { model: 'fraud', alarm: arn, source: TOPIC }[subject];
  return endWithoutPlan({
    id: `${modelName}/0123456789abcdef`,
    subject,
    request: { modelName, ...SAMPLE_REQUEST },
    bodyHash: 'body',
    previous: undefined,
    previousNotice: undefined,
    alarm: subject === 'source' ? null : alarm,
    outcome,
    message: 'It could not be handled.',
    ...timeAt(nowMs),
  });
}

/** An alarm that went red a minute before noon; null: it names no model. */
export function alarmOf(modelName: string | null): AlarmTrigger {
  const name = 'fraud-latency';
  const dimensions = modelName === null ? [] : [{ name: 'ModelName', value: modelName }];
  return {
    transition: {
      isFromEventBus: false,
      ref: cloudWatchRef(`arn:aws:cloudwatch:eu-west-1:111122223333:alarm:${name}`, name),
      atMs: NOON_MS - 60_000,
      previousState: 'OK',
      contributor: null,
      isComposite: false,
      dimensions,
      isMultiSeries: false,
      childrenInAlarm: [],
    },
    modelSource: modelName === null ? null : 'dimension',
    liveVersions: null,
  };
}

export interface Racer {
  readonly store: RollbackStore;
  readonly owner: string;
}

/** What one client got: the answer of the store, or the name and message of what it threw. */
export interface RaceResult {
  readonly owner: string;
  readonly answer: string;
}

/** The first half of a round: everybody looks at the same state. */
export async function prepareClaims(
  racers: readonly Racer[],
  modelName: string,
  round: number,
  deadline: Deadline,
): Promise<readonly ClaimedRun[]> {
  return await Promise.all(
    racers.map(async ({ store, owner }) => {
      const attempt = attemptAt(modelName, `${round}-${owner}`);
      const view = await store.read(modelName, attempt.id, deadline);
      const state: ModelState = view.state ?? newModelState(modelName, REGISTRY);
      return claim(state, attempt, { owner, leaseEndsAtMs: NOON_MS + 60_000 });
    }),
  );
}

/** The second half: everybody writes at once. */
export async function writeClaims(
  racers: readonly Racer[],
  claims: readonly StoreChange[],
  deadline: Deadline,
): Promise<readonly RaceResult[]> {
  return await Promise.all(
    racers.map(async ({ store, owner }, index) => {
      const claimed = claims[index];
      if (claimed === undefined) throw new Error(`no claim was prepared for ${owner}`);
      try {
        return { owner, answer: await store.write(claimed, deadline) };
      } catch (error) {
        return { owner, answer: String(error) };
      }
    }),
  );
}

/** Tokens stand for one write: DynamoDB refuses another one of the same name for ten minutes. */
function newToken(): string {
  tokens += 1;
  return `token ${tokens}`;
}

let tokens = 0;

function planAt(nowMs: number, verdict: Plan['verdict']): Plan {
  const row = (version: string, stage: string): ModelVersion => ({
    version,
    stage,
    status: 'READY',
    createdAtMs: nowMs - 1_000,
    lastUpdatedAtMs: nowMs - 500,
  });
  return {
    pointer: 'stage:Production',
    registry: REGISTRY,
    plannedAtMs: nowMs,
    verdict,
    from: row('3', 'Production'),
    to: verdict === 'NO_TARGET' ? null : row('2', 'Archived'),
    live: ['3'],
    rule: verdict === 'NO_TARGET' ? null : 'displaced',
    guards: [],
    candidates: [],
    candidatesOmitted: 0,
  };
}
