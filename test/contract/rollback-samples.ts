/** Records and states made by the real transitions, and the race that every store must settle. */
import type { ModelVersion } from '../../src/domain/model.ts';
import type { RollbackRequest } from '../../src/domain/request.ts';
import { type ModelState, newModelState, type Plan } from '../../src/domain/rollback.ts';
import { type Attempt, type ClaimedRun, claim } from '../../src/domain/transition.ts';
import type { Deadline } from '../../src/ports/deadline.ts';
import type { RollbackStore } from '../../src/ports/rollback-store.ts';

export const REGISTRY = 'http://registry.invalid';
export const NOON_MS: number = Date.UTC(2026, 10, 23, 12);

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

/** An attempt at one model; `key` tells attempts apart. */
export function attemptAt(
  modelName: string,
  key: string,
  options: { readonly nowMs?: number; readonly verdict?: Plan['verdict'] } = {},
): Attempt {
  const { nowMs = NOON_MS, verdict = 'ROLLED_BACK' } = options;
  return {
    id: `${modelName}/${key}`,
    request: { modelName, ...SAMPLE_REQUEST },
    bodyHash: 'body',
    previous: undefined,
    plan: planAt(nowMs, verdict),
    warnings: [],
    nowMs,
  };
}

/** The claim of an untouched model. */
export function firstClaim(modelName: string, key: string, nowMs: number = NOON_MS): ClaimedRun {
  const lease = { owner: `owner-${key}`, leaseEndsAtMs: nowMs + 60_000 };
  return claim(newModelState(modelName, REGISTRY), attemptAt(modelName, key, { nowMs }), lease);
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
  claims: readonly ClaimedRun[],
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
