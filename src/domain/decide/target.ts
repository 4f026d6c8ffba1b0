import { limits } from '../limits.ts';
import { evidenceOf } from '../pointer/evidence.ts';
import { ruleText, TargetRule } from '../pointer/target-rule.ts';
import {
  compareVersions,
  isOlder,
  isoTime,
  type ModelVersion,
  type RegistrySnapshot,
} from '../registry/model.ts';
import { pointerText } from '../registry/pointer.ts';
import type { TargetRuleSetting } from '../request/setting-form.ts';
import { quarantineMark } from '../state/counting-marks.ts';
import { isAbout } from '../state/live-history.ts';
import type { LiveEntry, ModelState } from '../state/model-state.ts';
import { pointerState } from '../state/pointer-state.ts';
import { isQuarantined, quarantineCause } from '../state/quarantine.ts';
import type { Candidate } from './candidate.ts';

/** What a target is chosen with, beside registry and state. */
export interface TargetFacts {
  readonly setting: TargetRuleSetting;
  readonly nowMs: number;
  /** What the alias `NAME-previous` of an alias NAME names; null for none. */
  readonly previous: string | null;
}

export interface TargetChoice {
  readonly target: ModelVersion | null;
  readonly rule: TargetRule | null;
  readonly candidates: readonly Candidate[];
  readonly candidatesOmitted: number;
}

/**
 * Which version to restore when the request names none. The highest Archived version is not "the one
 * before": it may be an experiment, or the very version that was just rolled back. So better evidence
 * comes first, and each version that is passed over says why.
 *
 * This chooses the implicit target for the live version.
 */
export function chooseTarget(
  snapshot: RegistrySnapshot,
  state: ModelState,
  { setting, nowMs, previous }: TargetFacts,
): TargetChoice {
  const [from] = snapshot.live;
  const all = [...snapshot.live.slice(1), ...snapshot.others].toSorted((a, b) =>
    compareVersions(a.version, b.version),
  );
  if (from === undefined) return describe(all, null, null, () => 'no version is live');

  const evidence = evidenceOf(snapshot.pointer);
  const { liveHistory } = pointerState(state, pointerText(snapshot.pointer));
  const facts: RuleFacts = {
    from,
    displaced: evidence.displacedBy(snapshot, from).map((row) => row.version),
    liveHistory,
    previous,
  };
  const unfit = (row: ModelVersion): string | null =>
    whyBarred(row, state, nowMs) ?? whyUnfit(row, facts);
  const fit = all.filter((row) => unfit(row) === null);
  // Only a stage has Archived versions: for an alias the setting says nothing.
  const isByNumberOnly = setting === 'latest-archived' && evidence.leavesTrace;
  const rules = isByNumberOnly ? [TargetRule.LATEST_ARCHIVED] : evidence.rules;
  const notTaken = (row: ModelVersion, target: ModelVersion | null): string => {
    if (!evidence.mayHaveBeenLive(row, from)) {
      return `its stage is ${row.stage}: nothing shows that it was ever live`;
    }
    if (!isLower(row, from) && !isByNumberOnly) {
      return `it is newer than the live version ${from.version}`;
    }
    return target === null ? 'no rule chooses it' : `version ${target.version} comes first`;
  };
  for (const rule of rules) {
    for (const matches of matchers[rule](facts)) {
      const target = fit.find(matches);
      if (target !== undefined) {
        return describe(all, target, rule, (row) => unfit(row) ?? notTaken(row, target));
      }
    }
  }
  return describe(all, null, null, (row) => unfit(row) ?? notTaken(row, null));
}

// ---------------------------------------------------------------------------------------------------

interface RuleFacts {
  readonly from: ModelVersion;
  /** What the promotion of `from` replaced. */
  readonly displaced: readonly string[];
  /** Of the pointer, newest last. */
  readonly liveHistory: readonly LiveEntry[];
  /** What the alias of the previous version names; null for none. */
  readonly previous: string | null;
}

/** Tried on versions from the highest down. */
type Matcher = (row: ModelVersion) => boolean;

