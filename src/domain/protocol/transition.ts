import type { AlarmSettings } from '../alarm/alarm-settings.ts';
import { adoptedNotice, outboxNotice } from '../answer/notice.ts';
import { assert } from '../assert.ts';
import { Outcome } from '../decide/outcome.ts';
import { limits } from '../limits.ts';
import type { OutboxNotice } from '../record/outbox.ts';
import type { NoticeWrite, PlannedRecord, StoreChange } from '../record/record.ts';
import { sourceText } from '../request/policy.ts';
import type { Warning } from '../request/request.ts';
import { next } from '../revision.ts';
import {
  type FleetState,
  giveSlotBack,
  hasSlot,
  type Pause,
  resumeText,
  takeSlot,
} from '../state/fleet.ts';
import { logEntries } from '../state/live-log.ts';
import type { ModelState } from '../state/model-state.ts';
import { pointerState, pointerStates, withPointerState } from '../state/pointer-state.ts';
import { type Attempt, recordOf } from './attempt.ts';
import { afterMove, withRival } from './move-effects.ts';
import { shorten } from './record-base.ts';
import { servingAfterCommit } from './serving.ts';
import { watchAfterFailure } from './watch.ts';

/**
 * Every change of the stored state, as pure functions from what was read to what is written. A store
 * writes a change only if both items still have the revision that they were read at (the new one less
 * one), so a change that rests on stale facts cannot land.
 *
 *   (none | ended without effect) ──claim──> IN_PROGRESS ──commit──> ROLLED_BACK
 *                                             │  ^   │             PROMOTED
 *                                             │  ^   └────end──────> CONTESTED, FAILED
 *                                             └──┘ renewLease
 */

/** A claimed run: what it holds, as it is stored now. */
export interface ClaimedRun {
  readonly state: ModelState;
  readonly record: PlannedRecord;
  /** The notice of an earlier end of the same key; absent when there was none. */
  readonly earlierNotice?: OutboxNotice | undefined;
  /** Given while the run may hold a slot of the blast radius in it. */
  readonly slotIn?: FleetState | undefined;
}

/** The end of a run, as it is written. */
export type EndedRun = StoreChange & {
  readonly state: ModelState;
  readonly record: PlannedRecord;
  readonly notice: NoticeWrite;
};

/** Who holds a claim until when. `owner` is unguessable. */
export interface Lease {
  readonly owner: string;
  readonly leaseEndsAtMs: number;
}

/**
 * Takes the claim on the model: at most one run has it.
 * @param found the notice of the key, and the fleet when the run takes a slot of the blast radius
 * @returns the run as it is stored then, which is also the change that stores it
 */
export function claim(
  state: ModelState,
  attempt: Attempt,
  lease: Lease,
  found: {
    readonly earlierNotice?: OutboxNotice | undefined;
    readonly fleet?: FleetState | null;
  } = {},
): ClaimedRun & StoreChange {
  assert(state.active === null, 'a claim needs a model that nobody holds');
  const { previous, nowMs } = attempt;
  const { modelName } = attempt.request;
  const { earlierNotice, fleet = null } = found;
  const facts = { previous: earlierNotice, nowMs, token: lease.owner };
  const adopted = previous === undefined ? null : adoptedNotice(previous, facts);
  const slotIn = fleet === null ? undefined : takeSlot(fleet, modelName, nowMs);
  return {
    state: next({
      ...state,
      registry: attempt.plan.registry,
      active: { rollbackId: attempt.id, ...lease },
    }),
    record: recordOf(attempt, { status: 'IN_PROGRESS', claimedAtMs: nowMs, ...lease }),
    earlierNotice: adopted?.item ?? earlierNotice,
    slotIn,
    ...(slotIn === undefined ? {} : { fleet: slotIn }),
    ...(adopted === null ? {} : { notice: adopted }),
  };
}

/** When an end is written, and the token of its notice. */
export interface EndTime {
  readonly nowMs: number;
  /** When the registry was read back, where the end is written later: the live log counts from it. */
  readonly seenAtMs?: number;
  /** Unguessable. */
  readonly token: string;
}

/** The pointer was moved and read back. */
export function commit(
  claimed: ClaimedRun,
  time: EndTime,
  warnings: readonly Warning[],
  settings: AlarmSettings,
  { asksServing = false }: { readonly asksServing?: boolean } = {},
): EndedRun {
  const { plan, request } = claimed.record;
  const { from, to } = plan;
  const move = from === null ? `to ${to?.version}` : `from ${from.version} to ${to?.version}`;
  return end(claimed, time, {
    status: request.promotes ? Outcome.PROMOTED : Outcome.ROLLED_BACK,
    message: `The registry changed: ${plan.pointer} moved ${move}.${undoText(claimed.record)}`,
    liveVersions: to === null ? [] : [to.version],
    hasMoved: true,
    warnings,
    // The budget is one of rollbacks.
    settings: request.promotes ? null : settings,
    asksServing,
  });
}

/** Somebody else moved the pointer: the run stops and reports that. */
export function contest(
  claimed: ClaimedRun,
  time: EndTime,
  facts: { message: string; hasMoved: boolean; liveVersions: readonly string[] },
): EndedRun {
  return end(claimed, time, {
    status: Outcome.CONTESTED,
    warnings: [],
    settings: null,
    ...facts,
  });
}

/** A definite failure before any effect; cooldown and blast radius are not touched. */
export function fail(claimed: ClaimedRun, time: EndTime, message: string): EndedRun {
  const liveVersions = claimed.record.plan.live;
  return end(claimed, time, {
    status: Outcome.FAILED,
    message,
    liveVersions,
    hasMoved: false,
    warnings: [],
    settings: null,
  });
}

