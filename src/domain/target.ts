import { type Candidate, ruleText, TargetRule } from './candidate.ts';
import { displacedBy } from './evidence.ts';
import { limits } from './limits.ts';
import {
  compareVersions,
  isOlder,
  isoTime,
  type ModelVersion,
  type RegistrySnapshot,
} from './model.ts';
import { isQuarantined } from './quarantine.ts';
import type { ModelState } from './rollback.ts';
import { quarantineMark } from './rollback-mark.ts';

export type TargetRuleSetting = 'last-good' | 'latest-archived';

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
  { setting, nowMs }: { readonly setting: TargetRuleSetting; readonly nowMs: number },
): TargetChoice {
  const [from] = snapshot.live;
  const all = [...snapshot.live.slice(1), ...snapshot.others].toSorted((a, b) =>
    compareVersions(a.version, b.version),
  );
  if (from === undefined) return describe(all, null, null, () => 'no version is live');

  const displaced = displacedBy(snapshot, from).map((row) => row.version);
  const unfit = (row: ModelVersion): string | null =>
    whyBarred(row, state, nowMs) ?? whyUnfit(row, from, displaced);
  const fit = all.filter((row) => unfit(row) === null);
  const rules = setting === 'latest-archived' ? latestArchived() : lastGood(from, displaced, state);
  for (const { rule, matches } of rules) {
    const target = fit.find(matches);
    if (target !== undefined) {
      const why = (row: ModelVersion): string =>
        unfit(row) ?? whyNotTaken(row, from, target, setting);
      return describe(all, target, rule, why);
    }
  }
  return describe(all, null, null, (row) => unfit(row) ?? whyNotTaken(row, from, null, setting));
}

// ---------------------------------------------------------------------------------------------------

interface Rule {
  readonly rule: TargetRule;
  /** Tried on versions from the highest down. */
  readonly matches: (row: ModelVersion) => boolean;
}

function lastGood(from: ModelVersion, displaced: readonly string[], state: ModelState): Rule[] {
  const recorded = recordedBefore(from.version, state);
  return [
    {
      rule: TargetRule.ALSO_LIVE,
      matches: (row) => row.stage === from.stage && isLower(row, from),
    },
    { rule: TargetRule.DISPLACED, matches: (row) => displaced.includes(row.version) },
    ...recorded.map((version) => ({
      rule: TargetRule.RECORDED,
      matches: (row: ModelVersion) => row.version === version && isLower(row, from),
    })),
    {
      rule: TargetRule.ARCHIVED_BELOW,
      matches: (row) => row.stage === 'Archived' && isLower(row, from),
    },
  ];
}

function latestArchived(): Rule[] {
  return [{ rule: TargetRule.LATEST_ARCHIVED, matches: (row) => row.stage === 'Archived' }];
}

/** Versions live before `from`, latest first; none unless the newest entry is `from` itself. */
function recordedBefore(from: string, state: ModelState): string[] {
  const newestFirst = state.liveHistory.map((entry) => entry.version).toReversed();
  if (newestFirst[0] !== from) return [];
  return [...new Set(newestFirst)].filter((version) => version !== from);
}

function isLower(row: ModelVersion, from: ModelVersion): boolean {
  return isOlder(row.version, from.version);
}

/** In quarantine, by our own state or by what an earlier rollback left on the version. */
function whyBarred(row: ModelVersion, state: ModelState, nowMs: number): string | null {
  if (isQuarantined(state, row)) return 'in quarantine: an earlier rollback moved away from it';
  const mark = quarantineMark(row, state, nowMs);
  if (mark === null) return null;
  return `in quarantine: a rollback moved away from it at ${isoTime(mark.atMs)}, as its tag ${mark.kind} shows`;
}

function whyUnfit(
  row: ModelVersion,
  from: ModelVersion,
  displaced: readonly string[],
): string | null {
  if (row.status !== 'READY') return `its status is ${row.status}, not READY`;
  if (displaced.includes(row.version) && !isLower(row, from)) {
    return `version ${from.version} replaced it although it is newer: somebody rolled back by hand`;
  }
  return null;
}

function whyNotTaken(
  row: ModelVersion,
  from: ModelVersion,
  target: ModelVersion | null,
  setting: TargetRuleSetting,
): string {
  if (row.stage !== 'Archived' && row.stage !== from.stage) {
    return `its stage is ${row.stage}: nothing shows that it was ever live`;
  }
  if (!isLower(row, from) && setting === 'last-good') {
    return `it is newer than the live version ${from.version}`;
  }
  return target === null ? 'no rule chooses it' : `version ${target.version} comes first`;
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
