import { Outcome } from '../domain/decide/outcome.ts';
import type { RollbackRecord } from '../domain/record/record.ts';
import { WatchEnd } from '../domain/record/trigger.ts';
import { isSameVersions } from '../domain/registry/model.ts';
import type { FleetSlot, FleetState } from '../domain/state/fleet.ts';

import { modelName } from './simulated-registry.ts';
import type { AppliedChange, SimulatedWorld } from './simulated-world.ts';

/** Two clocks may be so far apart. */
const skewMs = 30_000;
/** On the morning after a sweep runs at least this often. */
const sweepEveryMs = 3_600_000;

/** What must hold of alarms at rest: I10, and that automation keeps within its rules. */
export function brokenAlarmRules(
  world: SimulatedWorld,
  records: readonly RollbackRecord[],
  fleet: FleetState | undefined,
): string[] {
  const claims = world.applied.filter(isAutomaticClaim);
  return [
    ...records.flatMap((record) => forgotten(world, record)),
    ...records.flatMap((record) => leftWaiting(world, record)),
    ...unrecorded(world, records),
    ...claims.flatMap((claim) => madeUp(claim, world)),
    ...otherModels(records),
    ...claims.flatMap((claim) => claimedInSpite(claim, world)),
    // Release 0.1.0 keeps the slot of a run that moved nothing.
    ...(world.isOneRelease ? (fleet?.slots ?? []).flatMap((slot) => kept(slot, world)) : []),
  ];
}

// ---------------------------------------------------------------------------------------------------

type Claim = AppliedChange & { readonly record: RollbackRecord };

/** A first claim: a later one that renews a lease has the same time of claim. */
function isAutomaticClaim(change: AppliedChange): change is Claim {
  const { record } = change;
  return record?.progress.status === 'IN_PROGRESS' && record.isAutomatic;
}

/** I10: an alarm that led to no rollback is checked until it is no longer in ALARM, or somebody decides. */
function forgotten(world: SimulatedWorld, record: RollbackRecord): string[] {
  const { progress, watch, alarm } = record;
  if (!record.isAutomatic || alarm === null) return [];
  const vain: readonly string[] = [Outcome.REFUSED, Outcome.FAILED, Outcome.DEFERRED];
  if (vain.includes(progress.status) && watch.kind === 'none') {
    return [`I10: ${record.id} ended ${progress.status} and is forgotten`];
  }
  if (watch.kind !== 'closed' || watch.why !== WatchEnd.RECOVERED) return [];
  const { atMs, unconfirmedFrom } = alarm.transition;
  const { alarms } = world;
  // A message may report a change that never happened.
  const neverHappened =
    unconfirmedFrom !== undefined &&
    [-skewMs, 0, skewMs].some((offMs) => !alarms.isInAlarmAt(watch.atMs + offMs));
  const hasRecovered = alarms.recoveredAtMs.some(
    (recoveredMs) => recoveredMs >= atMs && recoveredMs <= watch.atMs + skewMs,
  );
  return hasRecovered || neverHappened
    ? []
    : [`I10: ${record.id} was closed while its alarm was in ALARM`];
}

/** An alarm acts only on what the real one is about, for a change that it really made: one key for each. */
function madeUp({ record }: Claim, world: SimulatedWorld): string[] {
  const { ref, atMs = 0 } = record.alarm?.transition ?? {};
  const arn = ref?.id;
  const isReal = arn === world.alarms.arn && world.alarms.trippedAtMs.includes(atMs);
  return isReal ? [] : [`${record.id} acts on ${arn} at ${atMs}, which never went to ALARM then`];
}

/** A name that only forged messages give is not even on record as that of a model. */
function otherModels(records: readonly RollbackRecord[]): string[] {
  const others = records.filter(
    ({ subject, modelName: name }) => subject === 'model' && name !== modelName,
  );
  return others.map(
    ({ id, modelName: name }) => `${id} is about ${name}, which only a forger named`,
  );
}

