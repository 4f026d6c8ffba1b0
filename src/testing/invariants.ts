import { movesPointer, Outcome } from '../domain/decide/outcome.ts';
import { isBackwards } from '../domain/decide/verify.ts';
import type { RollbackRecord } from '../domain/record/record.ts';
import { isSameVersions } from '../domain/registry/model.ts';
import { pointerText } from '../domain/registry/pointer.ts';
import { lastMove } from '../domain/state/live-history.ts';
import type { LastCommit, LiveEntry, ModelState } from '../domain/state/model-state.ts';
import { pointerState } from '../domain/state/pointer-state.ts';
import { brokenAlarmRules } from './alarm-invariants.ts';
import { brokenDecisions, cooldownMsAt } from './operator-invariants.ts';
import type { AppliedChange, SimulatedWorld } from './simulated-world.ts';

/**
 * What must hold at rest, whatever happened before (docs/ARCHITECTURE.md, "Invariants"). I3, I4 and I9
 * are watched while a run goes on.
 * @returns one sentence per broken invariant
 */
export async function brokenInvariants(
  world: SimulatedWorld,
  isAtRest: boolean,
): Promise<string[]> {
  const { state, otherState, records, fleet } = await world.stored();
  const commits = world.applied.filter(isCommit);
  const rollbacks = commits.filter(({ record }) => record.request.promotes === undefined);
  return [
    ...world.violations,
    ...(world.registry.hasLeftNobodyLive ? ['I4: a move left no live version'] : []),
    ...oneCommitPerKey(commits),
    ...cooldownApart(rollbacks, world),
    ...pointerAsReported(world, records),
    ...targetsNeverRolledBackFrom(commits),
    ...everyEndAnnounced(world, records),
    ...(await untrueEntries(world)),
    ...hooksAsRecorded(world, records),
    ...brokenAlarmRules(world, records, fleet),
    ...brokenDecisions(world),
    ...(otherState === undefined ? [] : [`there is state of ${otherState.modelName}`]),
    ...(isAtRest && state?.active == null && !records.some(isRunning)
      ? []
      : ['I8: something is stuck']),
  ];
}

// ---------------------------------------------------------------------------------------------------

type Commit = AppliedChange & { readonly record: RollbackRecord };

/** A commit frees the claim and leaves the notice of its end; a later check may write both items too. */
function isCommit(change: AppliedChange): change is Commit {
  const { record, state, notice } = change;
  if (record === undefined || state === undefined) return false;
  if (!movesPointer(record.progress.status)) return false;
  // Release 0.1.0 keeps the notice in the record.
  const isLeftInRecord = record.notice.kind === 'pending' && record.notice.about === 'end';
  return notice?.item.topic === 'end' || isLeftInRecord;
}

/** The last move of the pointer that the world has. */
function lastCommitIn(
  state: ModelState | undefined,
  { registry }: SimulatedWorld,
): LastCommit | null {
  return state === undefined ? null : pointerState(state, pointerText(registry.pointer)).lastCommit;
}

/** The last move of ours, a rollback or a promotion. */
function lastMoveIn(state: ModelState | undefined, world: SimulatedWorld): LiveEntry | undefined {
  const pointer = pointerText(world.registry.pointer);
  return state === undefined ? undefined : lastMove(pointerState(state, pointer));
}

function oneCommitPerKey(commits: readonly Commit[]): string[] {
  const ids = commits.map((commit) => commit.record.id);
  const doubled = ids.filter((id, index) => ids.indexOf(id) !== index);
  return doubled.map((id) => `I1: ${id} was committed twice`);
}

/** By the times on record, which are of clocks that may be 30 s apart; the cooldown is that of the claim. */
function cooldownApart(commits: readonly Commit[], world: SimulatedWorld): string[] {
  return commits.flatMap((commit, index) => {
    const before = lastCommitIn(commits[index - 1]?.state, world)?.atMs;
    const atMs = lastCommitIn(commit.state, world)?.atMs;
    const isOverridden = commit.record.request.overrides.includes('COOLDOWN');
    if (before === undefined || atMs === undefined || isOverridden) return [];
    const isTooSoon = atMs - before < cooldownMsAt(world, commit) - 30_000;
    return isTooSoon ? [`I2: ${commit.record.id} came after ${atMs - before} ms`] : [];
  });
}

function pointerAsReported(world: SimulatedWorld, records: readonly RollbackRecord[]): string[] {
  const live = world.registry.live();
  const to = world.applied.flatMap(({ state }) => lastMoveIn(state, world) ?? []).at(-1)?.version;
  if (live.length === 1 && live[0] === to) return [];
  const isReported = records.some((record) => {
    const { progress, pointerCheck } = record;
    const reported =
      pointerCheck.kind === 'differs'
        ? pointerCheck.liveVersions
        : progress.status === Outcome.CONTESTED
          ? progress.liveVersions
          : null;
    return reported !== null && isSameVersions(reported, live);
  });
  if (isReported) return [];
  // Others may do as they like after our last check.
  const { lastChange } = world.registry;
  const checks = checksIn(world.applied);
  const lastCheckMs = checks.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
  const isOthers = lastChange?.by === 'others';
  if (isOthers && (to === undefined || lastChange.atMs >= lastCheckMs)) return [];
  return [
    `I5: live is ${live.join(' and ')}, the last commit left ${to ?? 'nothing'}, nobody was notified`,
  ];
}

