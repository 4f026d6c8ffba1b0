import type { AlarmSettings } from './alarm-settings.ts';
import { judgeCause } from './cause.ts';
import { commandText } from './command-line.ts';
import { type FleetState, isBlastRadiusReached, pauseText } from './fleet.ts';
import { isoTime, type ModelVersion, type RegistrySnapshot } from './model.ts';
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
  readonly snapshot: RegistrySnapshot;
  readonly target: ModelVersion | null;
  readonly nowMs: number;
  /** 0 switches the cooldown off. */
  readonly cooldownMs: number;
  /** What a person said yes to; null when nobody was asked. */
  readonly confirmed: ConfirmedPlan | null;
  readonly fleet: FleetState;
  readonly automatic: AutomaticFacts | null;
}

/** What only an alarm has to meet; null for the requests of people. */
export interface AutomaticFacts {
  /** When the alarm went red (epoch ms). */
  readonly redAtMs: number;
  readonly settings: AlarmSettings;
  /** Why CloudWatch could not confirm the alarm, a sentence; null when it needs none, or has confirmed it. */
  readonly doubt: string | null;
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
  readonly code: string;
  readonly message: string;
  readonly clearsAtMs: number | null;
}

/** Runs every guard. */
export function runGuards(facts: GuardFacts): GuardReport[] {
  // Reported where it refuses only: release 0.1.0 cannot read a plan that names it.
  const isInDoubt = (facts.automatic?.doubt ?? null) !== null;
  return (isInDoubt ? [...guards, alarmNotConfirmed] : guards).map((guard) => {
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

/** One sentence: so many models at once point at the platform and not at the models. */
export function blastRadiusText({ blastRadius }: AlarmSettings): string {
  const minutes = (blastRadius?.windowMs ?? 0) / 60_000;
  return (
    `Alarms rolled back ${blastRadius?.models ?? 0} other models within ${minutes} min ` +
    '(ROLLBACK_BLAST_RADIUS): the platform may be the cause, not the models.'
  );
}

// ---------------------------------------------------------------------------------------------------

const cooldown: Guard = {
  code: RefusalCode.COOLDOWN,
  check: ({ request, state, nowMs, cooldownMs }) => {
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
        `the next one is allowed at ${isoTime(clearsAtMs)}. ${orOverride(request, RefusalCode.COOLDOWN)}`,
      clearsAtMs,
    };
  },
};

const liveVersionChanged: Guard = {
  code: RefusalCode.LIVE_VERSION_CHANGED,
  check: ({ request, snapshot, target, confirmed }) => {
    const expected = request.expectedFromVersion;
    const liveNow = snapshot.live[0]?.version ?? null;
    if (confirmed !== null && (confirmed.live !== liveNow || confirmed.to !== target?.version)) {
      return refused(
        `The plan that was shown moved ${confirmed.live ?? 'none'} to ${confirmed.to ?? 'none'}; it would now move ` +
          `${liveNow ?? 'none'} to ${target?.version ?? 'none'}. To see it and decide, run ${commandText('apply', [request.modelName])}.`,
      );
    }
    if (expected === null) return passed('the request expects no particular live version');
    if (liveNow === expected) return passed(`version ${expected} is live, as expected`);
    return refused(
      `The request expects version ${expected} to be live, but it is ${liveNow ?? 'none'}. ${checkFirst(request)}`,
    );
  },
};

const noLiveVersion: Guard = {
  code: RefusalCode.NO_LIVE_VERSION,
  check: ({ request, snapshot }) => {
    if (snapshot.live.length > 0) return passed('a version is live');
    if (request.targetVersion !== null)
      return passed('no version is live; the request names a target');
    return refused(
      'No version is live, so there is nothing to roll back from. Name the version to restore (target_version).',
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
        `To allow it again, run ${commandText('release', [request.modelName, target.version])}.`,
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
  check: ({ snapshot: { live } }) =>
    live.length < 2
      ? passed('not more than one version is live')
      : {
          kind: 'warning',
          message:
            `${live.length} versions are live (${live.map((row) => row.version).join(', ')}); ` +
            'consumers load the highest. All but the target will be archived.',
        },
};

const paused: Guard = {
  code: RefusalCode.PAUSED,
  check: ({ request, state, fleet, automatic, nowMs }) => {
    const { modelName } = request;
    const pauses = [
      ...(state.pause === null ? [] : [pauseText(state.pause, modelName)]),
      ...(fleet.pause === null ? [] : [pauseText(fleet.pause, null)]),
    ];
    if (automatic === null) {
      return passed(
        pauses.length === 0 ? 'automation is not paused' : 'automation is paused; a person asks',
      );
    }
    const { blastRadius } = automatic.settings;
    if (pauses.length === 0 && isBlastRadiusReached(fleet, modelName, blastRadius, nowMs)) {
      return refused(blastRadiusText(automatic.settings));
    }
    return pauses.length === 0 ? passed('automation is not paused') : refused(pauses.join(' '));
  },
};

const notTheCause: Guard = {
  code: RefusalCode.NOT_THE_CAUSE,
  check: ({ snapshot, state, automatic }) => {
    const [live] = snapshot.live;
    if (automatic === null) return passed('a person asks, not an alarm');
    if (!automatic.settings.isCauseChecked) return passed('ROLLBACK_CAUSE_CHECK is off');
    if (live === undefined) return passed('no version is live');
    const { kind, message } = judgeCause(snapshot, live, state, automatic.redAtMs);
    if (kind === 'possible') return passed(message);
    return kind === 'unsure' ? { kind: 'warning', message } : refused(message);
  },
};

const alarmNotConfirmed: Guard = {
  code: RefusalCode.ALARM_NOT_CONFIRMED,
  check: ({ automatic }) =>
    refused(
      `${automatic?.doubt ?? ''} So the alarm, and the model in it, are only what a message says: check ` +
        'both before you approve.',
    ),
};

const guards: readonly Guard[] = [
  cooldown,
  liveVersionChanged,
  noLiveVersion,
  quarantined,
  targetUnfit,
  paused,
  notTheCause,
  severalLiveVersions,
];

/** The command of a person who wants it all the same. */
function orOverride({ modelName, targetVersion }: RollbackRequest, code: RefusalCode): string {
  const options = { to: targetVersion ?? undefined, override: [code] };
  return `Wait until then, or run ${commandText('apply', [modelName], options)}.`;
}

function checkFirst({ modelName }: RollbackRequest): string {
  return `To see what would be done now, run ${commandText('plan', [modelName])}.`;
}

function passed(message: string): GuardAnswer {
  return { kind: 'passed', message };
}

function refused(message: string): GuardAnswer {
  return { kind: 'refusal', message, clearsAtMs: null };
}