/** I10: an alarm that waits is checked when it is due, also while no notice can be sent. */
function leftWaiting(world: SimulatedWorld, { id }: RollbackRecord): string[] {
  const writes = world.applied.filter(({ record }) => record?.id === id);
  return writes.flatMap(({ record }, index) => {
    if (record?.watch.kind !== 'pending') return [];
    const byMs = Math.max(record.watch.dueAtMs, world.calmSinceMs) + 2 * sweepEveryMs + skewMs;
    const nextMs = writes[index + 1]?.atMs ?? world.scheduler.nowMs;
    return nextMs <= byMs ? [] : [`I10: the alarm of ${id} was due, and was not checked`];
  });
}

/** Whatever was answered is on record; or the answer says that it is not, where 0.1.0 met a newer item. */
function unrecorded(world: SimulatedWorld, records: readonly RollbackRecord[]): string[] {
  return world.answered.flatMap(({ answer }) => {
    if (answer.outcome === 'IGNORED') return [];
    const saysSo = answer.warnings.some(({ code }) => code === 'NOT_RECORDED');
    if (saysSo && !world.isOneRelease) return [];
    const isOnRecord = records.some((record) => record.id === answer.rollback_id);
    return isOnRecord ? [] : [`I10: ${answer.outcome} of an alarm is not on record`];
  });
}

function claimedInSpite({ record, state }: Claim, world: SimulatedWorld): string[] {
  const { plan, alarm, progress } = record;
  if (plan === null || alarm === null || progress.status !== 'IN_PROGRESS') return [];
  const { atMs } = alarm.transition;
  const problems: string[] = [];
  // A run that was claimed before the pause may be finished: its move has landed.
  const isFresh = state?.active?.owner === progress.owner && record.attempts > 0;
  if (isFresh && (state?.pause?.atMs ?? Number.POSITIVE_INFINITY) < progress.claimedAtMs - skewMs) {
    problems.push(`${record.id} was claimed while automation was paused`);
  }
  const bound = firstBound(world, record.id);
  if (!isSameVersions(plan.live, bound)) {
    problems.push(
      `${record.id} rolls back ${plan.live.join()}; its alarm spoke of ${bound.join()}`,
    );
  }
  if (
    world.settings.isCauseChecked &&
    plan.from !== null &&
    plan.from.createdAtMs > atMs + 2 * skewMs
  ) {
    problems.push(`${record.id} rolls back a version that was made after its alarm went to ALARM`);
  }
  const ageMs = progress.claimedAtMs - atMs;
  if (record.attempts > 1 && ageMs > 3_600_000 + skewMs) {
    problems.push(`${record.id} acts on an alarm that is ${ageMs} ms old`);
  }
  return problems;
}

/** A slot of the blast radius belongs to a run that moved the pointer. */
function kept({ atMs }: FleetSlot, { applied }: SimulatedWorld): string[] {
  const from = applied.findIndex(
    (change) => isAutomaticClaim(change) && claimedAtMs(change) === atMs,
  );
  const id = applied[from]?.record?.id;
  const ended = applied.slice(from).find(({ record }) => record?.id === id && hasEnded(record));
  const progress = ended?.record?.progress;
  const hasMoved = progress?.status !== 'IN_PROGRESS' && progress?.hasMoved === true;
  return hasMoved ? [] : [`the slot of ${id ?? 'nobody'} at ${atMs} was not given back`];
}

function claimedAtMs({ record }: Claim): number {
  return record.progress.status === 'IN_PROGRESS' ? record.progress.claimedAtMs : Number.NaN;
}

function hasEnded(record: RollbackRecord | undefined): boolean {
  return record !== undefined && record.progress.status !== 'IN_PROGRESS';
}

/** What was live when this alarm could first be planned for. */
function firstBound(world: SimulatedWorld, id: string): readonly string[] {
  const known = world.applied.flatMap(({ record }) =>
    record?.id === id && record.alarm?.liveVersions ? [record.alarm.liveVersions] : [],
  );
  return known[0] ?? [];
}