/** The writes of the checks themselves: a record is written again later, when its alarm is read. */
function checksIn(applied: readonly AppliedChange[]): readonly AppliedChange[] {
  const kinds = new Map<string, string>();
  return applied.filter(({ record }) => {
    if (record === undefined) return false;
    const { kind } = record.pointerCheck;
    const isNew = kinds.get(record.id) !== kind;
    kinds.set(record.id, kind);
    return isNew && (kind === 'as-left' || kind === 'differs');
  });
}

function targetsNeverRolledBackFrom(commits: readonly Commit[]): string[] {
  const bad = new Set<string>();
  const problems: string[] = [];
  for (const { record } of commits) {
    const { plan } = record;
    if (plan === null) continue;
    if (record.request.undoes !== undefined && plan.to !== null) bad.delete(plan.to.version);
    const { promotes } = record.request;
    const isImplicit = plan.rule !== 'explicit' || promotes;
    if (plan.to !== null && isImplicit && bad.has(plan.to.version)) {
      problems.push(`I6: ${record.id} made ${plan.to.version} live, which was rolled back from`);
    }
    if (plan.from !== null && isBackwards(plan) && !promotes) bad.add(plan.from.version);
  }
  return problems;
}

const quietEnds: readonly string[] = [Outcome.REFUSED, Outcome.NO_TARGET, Outcome.ALREADY_LIVE];

function everyEndAnnounced(world: SimulatedWorld, records: readonly RollbackRecord[]): string[] {
  return records.flatMap((record) => {
    if (isRunning(record)) return [];
    // Whoever promotes is answered; nobody else is concerned.
    if (record.request.promotes && quietEnds.includes(record.progress.status)) return [];
    // A flapping alarm is announced once; its other refusals are recorded.
    const isOne = (id: string): boolean =>
      id === record.id ||
      (record.isAutomatic && isUnannounced(world, record) && isAlarm(records, id));
    const isDelivered = world.delivered.some(
      ({ message }) => isOne(message.rollback_id) && message.outcome === record.progress.status,
    );
    return isDelivered
      ? []
      : [`I7: ${record.id} ended ${record.progress.status}, nobody was notified`];
  });
}

/** An end without a notice of its own: an equal refusal was announced before. */
function isUnannounced(world: SimulatedWorld, { id, progress }: RollbackRecord): boolean {
  return !world.applied.some(
    ({ notice }) =>
      notice?.item.rollbackId === id && notice.item.content?.message.outcome === progress.status,
  );
}

/** What the live log says was so, by clocks that may be 15 s off and are compared with each other. */
async function untrueEntries(world: SimulatedWorld): Promise<string[]> {
  const { promotions } = world.registry;
  const skewMs = 30_000;
  return (await world.liveLog()).flatMap((entry) => {
    const { version, atMs, notBeforeMs, how } = entry;
    const isTrue = promotions.some(
      (promotion) =>
        promotion.version === version &&
        promotion.atMs <= atMs + skewMs &&
        (notBeforeMs === null || promotion.atMs >= notBeforeMs - skewMs),
    );
    return isTrue ? [] : [`the live log has ${version} ${how} at ${atMs}, after ${notBeforeMs}`];
  });
}

/** What is called around a move: nothing moves that was not checked, and nothing is confirmed that nobody loaded. */
function hooksAsRecorded(world: SimulatedWorld, records: readonly RollbackRecord[]): string[] {
  if (!world.hasHooks) return [];
  return records.flatMap(({ id, progress, plan, serving }) => {
    if (!movesPointer(progress.status)) return [];
    const isChecked = plan?.guards.some(({ message }) => message.endsWith('said ok'));
    const isLoaded = world.reloads.some(
      ({ rollbackId, version }) => rollbackId === id && version === plan?.to?.version,
    );
    const isSettled = serving?.kind === 'superseded' || (serving?.kind === 'confirmed' && isLoaded);
    return [
      ...(isChecked === true ? [] : [`${id} moved to a version that was not checked`]),
      ...(isSettled ? [] : [`serving of ${id} is ${serving?.kind ?? 'not asked'}`]),
    ];
  });
}

function isRunning(record: RollbackRecord): boolean {
  return record.progress.status === 'IN_PROGRESS';
}

function isAlarm(records: readonly RollbackRecord[], id: string): boolean {
  return records.some((record) => record.id === id && record.isAutomatic);
}
