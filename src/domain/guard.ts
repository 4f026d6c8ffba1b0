import { isoTime, type ModelVersion } from './model.ts';
import { isQuarantined } from './quarantine.ts';
import { RefusalCode, type RollbackRequest } from './request.ts';
import type { GuardReport, ModelState } from './rollback.ts';

/**
 * Small pure functions that may say no. All of them run, all are reported: whoever is on call wants the
 * whole list at once, not one refusal after the other.
 */
export interface GuardFacts {
  readonly request: RollbackRequest;
  readonly state: ModelState;
  readonly live: readonly ModelVersion[];
  readonly target: ModelVersion | null;
  readonly nowMs: number;
  /** 0 switches the cooldown off. */
  readonly cooldownMs: number;
  /** What a person said yes to; null when nobody was asked. */
  readonly confirmed: ConfirmedPlan | null;
}

/** The plan that a person was shown. */
export interface ConfirmedPlan {
  readonly live: string | null;
  readonly to: string | null;
}

export type GuardAnswer =
  | { readonly kind: 'passed'; readonly message: string }
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'refusal'; readonly message: string; readonly clearsAtMs: number | null };

export interface Guard {
  readonly code: RefusalCode | 'SEVERAL_LIVE_VERSIONS';
  readonly check: (facts: GuardFacts) => GuardAnswer;
}

/** A guard's no, as callers see it. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
  readonly clearsAtMs: number | null;
}

/** Runs every guard. */
export function runGuards(facts: GuardFacts): GuardReport[] {
  return guards.map((guard) => {
    const answer = guard.check(facts);
    const isOverridden =
      answer.kind === 'refusal' && facts.request.overrides.some((code) => code === guard.code);
    return {
      code: guard.code,
      verdict: isOverridden ? 'overridden' : answer.kind === 'refusal' ? 'refused' : answer.kind,
      message: answer.message,
      clearsAtMs: answer.kind === 'refusal' ? answer.clearsAtMs : null,
    };
  });
}

/** The refusals among the reports. */
export function refusalsOf(reports: readonly GuardReport[]): Refusal[] {
  return reports.flatMap((report) =>
    report.verdict === 'refused' && report.code !== 'SEVERAL_LIVE_VERSIONS'
      ? [
          {
            code: report.code,
            message: report.message,
            clearsAtMs: report.clearsAtMs,
          },
        ]
      : [],
  );
}

// ---------------------------------------------------------------------------------------------------

const cooldown: Guard = {
  code: RefusalCode.COOLDOWN,
  check: ({ state, nowMs, cooldownMs }) => {
    if (cooldownMs === 0) return passed('the cooldown is switched off');
    const last = state.lastCommit;
    if (last === null) return passed('no rollback of this model is on record');
    const clearsAtMs = last.atMs + cooldownMs;
    if (nowMs >= clearsAtMs) return passed(`the last rollback was at ${isoTime(last.atMs)}`);
    const move = last.from === null ? `to ${last.to}` : `from ${last.from} to ${last.to}`;
    return {
      kind: 'refusal',
      message:
        `The last rollback (${move}, ${last.rollbackId}) was at ${isoTime(last.atMs)}; ` +
        `the next one is allowed at ${isoTime(clearsAtMs)}. Wait, or override COOLDOWN.`,
      clearsAtMs,
    };
  },
};

const liveVersionChanged: Guard = {
  code: RefusalCode.LIVE_VERSION_CHANGED,
  check: ({ request, live, target, confirmed }) => {
    const expected = request.expectedFromVersion;
    const liveNow = live[0]?.version ?? null;
    if (confirmed !== null && (confirmed.live !== liveNow || confirmed.to !== target?.version)) {
      return refused(
        `The plan that was shown moved ${confirmed.live} to ${confirmed.to}; it would now move ` +
          `${liveNow} to ${target?.version ?? 'none'}. Look again, then ask anew.`,
      );
    }
    if (expected === null) return passed('the request expects no particular live version');
    if (liveNow === expected) return passed(`version ${expected} is live, as expected`);
    return refused(
      `The request expects version ${expected} to be live, but it is ${liveNow ?? 'none'}. Look again, then ask anew.`,
    );
  },
};

const noLiveVersion: Guard = {
  code: RefusalCode.NO_LIVE_VERSION,
  check: ({ request, live }) => {
    if (live.length > 0) return passed('a version is live');
    if (request.targetVersion !== null)
      return passed('no version is live; the request names a target');
    return refused(
      'No version is live, so there is nothing to roll back from. Name target_version.',
    );
  },
};

const quarantined: Guard = {
  code: RefusalCode.QUARANTINED,
  check: ({ request, state, target }) => {
    if (target === null || request.targetVersion === null || !isQuarantined(state, target)) {
      return passed('the target was not rolled back from');
    }
    return refused(
      `Version ${target.version} was rolled back from before. ` +
        `Run: model-rollback release ${JSON.stringify(request.modelName)} ${target.version} (or override QUARANTINED).`,
    );
  },
};

const targetUnfit: Guard = {
  code: RefusalCode.TARGET_UNFIT,
  check: ({ target }) =>
    target === null || target.status === 'READY'
      ? passed('the target is READY')
      : refused(
          `Version ${target.version} has status ${target.status}, not READY. ` +
            'Choose another version, or override TARGET_UNFIT.',
        ),
};

const severalLiveVersions: Guard = {
  code: 'SEVERAL_LIVE_VERSIONS',
  check: ({ live }) =>
    live.length < 2
      ? passed('not more than one version is live')
      : {
          kind: 'warning',
          message:
            `${live.length} versions are live (${live.map((row) => row.version).join(', ')}); ` +
            'consumers load the highest. All but the target will be archived.',
        },
};

const guards: readonly Guard[] = [
  cooldown,
  liveVersionChanged,
  noLiveVersion,
  quarantined,
  targetUnfit,
  severalLiveVersions,
];

function passed(message: string): GuardAnswer {
  return { kind: 'passed', message };
}

function refused(message: string): GuardAnswer {
  return { kind: 'refusal', message, clearsAtMs: null };
}
