import { assert } from '../domain/assert.ts';
import { type Attempt, unclaimedOutcome } from '../domain/attempt.ts';
import { planCommand } from '../domain/command-text.ts';
import {
  InvalidRequestError,
  RegistryUnavailableError,
  StateStoreUnavailableError,
} from '../domain/errors.ts';
import { type FleetState, newFleetState } from '../domain/fleet.ts';
import type { ConfirmedPlan } from '../domain/guard.ts';
import { limits } from '../domain/limits.ts';
import { clockSkewProblem, inProgressError, meet } from '../domain/meeting.ts';
import { planWarnings } from '../domain/plan.ts';
import { type RollbackRequest, requestBody, type Warning } from '../domain/request.ts';
import { dryRunResponse, type RollbackResponse, responseOf } from '../domain/response.ts';
import { type ModelState, newModelState, type Plan } from '../domain/rollback.ts';
import { type ClaimedRun, claim } from '../domain/transition.ts';
import { type AlarmTrigger, alarmKey } from '../domain/trigger.ts';
import type { Deadline } from '../ports/deadline.ts';
import { chance } from '../ports/identity.ts';
import { aliasWarnings, aliasWarningsBeside } from './alias-warnings.ts';
import { carryOut, newLease } from './carry-out.ts';
import { decide } from './decide.ts';
import type { RollbackDeps } from './deps.ts';
import { closeIfMoved, endWithoutClaim } from './end-unclaimed.ts';
import { announceIfPending, finish } from './finish.ts';
import { requireClock, resumeRollback } from './resume-rollback.ts';

/** One call for a rollback. */
export interface RollbackCall {
  readonly request: RollbackRequest;
  /** What reading the request gave rise to. */
  readonly warnings: readonly Warning[];
  /** Names the invocation; the key of a request that brings none. A caller's own retry repeats it. */
  readonly invocationId: string;
  readonly deadline: Deadline;
  /**
   * Refuse unless this is still what would be done. Null: a person saw a plan that moves nothing. Absent:
   * nobody was asked.
   */
  readonly confirmed?: ConfirmedPlan | null;
  /** The alarm behind it. */
  readonly alarm?: AlarmTrigger;
  /** True when the alarm asks by itself: then its key is its own. @default false */
  readonly isAutomatic?: boolean;
  /** When the alarm was recorded first, under another name (epoch ms). */
  readonly firstSeenAtMs?: number;
}

/**
 * Rolls a registered model back, once, or says why not. The protocol is docs/ARCHITECTURE.md,
 * "The protocol": read, replay, decide, claim, recheck, move, verify, commit, notify, annotate.
 * @throws InvalidRequestError, ModelNotFoundError, VersionNotFoundError, RegistryRefusedError,
 * RegistryUnavailableError, StateStoreUnavailableError, RollbackInProgressError, StateCorruptError
 */
export async function rollBack(deps: RollbackDeps, call: RollbackCall): Promise<RollbackResponse> {
  const { request } = call;
  const run: Run = {
    ...call,
    alarm: call.alarm ?? null,
    isAutomatic: call.isAutomatic ?? false,
    firstSeenAtMs: call.firstSeenAtMs ?? null,
    id: rollbackIdOf(deps, request.modelName, keyOf(call)),
    bodyHash: deps.identity.digest(requestBody(request)),
  };
  const attemptsMax = run.isAutomatic ? limits.automaticAttemptsMax : limits.planAttemptsMax;
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const response = await attemptRollback(deps, run);
    if (response !== null) return response;
    if (run.isAutomatic) await deps.clock.sleep(jitterMs(deps, attempt));
  }
  throw inProgressError(request.modelName);
}

/** The id holds the model name, so that a record can be looked up by its id alone. */
export function rollbackIdOf(deps: RollbackDeps, modelName: string, key: string): string {
  return `${modelName}/${deps.identity.digest(`${modelName}\n${key}`).slice(0, 16)}`;
}

/** Those that met once do not all come at the same instant again. */
export function jitterMs(deps: RollbackDeps, attempt: number): number {
  return Math.round(limits.fleetBackoffMs * attempt * chance(deps.identity));
}

// ---------------------------------------------------------------------------------------------------

interface Run extends Omit<RollbackCall, 'alarm' | 'isAutomatic' | 'firstSeenAtMs'> {
  readonly alarm: AlarmTrigger | null;
  readonly isAutomatic: boolean;
  readonly firstSeenAtMs: number | null;
  readonly id: string;
  readonly bodyHash: string;
}

function keyOf({ request, invocationId, alarm, isAutomatic }: RollbackCall): string {
  if (isAutomatic === true) {
    assert(alarm !== undefined, 'an automatic run has its alarm');
    return alarmKey(alarm.transition);
  }
  return request.requestId === null ? `invocation:${invocationId}` : `id:${request.requestId}`;
}

