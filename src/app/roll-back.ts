import { isOfCloudWatch } from '../domain/alarm/alarm.ts';
import { type RollbackResponse, responseOf } from '../domain/answer/response.ts';
import { assert } from '../domain/assert.ts';
import { commandText } from '../domain/command-line.ts';
import type { ConfirmedPlan } from '../domain/decide/guard-answer.ts';
import type { Plan } from '../domain/decide/plan.ts';
import { planWarnings } from '../domain/decide/plan-text.ts';
import { InvalidRequestError, RegistryUnavailableError } from '../domain/errors.ts';
import type { SmokeResult } from '../domain/hook.ts';
import { limits } from '../domain/limits.ts';
import { pointerDoubtful } from '../domain/pointer/alias.ts';
import { type Attempt, unclaimedOutcome } from '../domain/protocol/attempt.ts';
import { clockSkewProblem, inProgressError, meet } from '../domain/protocol/meeting.ts';
import { type AlarmTrigger, approvedAlarm } from '../domain/record/trigger.ts';
import { type ModelPointer, parsePointer, pointerText } from '../domain/registry/pointer.ts';
import { type RollbackRequest, requestBody, type Warning } from '../domain/request/request.ts';
import { newFleetState } from '../domain/state/fleet.ts';
import { newModelState } from '../domain/state/model-state.ts';
import { pointerState } from '../domain/state/pointer-state.ts';
import { together } from '../domain/together.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { StoreView } from '../ports/rollback-store.ts';
import { aliasWarningsBeside, aliasWarningsForAlarm } from './alias-warnings.ts';
import { announceIfUnsent, isNotified } from './announce.ts';
import { carryOut } from './carry-out.ts';
import { requireClock } from './clock-skew.ts';
import { type Decision, decide } from './decide.ts';
import { depsFor, pointerAsked, type RollbackDeps, throughPointer } from './deps.ts';
import type { RunEnd } from './end-run.ts';
import { closeIfMoved, closeIfOtherPointer, endWithoutClaim } from './end-unclaimed.ts';
import { finish } from './finish.ts';
import { beginReads, type FirstReads } from './first-reads.ts';
import { jitterMs } from './jitter.ts';
import { lookBesideClaim } from './look.ts';
import { preview } from './preview.ts';
import { reloadIfDue } from './reload.ts';
import { resumeRollback } from './resume-rollback.ts';
import { keyOf, rollbackIdOf } from './rollback-id.ts';
import { smokeCheck } from './smoke-check.ts';
import { takeClaim } from './take-claim.ts';

/** One call for a rollback. */
export interface RollbackCall {
  readonly request: RollbackRequest;
  /** Warnings from reading the request. */
  readonly warnings: readonly Warning[];
  /** Names the invocation; the key of a request that brings none. A caller's own retry repeats it. */
  readonly invocationId: string;
  readonly deadline: Deadline;
  /** Refuse unless this is still what would be done. @default `none`: nobody was asked */
  readonly confirmed?: ConfirmedPlan;
  /** The alarm behind it. */
  readonly alarm?: AlarmTrigger;
  /** True when the alarm asks by itself: then its key is its own. @default false */
  readonly isAutomatic?: boolean;
  /** When the alarm was recorded first, under another name (epoch ms). */
  readonly firstSeenAtMs?: number;
  /** False where a person sees the answer at once: the refusal of a person is then recorded only. @default true */
  readonly announcesRefusals?: boolean;
  /** Why CloudWatch could not confirm the alarm: then a person decides. @default null */
  readonly doubt?: string | null;
  /** For a preview: calls the smoke check too, as a real request does. @default false */
  readonly callsSmokeCheck?: boolean;
  /** Begun while something else was read; used when they are of this model and key. @default null */
  readonly firstReads?: FirstReads | null;
  /** How it is decided what is moved where. @default by the rules for rollbacks */
  readonly decide?: typeof decide;
}

/**
 * Rolls a registered model back, once, or says why not. The protocol is docs/ARCHITECTURE.md,
 * "The protocol": read, replay, decide, claim, recheck, move, verify, commit, notify, annotate.
 * @throws InvalidRequestError, ModelNotFoundError, VersionNotFoundError, RegistryRefusedError,
 * RegistryUnavailableError, StateStoreUnavailableError, RollbackInProgressError, StateCorruptError
 */