const matchers: Readonly<Record<TargetRule, (facts: RuleFacts) => readonly Matcher[]>> = {
  // A request names it: nothing is chosen.
  [TargetRule.EXPLICIT]: () => [],
  [TargetRule.ALSO_LIVE]: ({ from }) => [(row) => row.stage === from.stage && isLower(row, from)],
  [TargetRule.DISPLACED]: ({ displaced }) => [(row) => displaced.includes(row.version)],
  [TargetRule.RECORDED]: ({ from, liveHistory }) =>
    recordedBefore(from, liveHistory)
      .filter(({ isAcrossGap }) => !isAcrossGap)
      .map((entry) => (row) => isAbout(entry, row) && isLower(row, from)),
  [TargetRule.RECORDED_ACROSS_GAP]: ({ from, liveHistory }) =>
    recordedBefore(from, liveHistory).map(
      (entry) => (row) => isAbout(entry, row) && isLower(row, from),
    ),
  [TargetRule.PREVIOUS_ALIAS]: ({ from, previous }) => [
    (row) => row.version === previous && isLower(row, from),
  ],
  [TargetRule.ARCHIVED_BELOW]: ({ from }) => [
    (row) => row.stage === 'Archived' && isLower(row, from),
  ],
  [TargetRule.READY_BELOW]: ({ from }) => [(row) => isLower(row, from)],
  [TargetRule.LATEST_ARCHIVED]: () => [(row) => row.stage === 'Archived'],
};

/** A version that was live before another one, as far as our log goes. */
export interface RecordedVersion {
  readonly version: string;
  readonly atMs: number;
  /** Between it and the live version lies a time in which another one may have been live unseen. */
  readonly isAcrossGap: boolean;
}

/** Versions live before `from`, latest first; none unless the newest entry is about `from` itself. */
export function recordedBefore(
  from: ModelVersion,
  liveHistory: readonly LiveEntry[],
): readonly RecordedVersion[] {
  const latest = liveHistory.at(-1);
  if (latest === undefined || !isAbout(latest, from)) return [];
  const before = new Map<string, RecordedVersion>();
  let isAcrossGap = false;
  for (const { version, atMs, hasGap } of liveHistory.toReversed()) {
    if (version !== from.version && !before.has(version)) {
      before.set(version, { version, atMs, isAcrossGap });
    }
    isAcrossGap ||= hasGap === true;
  }
  return [...before.values()];
}

/** The lower version that somebody, not we, put in the place of this one, which was not live again since. */
function leftFor(version: string, liveHistory: readonly LiveEntry[]): string | null {
  const last = liveHistory.findLastIndex((entry) => entry.version === version);
  const after = last < 0 ? undefined : liveHistory[last + 1];
  if (after === undefined || after.how === 'made') return null;
  return isOlder(after.version, version) ? after.version : null;
}

function isLower(row: ModelVersion, from: ModelVersion): boolean {
  return isOlder(row.version, from.version);
}

/** In quarantine, by our own state or by what an earlier rollback left on the version. */
function whyBarred(row: ModelVersion, state: ModelState, nowMs: number): string | null {
  if (isQuarantined(state, row)) return `in quarantine: ${quarantineCause(state, row)}`;
  const mark = quarantineMark(row, state, nowMs);
  if (mark === null) return null;
  return `in quarantine: a rollback moved away from it at ${isoTime(mark.atMs)}, as its tag ${mark.kind} shows`;
}

function whyUnfit(row: ModelVersion, { from, displaced, liveHistory }: RuleFacts): string | null {
  if (row.status !== 'READY') return `its status is ${row.status}, not READY`;
  if (displaced.includes(row.version) && !isLower(row, from)) {
    return `version ${from.version} replaced it although it is newer: somebody rolled back by hand`;
  }
  const lower = leftFor(row.version, liveHistory);
  if (lower === null) return null;
  return `version ${lower} replaced it although it is newer: somebody rolled back by hand`;
}

function describe(
  all: readonly ModelVersion[],
  target: ModelVersion | null,
  rule: TargetRule | null,
  why: (row: ModelVersion) => string,
): TargetChoice {
  const candidates = all.map((row) => ({
    version: row.version,
    stage: row.stage,
    isTaken: row === target,
    why: row === target && rule !== null ? ruleText(rule) : why(row),
  }));
  // The taken one first, so that a long list never cuts it off.
  const ordered = candidates.toSorted((a, b) => Number(b.isTaken) - Number(a.isTaken));
  return {
    target,
    rule,
    candidates: ordered.slice(0, limits.candidatesMax),
    candidatesOmitted: Math.max(0, ordered.length - limits.candidatesMax),
  };
}