/** Another owner for a claim whose lease has expired, or another end for one's own lease. */
export function renewLease(claimed: ClaimedRun, lease: Lease): ClaimedRun {
  const { state, record, earlierNotice, slotIn } = claimed;
  assert(state.active?.rollbackId === record.id, 'only the active rollback has a lease');
  assert(record.progress.status === 'IN_PROGRESS', 'only a run has a lease');
  return {
    earlierNotice,
    slotIn,
    state: next({ ...state, active: { ...state.active, ...lease } }),
    record: next({ ...record, progress: { ...record.progress, ...lease } }),
  };
}

// ---------------------------------------------------------------------------------------------------

/** What an undo undid. */
function undoText({ request: { undoes } }: PlannedRecord): string {
  return undoes === undefined ? '' : ` This undoes ${undoes}.`;
}

interface End {
  readonly status: Outcome;
  readonly message: string;
  readonly liveVersions: readonly string[];
  readonly hasMoved: boolean;
  readonly warnings: readonly Warning[];
  /** Given when the end is a commit. */
  readonly settings: AlarmSettings | null;
  /** Something makes servers reload. */
  readonly asksServing?: boolean;
}

function end(claimed: ClaimedRun, time: EndTime, facts: End): EndedRun {
  const { nowMs, token } = time;
  const { state, record } = claimed;
  assert(state.active?.rollbackId === record.id, 'only the active rollback ends its claim');
  const { warnings, settings, asksServing = false, ...ended } = facts;
  const isFailed = facts.status === Outcome.FAILED;
  const lastEnd = { rollbackId: record.id, atMs: nowMs, bodyHash: record.bodyHash };
  const { pointer } = record.plan;
  const free: ModelState = { ...state, active: null };
  // After a promotion the retry of an earlier rollback still gets the result of that one.
  const isKept = isFailed || facts.status === Outcome.PROMOTED;
  const freed = isKept ? free : withPointerState(free, pointer, { lastEnd });
  const moved = facts.hasMoved ? afterMove(freed, record, time) : freed;
  const ends = facts.hasMoved ? withRival(moved, record, facts.liveVersions, time) : moved;
  const pause = settings === null ? null : budgetPause(ends, settings, record.id, nowMs);
  const endedRecord: PlannedRecord = {
    ...record,
    warnings: [...record.warnings, ...warnings, ...pauseWarnings(pause, state.modelName)],
    progress: {
      ...ended,
      message: shorten(ended.message),
      endedAtMs: nowMs,
    },
    pointerCheck: isFailed
      ? record.pointerCheck
      : { kind: 'pending', dueAtMs: nowMs + limits.pointerCheckMs },
    watch:
      isFailed && record.alarm !== null && record.isAutomatic
        ? watchAfterFailure(0, nowMs)
        : { kind: 'none' },
    recovery:
      record.alarm === null || settings === null
        ? { kind: 'none' }
        : { kind: 'pending', dueAtMs: nowMs + settings.bakeMs, looks: 0 },
    ...(asksServing ? { serving: servingAfterCommit(nowMs) } : {}),
  };
  const notice = outboxNotice(endedRecord, 'end', {
    previous: claimed.earlierNotice,
    nowMs,
    token,
    isSending: true,
  });
  return {
    state: next(pause === null ? ends : { ...ends, pause }),
    record: next(endedRecord),
    notice,
    ...loggedMove(freed, ends, record),
    ...slotGivenBack(claimed, facts.hasMoved),
  };
}

function loggedMove(
  before: ModelState,
  after: ModelState,
  { id, modelName, plan: { pointer }, request }: PlannedRecord,
): Pick<StoreChange, 'live'> {
  const [old, now] = [pointerState(before, pointer), pointerState(after, pointer)];
  const how = request.promotes ? 'promoted' : 'made';
  const live = logEntries({ modelName, pointer }, old.liveHistory, now.liveHistory, id).map(
    (entry) => (entry.how === 'made' ? { ...entry, how } : entry),
  );
  return live.length === 0 ? {} : { live };
}

/** A run that moved nothing leaves the blast radius as it was. */
function slotGivenBack(
  { record, slotIn }: ClaimedRun,
  hasMoved: boolean,
): { readonly fleet?: FleetState } {
  const { progress, modelName } = record;
  if (hasMoved || slotIn === undefined || progress.status !== 'IN_PROGRESS') return {};
  const slot = { modelName, atMs: progress.claimedAtMs };
  return hasSlot(slotIn, slot) ? { fleet: giveSlotBack(slotIn, slot) } : {};
}

/** With so many rollbacks of one model in a short time, another version is no longer the fix. */
function budgetPause(
  state: ModelState,
  { budget }: AlarmSettings,
  rollbackId: string,
  nowMs: number,
): Pause | null {
  if (budget === null || state.pause !== null) return null;
  // Of all pointers: which one is configured may have changed.
  const commits = pointerStates(state).flatMap(([, { recentCommits }]) => recentCommits);
  const count = commits.filter((atMs) => atMs > nowMs - budget.windowMs).length;
  if (count < budget.commits) return null;
  const message = `This model was rolled back ${count} times within ${Math.round(budget.windowMs / 3_600_000)} h (${sourceText(state, 'budget')}).`;
  return { atMs: nowMs, why: 'budget', message, rollbackId };
}

function pauseWarnings(pause: Pause | null, modelName: string): Warning[] {
  if (pause === null) return [];
  const message =
    `${pause.message} Alarms do not roll it back any further. ` +
    `To let them act again, run ${resumeText(modelName)}.`;
  return [{ code: 'AUTOMATION_PAUSED', message }];
}
