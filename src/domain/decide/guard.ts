import type { AlarmSettings } from '../alarm/alarm-settings.ts';
import { commandText } from '../command-line.ts';
import { isoTime } from '../registry/model.ts';
import { RefusalCode } from '../request/request.ts';
import { latestMarked, quarantineMark } from '../state/counting-marks.ts';
import { isBlastRadiusReached, pauseText } from '../state/fleet.ts';
import { freezeNow, freezeText, unfreezeText } from '../state/operator.ts';
import { pointerState, pointerStates } from '../state/pointer-state.ts';
import { isQuarantined, quarantineCause } from '../state/quarantine.ts';
import { judgeCause } from './cause.ts';
import type { GuardReport } from './guard-answer.ts';
import { type Guard, type GuardAnswer, type GuardFacts, passed, refused } from './guard-answer.ts';
import { noLiveVersion, pointerUnused, severalLiveVersions } from './pointer-guard.ts';
import { targetUnfit } from './target-guard.ts';

/**
 * Small pure functions that may refuse. All of them run and are reported: whoever is on call wants the
 * whole list at once, not one refusal after another.
 */

/** A refusal of a guard, as callers see it. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly clearsAtMs: number | null;
}

/** Runs every guard. */
export function runGuards(facts: GuardFacts): GuardReport[] {
  return guards.flatMap((guard) => {
    const answer = guard.check(facts);
    // Release 0.1.0 cannot read a plan that names them.
    if (answer.kind === 'passed' && laterGuards.has(guard)) return [];
    const isOverridden =
      answer.kind === 'refusal' && facts.request.overrides.some((code) => code === guard.code);
    return {
      code: guard.code,
      verdict: isOverridden ? 'overridden' : answer.kind === 'refusal' ? 'refused' : answer.kind,
      message: messageOf(answer, isOverridden),
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

/** One sentence: with so many models at once the cause is likely the platform, not the models. */
export function blastRadiusText({ blastRadius }: AlarmSettings): string {
  const minutes = (blastRadius?.windowMs ?? 0) / 60_000;
  return (
    `Alarms rolled back, or are rolling back, ${blastRadius?.models ?? 0} other models within ${minutes} min ` +
    '(ROLLBACK_BLAST_RADIUS): the platform may be the cause, not the models.'
  );
}

// ---------------------------------------------------------------------------------------------------

const cooldown: Guard = {
  code: RefusalCode.COOLDOWN,
  check: (facts) => {
    const { request, state, nowMs, cooldownMs } = facts;
    const isOwn = state.policy?.cooldown_hours !== undefined;
    const by = isOwn ? ' by the policy of the model' : '';
    if (cooldownMs === 0) return passed(`the cooldown is switched off${by}`);
    const last = lastRollback(facts);
    if (last === null) return passed('no rollback of this model is on record');
    const clearsAtMs = last.atMs + cooldownMs;
    if (nowMs >= clearsAtMs) return passed(`the last rollback was at ${isoTime(last.atMs)}`);
    const command = commandText('apply', [request.modelName], {
      to: request.targetVersion ?? undefined,
      override: [...request.overrides, RefusalCode.COOLDOWN],
      pointer: request.pointer,
    });
    return refused(
      `The last rollback (${last.what}) was at ${isoTime(last.atMs)}; the next one is allowed at ${isoTime(clearsAtMs)}${by}.`,
      `Wait until then, or run ${command}.`,
      clearsAtMs,
    );
  },
};

const liveVersionChanged: Guard = {
  code: RefusalCode.LIVE_VERSION_CHANGED,
  check: ({ request, snapshot, target, confirmed }) => {
    const expected = request.expectedFromVersion;
    const { pointer } = request;
    const liveNow = snapshot.live[0]?.version ?? null;
    const isMove = confirmed.kind === 'move';
    if (isMove && (confirmed.live !== liveNow || confirmed.to !== target?.version)) {
      return refused(
        `The plan that you were shown moved from ${confirmed.live ?? 'none'} to ${confirmed.to ?? 'none'}; it would now move ` +
          `from ${liveNow ?? 'none'} to ${target?.version ?? 'none'}.`,
        `To see it and decide, run ${commandText('apply', [request.modelName], { pointer })}.`,
      );
    }
    if (expected === null) return passed('the request expects no particular live version');
    if (liveNow === expected) return passed(`version ${expected} is live, as expected`);
    return refused(
      `The request expects version ${expected} to be live, but it is ${liveNow ?? 'none'}.`,
      `To see what would be done now, run ${commandText('plan', [request.modelName], { pointer })}.`,
    );
  },
};

const quarantined: Guard = {
  code: RefusalCode.QUARANTINED,
  check: ({ request, state, target, nowMs }) => {
    if (target === null || request.targetVersion === null) {
      return passed('the target is not in quarantine');
    }
    const mark = quarantineMark(target, state, nowMs);
    const isKnown = isQuarantined(state, target);
    if (!isKnown && mark === null) return passed('the target is not in quarantine');
    const why = isKnown
      ? ''
      : ` This is known from its tag ${mark?.kind} of ${isoTime(mark?.atMs ?? 0)}; this state store has no record of it.`;
    return refused(
      `Version ${target.version} is in quarantine: ${quarantineCause(state, target)}.${why}`,
      `To allow it again, run ${commandText('release', [request.modelName, target.version])}.`,
    );
  },
};

const frozen: Guard = {
  code: RefusalCode.FROZEN,
  check: ({ request, state, fleet, nowMs }) => {
    const { modelName } = request;
    const own = freezeNow(state, nowMs);
    const all = freezeNow(fleet, nowMs);
    const isOwn = own !== null && own.untilMs >= (all?.untilMs ?? 0);
    const freeze = isOwn ? own : all;
    if (freeze === null) return passed('nothing is frozen');
    const command = commandText('apply', [modelName], {
      to: request.targetVersion ?? undefined,
      override: [...request.overrides, RefusalCode.FROZEN],
      pointer: request.pointer,
    });
    const end = unfreezeText(isOwn ? modelName : null);
    return refused(
      `${freezeText(freeze, isOwn ? modelName : null)}.`,
      `Wait until then, end the freeze (${end}), or roll back all the same: run ${command}.`,
      freeze.untilMs,
    );
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
        pauses.length === 0
          ? 'automation is not paused'
          : 'automation is paused, but a person asks',
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
    const { kind, message } = judgeCause(snapshot, live, state, automatic.alarmAtMs);
    if (kind === 'possible') return passed(message);
    return kind === 'unsure' ? { kind: 'warning', message } : refused(message);
  },
};

const alarmNotConfirmed: Guard = {
  code: RefusalCode.ALARM_NOT_CONFIRMED,
  check: ({ automatic }) => {
    const doubt = automatic?.doubt ?? null;
    if (doubt === null) return passed('nothing about the alarm is in doubt');
    return refused(
      `${doubt} The alarm and its model are known from a message only: check both before you approve.`,
    );
  },
};

const guards: readonly Guard[] = [
  cooldown,
  liveVersionChanged,
  noLiveVersion,
  pointerUnused,
  frozen,
  quarantined,
  targetUnfit,
  paused,
  notTheCause,
  severalLiveVersions,
  alarmNotConfirmed,
];

/** Reported where they do not pass only. */
const laterGuards: ReadonlySet<Guard> = new Set([pointerUnused, alarmNotConfirmed, frozen]);

function messageOf(answer: GuardAnswer, isOverridden: boolean): string {
  if (answer.kind !== 'refusal') return answer.message;
  if (isOverridden) return `${answer.message} An override in the request passes this guard.`;
  return answer.fix === '' ? answer.message : `${answer.message} ${answer.fix}`;
}

/**
 * By our own state, or by what a rollback left on a version that our state knows nothing of. An alarm waits
 * for the last rollback under any pointer of the model: which one is configured may have changed.
 */
function lastRollback({ state, snapshot, pointer, nowMs, automatic }: GuardFacts): {
  readonly atMs: number;
  readonly what: string;
} | null {
  const commits =
    automatic === null
      ? [pointerState(state, pointer).lastCommit]
      : pointerStates(state).map(([, part]) => part.lastCommit);
  const own = commits.reduce(
    (latest, one) => ((one?.atMs ?? 0) > (latest?.atMs ?? 0) ? one : latest),
    null,
  );
  const marked = latestMarked([...snapshot.live, ...snapshot.others], state, pointer, nowMs);
  if (marked !== null && marked.mark.atMs > (own?.atMs ?? 0)) {
    const { version, mark } = marked;
    const what =
      `known from the tag ${mark.kind} on version ${version}; this state store has no record of it, because ` +
      'the model was renamed or another state store was used';
    return { atMs: mark.atMs, what };
  }
  if (own === null) return null;
  const move = own.from === null ? `to ${own.to}` : `from ${own.from} to ${own.to}`;
  return { atMs: own.atMs, what: `${move}, ${own.rollbackId}` };
}