export async function rollBack(deps: RollbackDeps, call: RollbackCall): Promise<RollbackResponse> {
  const { request, isAutomatic = false } = call;
  const run: Run = {
    ...call,
    alarm: isAutomatic ? (call.alarm ?? null) : approvedAlarm(call.alarm),
    isAutomatic,
    firstSeenAtMs: call.firstSeenAtMs ?? null,
    doubt: call.doubt ?? null,
    id: rollbackIdOf(deps, request.modelName, keyOf(call)),
    bodyHash: deps.identity.digest(requestBody(request)),
  };
  let pointer = pointerAsked(deps, request);
  let attemptsMax = run.isAutomatic ? limits.automaticAttemptsMax : limits.planAttemptsMax;
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const early = attempt === 1 && call.firstReads?.id === run.id ? call.firstReads : null;
    const about = { id: run.id, pointer, isRepeatLikely: isOfAlert(run) };
    const reads = early ?? beginReads(deps, request, about, run.deadline);
    const step = await attemptRollback(deps, run, reads);
    if (step.kind === 'answered') return step.response;
    if (step.kind === 'other-pointer') {
      ({ pointer } = step);
      // Nobody was quicker: the first reading could not know.
      if (attempt === 1) attemptsMax += 1;
    } else if (run.isAutomatic) await deps.clock.sleep(jitterMs(deps, attempt));
  }
  throw inProgressError(request.modelName);
}

// ---------------------------------------------------------------------------------------------------

interface Run extends Omit<RollbackCall, 'alarm' | 'isAutomatic' | 'firstSeenAtMs' | 'doubt'> {
  readonly alarm: AlarmTrigger | null;
  readonly isAutomatic: boolean;
  readonly firstSeenAtMs: number | null;
  readonly doubt: string | null;
  readonly id: string;
  readonly bodyHash: string;
}

/** A run, and the pointer that it is about: `stage:Production`, `alias:champion`. */
type PointedRun = Run & { readonly pointer: string };

/** How one attempt went. */
type Step =
  | { readonly kind: 'answered'; readonly response: RollbackResponse }
  /** Another run was quicker: read again. */
  | { readonly kind: 'again' }
  /** The state says that the run is about another pointer than the one that was read. */
  | { readonly kind: 'other-pointer'; readonly pointer: ModelPointer };

async function attemptRollback(allDeps: RollbackDeps, run: Run, reads: FirstReads): Promise<Step> {
  const { request, isAutomatic } = run;
  const view = await reads.view;
  const ownDeps = depsFor(allDeps, view.state);
  const pointer = pointerText(reads.pointer);
  // A key keeps the pointer that its first attempt was about; the record of an alarm is closed instead.
  const planned = request.isDryRun || isAutomatic ? undefined : view.record?.plan?.pointer;
  const wanted = planned ?? pointerText(pointerAsked(ownDeps, request));
  if (wanted !== pointer) {
    return { kind: 'other-pointer', pointer: parsePointer(wanted, 'pointer') };
  }
  const deps = throughPointer(ownDeps, pointer);
  const response = await attemptThrough(deps, { ...run, pointer }, { ...reads, view });
  return response === null ? { kind: 'again' } : { kind: 'answered', response };
}

/** Of Alertmanager or Grafana. */
function isOfAlert({ alarm, isAutomatic }: Run): boolean {
  return isAutomatic && alarm !== null && !isOfCloudWatch(alarm.transition.ref);
}

/** Null: another run was quicker; read again. */
async function attemptThrough(
  deps: RollbackDeps,
  run: PointedRun,
  { snapshot: reading, view }: Pick<FirstReads, 'snapshot'> & { readonly view: StoreView },
): Promise<RollbackResponse | null> {
  const { request, deadline } = run;

  if (!request.isDryRun) {
    const met = meet(view, run, deps.clock.nowMs());
    if (met.kind === 'replay') return await replay(deps, run, met.rollbackId, met.warnings);
    if (met.kind === 'again') return null;
    if (met.kind === 'resume') return await resume(deps, run, met.rollbackId);
  }

  if (run.isAutomatic) {
    const closed = await closeIfOtherPointer(deps, view, run.pointer, deadline);
    if (closed !== undefined) return closed;
  }
  const snapshot = await reading();
  const skews = [snapshot.clockSkewMs, view.clockSkewMs];
  if (!request.isDryRun) requireClock(deps, skews);
  const skew = clockSkewProblem(skews, deps.settings.clockSkewMaxMs);
  const state = view.state ?? newModelState(request.modelName, deps.registry.address);
  const fleet = view.fleet ?? newFleetState;
  const { confirmed = { kind: 'none' } } = run;
  const alarmAtMs = run.isAutomatic ? (run.alarm?.transition.atMs ?? null) : null;
  const question = { request, state, fleet, snapshot, confirmed, alarmAtMs, doubt: run.doubt };
  const decision = await (run.decide ?? decide)(deps, question, deadline);
  const { snapshot: seenVersions } = decision;
  const warningsOf = (plan: Plan): readonly Warning[] => [
    ...run.warnings,
    ...(skew === null ? [] : [{ code: 'CLOCK_SKEW', message: skew }]),
    ...planWarnings(plan, { state, snapshot: seenVersions }),
  ];
  const move = { request, plan: decision.plan, snapshot: seenVersions };
  if (request.isDryRun) return await preview(deps, run, { decision, warningsOf, state });
  if (run.isAutomatic) {
    const now = { snapshot: decision.snapshot, part: pointerState(state, run.pointer) };
    const closed = await closeIfMoved(deps, view.record, now, deadline);
    if (closed !== undefined) return closed;
  }
  const known = run.isAutomatic ? await aliasWarningsForAlarm(deps, move, deadline) : null;
  const attemptWith = (plan: Plan, smoke: SmokeResult | null): Attempt => ({
    ...run,
    previous: view.record,
    previousNotice: view.notice,
    plan,
    warnings: [...warningsOf(plan), ...(known ?? [])],
    pointerDoubt: known?.find(({ code }) => code === pointerDoubtful)?.message ?? null,
    smoke,
    nowMs: deps.clock.nowMs(),
    token: deps.identity.random(),
  });
  const { alarms, cooldownMs } = deps.settings;
  const planned = attemptWith(decision.plan, null);
  const isMove = unclaimedOutcome(planned, alarms) === null;
  const smoke = isMove ? await checkTarget(deps, run, decision) : null;
  const attempt = smoke === null ? planned : attemptWith(decision.withSmoke(smoke), smoke);
  const outcome = unclaimedOutcome(attempt, alarms);
  if (outcome !== null) {
    const facts = { outcome, state, fleet, cooldownMs, settings: alarms };
    return await endWithoutClaim(deps, attempt, facts, deadline);
  }
  const slots = run.isAutomatic && alarms.blastRadius !== null ? fleet : null;
  // Beside the claim and the move, which do not wait for it.
  const besides = known === null ? aliasWarningsBeside(deps, move, deadline) : undefined;
  const [claimed, seen] = await together([
    takeClaim(deps, { state, fleet: slots }, attempt, deadline),
    lookBesideClaim(deps, request.modelName, attempt.plan, deadline),
  ]);
  if (claimed === null) return null;
  const beside = { warnings: besides, seen };
  return await endRun(deps, run, await carryOut(deps, claimed, deadline, null, beside));
}