/** Null: another run was quicker; read again. */
async function attemptRollback(deps: RollbackDeps, run: Run): Promise<RollbackResponse | null> {
  const { request, deadline } = run;
  const include = request.targetVersion === null ? [] : [request.targetVersion];
  const registryLook = deps.registry.read(request.modelName, include, deadline);
  // A replay must be answered although the registry is down; a rejection is looked at further below.
  registryLook.catch(() => undefined);
  const view = await deps.store.read(request.modelName, run.id, deadline);

  if (!request.isDryRun) {
    const met = meet(view, run, deps.clock.nowMs());
    if (met.kind === 'replay') return await replay(deps, run, met.rollbackId, met.warnings);
    if (met.kind === 'again') return null;
    if (met.kind === 'resume') return await resume(deps, run, met.rollbackId);
  }

  const snapshot = await registryLook;
  const skews = [snapshot.clockSkewMs, view.clockSkewMs];
  if (!request.isDryRun) requireClock(deps, skews);
  const skew = clockSkewProblem(skews, deps.settings.clockSkewMaxMs);
  const state = view.state ?? newModelState(request.modelName, deps.registry.address);
  const fleet = view.fleet ?? newFleetState;
  const confirmed = run.confirmed ?? null;
  const redAtMs = run.isAutomatic ? (run.alarm?.transition.atMs ?? null) : null;
  const question = { request, state, fleet, snapshot, confirmed, redAtMs };
  const decision = await decide(deps, question, deadline);
  const { plan } = decision;
  const warnings = [
    ...run.warnings,
    ...(skew === null ? [] : [{ code: 'CLOCK_SKEW', message: skew }]),
    ...planWarnings(plan, { state, snapshot: decision.snapshot }),
  ];
  if (request.isDryRun) return await dryRun(deps, run, plan, warnings, state);
  const attempt: Attempt = {
    ...run,
    previous: view.record,
    plan,
    warnings,
    nowMs: deps.clock.nowMs(),
  };
  if (run.isAutomatic) {
    const now = { snapshot: decision.snapshot, lastCommit: state.lastCommit };
    const closed = await closeIfMoved(deps, view.record, now, deadline);
    if (closed !== undefined) return closed;
  }
  const { alarms, cooldownMs } = deps.settings;
  const outcome = unclaimedOutcome(attempt, alarms);
  if (outcome !== null) {
    const facts = { outcome, state, fleet, cooldownMs, settings: alarms };
    return await endWithoutClaim(deps, attempt, facts, deadline);
  }
  requireReadiness(run);
  // The key is opened again: what its earlier end still has to tell is told first.
  if (view.record !== undefined) {
    const told = await announceIfPending(deps, view.record.modelName, run.id, deadline);
    if (told?.revision !== view.record.revision && told?.notice.kind === 'sent') return null;
  }
  const slots = run.isAutomatic && alarms.blastRadius !== null ? fleet : null;
  // Beside the claim and the move, which do not wait for it.
  const besides = aliasWarningsBeside(deps, request.modelName, plan, deadline);
  const claimed = await takeClaim(deps, { state, fleet: slots }, attempt, deadline);
  if (claimed === null) return null;
  return await finish(deps, await carryOut(deps, claimed, deadline, null, besides), deadline);
}

async function replay(
  deps: RollbackDeps,
  run: Run,
  rollbackId: string,
  warnings: readonly Warning[],
): Promise<RollbackResponse | null> {
  const record = await announceIfPending(deps, run.request.modelName, rollbackId, run.deadline);
  if (record === null) return null;
  // What this very call gave rise to is told too, unless the record says it already.
  const known = new Set(record.warnings.map((warning) => warning.message));
  const own = run.warnings.filter((warning) => !known.has(warning.message));
  return responseOf(record, { isReplayed: true, warnings: [...own, ...warnings] });
}

/** Finishes a run that was cut off: our own is the answer, another's makes way for us. */
async function resume(
  deps: RollbackDeps,
  run: Run,
  rollbackId: string,
): Promise<RollbackResponse | null> {
  const record = await resumeRollback(deps, rollbackId, run.deadline);
  if (record === null) return null;
  const response = await finish(deps, record, run.deadline);
  // Without a key an equal body is the same request (a Step Functions Retry is a new invocation).
  const isSame =
    run.request.requestId === null && !run.isAutomatic && record.bodyHash === run.bodyHash;
  return rollbackId === run.id || isSame ? response : null;
}

async function dryRun(
  deps: RollbackDeps,
  run: Run,
  plan: Plan,
  planned: readonly Warning[],
  state: ModelState,
): Promise<RollbackResponse> {
  const { active } = state;
  const besides = await aliasWarnings(deps, run.request.modelName, plan, run.deadline);
  const warnings = [...planned, ...besides];
  if (active === null) return dryRunResponse(plan, run.request, warnings);
  const message = `The rollback ${active.rollbackId} holds this model; a real request would wait for it.`;
  return dryRunResponse(plan, run.request, [
    ...warnings,
    { code: 'ROLLBACK_IN_PROGRESS', message },
  ]);
}

/** What must hold before a claim is worth taking. */
function requireReadiness(run: Run): void {
  if (run.deadline.leftMs() < limits.writeTimeoutMinMs) {
    throw new RegistryUnavailableError(
      'Too little time is left to move the pointer safely. Nothing was done; try again.',
    );
  }
  if (run.confirmed === null) {
    throw new InvalidRequestError(
      'The plan that was shown moved nothing, and now it would move. Nothing was done. Check the ' +
        `plan again (${planCommand(run.request.modelName)}).`,
    );
  }
}

/** Null when another run was quicker. */
async function takeClaim(
  deps: RollbackDeps,
  { state, fleet }: { state: ModelState; fleet: FleetState | null },
  attempt: Attempt,
  deadline: Deadline,
): Promise<ClaimedRun | null> {
  const lease = newLease(deps, deadline);
  const claimed = claim(state, attempt, lease, fleet);
  try {
    const result = await deps.store.write(claimed, deadline);
    return result === 'written' ? claimed : null;
  } catch (error) {
    if (!(error instanceof StateStoreUnavailableError)) throw error;
    // Unclear whether it was written: the owner token tells.
    const view = await deps.store.read(state.modelName, attempt.id, deadline);
    if (view.state?.active?.owner === lease.owner) return claimed;
    throw error;
  }
}