/** The last thing before the claim. Null: there is no smoke check. */
async function checkTarget(
  deps: RollbackDeps,
  run: Run,
  { plan, snapshot }: Decision,
): Promise<SmokeResult | null> {
  requireReadiness(run);
  const { request, id: rollbackId } = run;
  return await smokeCheck(deps, { request, plan, snapshot, rollbackId }, run.deadline);
}

/**
 * Notifies people of an end of our own and answers it.
 * @throws the error of a certain failure, which is recorded, to a caller who waits for it; an alarm gets
 * the record as its answer, since nobody reads its errors
 */
async function endRun(deps: RollbackDeps, run: Run, ended: RunEnd): Promise<RollbackResponse> {
  const answer = await finish(deps, ended, run.deadline);
  if (ended.error !== null && !run.isAutomatic) throw ended.error;
  return answer;
}

async function replay(
  deps: RollbackDeps,
  run: Run,
  rollbackId: string,
  warnings: readonly Warning[],
): Promise<RollbackResponse | null> {
  const found = await announceIfUnsent(deps, run.request.modelName, rollbackId, run.deadline);
  if (found === null) return null;
  const record = await reloadIfDue(deps, found.record, run.deadline);
  if (record === null) return null;
  // Warnings of this call are added, unless the record has them already.
  const known = new Set(record.warnings.map((warning) => warning.message));
  const own = run.warnings.filter((warning) => !known.has(warning.message));
  return responseOf(record, {
    isReplayed: true,
    isNotified: isNotified({ ...found, record }),
    warnings: [...own, ...warnings],
  });
}

/** Finishes a run that was cut off: our own is the answer; after another's, ours begins. */
async function resume(
  deps: RollbackDeps,
  run: Run,
  rollbackId: string,
): Promise<RollbackResponse | null> {
  const mayRepeat = rollbackId === run.id && !run.isAutomatic;
  const ended = await resumeRollback(deps, rollbackId, run.deadline, { mayRepeat });
  if (ended === null) return null;
  // Without a key an equal body is the same request (a Step Functions Retry is a new invocation).
  const isSame =
    run.request.requestId === null && !run.isAutomatic && ended.record.bodyHash === run.bodyHash;
  if (rollbackId === run.id || isSame) return await endRun(deps, run, ended);
  await finish(deps, ended, run.deadline);
  return null;
}

/** What must hold before a claim is worth taking. */
function requireReadiness(run: Run): void {
  const isConfirmed = run.alarm?.transition.unconfirmedFrom === undefined;
  assert(isConfirmed || !run.isAutomatic, 'an alarm acts by itself only when it is confirmed');
  if (run.deadline.leftMs() < limits.writeTimeoutMinMs) {
    throw new RegistryUnavailableError(
      'Too little time is left to move the pointer safely. Nothing was done. Try again.',
    );
  }
  if (run.confirmed?.kind === 'no-move') {
    throw new InvalidRequestError(
      'The plan that was shown moved nothing, but a rollback would now move the pointer. Nothing was done. ' +
        `To see the plan and decide, run ${commandText('apply', [run.request.modelName])}.`,
    );
  }
}
