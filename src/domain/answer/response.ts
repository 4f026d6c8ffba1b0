import { commandText } from '../command-line.ts';
import { type Refusal, refusalsOf } from '../decide/guard.ts';
import { Outcome } from '../decide/outcome.ts';
import type { Plan } from '../decide/plan.ts';
import { planMessage } from '../decide/plan-text.ts';
import { ruleText } from '../pointer/target-rule.ts';
import type { AlarmSummary } from '../record/notice-content.ts';
import type { RollbackRecord, RollbackStatus } from '../record/record.ts';
import { isoTime } from '../registry/model.ts';
import type { PolicyAnswer } from '../request/policy.ts';
import {
  isOverridable,
  Reason,
  RefusalCode,
  type RollbackRequest,
  type Warning,
} from '../request/request.ts';
import { alarmSummary, endOfWait } from './alarm-summary.ts';
import { type ServingAnswer, servingOf, servingWarnings } from './serving.ts';

/** The answer to a request (docs/reference/response.md). The first seven fields never change. */
export interface RollbackResponse {
  readonly rolled_back: boolean;
  /** Null for an alarm that names no model. */
  readonly model_name: string | null;
  readonly from_version: string | null;
  readonly to_version: string | null;
  readonly reason: Reason;
  readonly alarm_name: string | null;
  /** ISO 8601, UTC; of the commit when there was one. */
  readonly timestamp: string;
  readonly outcome: RollbackStatus | 'DRY_RUN' | 'IGNORED';
  /** One sentence on what happened. */
  readonly message: string;
  /** Who asked, or approved what an alarm asked for; null when nobody said. */
  readonly requested_by: string | null;
  /** What was live at the end, as far as we know. */
  readonly live_versions: readonly string[];
  /** What was to be moved: `stage:Production`, `alias:champion`; null when no plan was made. */
  readonly pointer: string | null;
  /** Null for a dry run, which leaves no record. */
  readonly rollback_id: string | null;
  /** The rollback that this one undid, or was to undo; absent from any other. */
  readonly undoes?: string;
  /** True for a promotion; absent from any other. */
  readonly promotes?: true;
  readonly replayed: boolean;
  readonly notified: boolean;
  readonly refusals: readonly RefusalAnswer[];
  readonly warnings: readonly Warning[];
  /** The alarm behind it; null for the requests of people. */
  readonly alarm: AlarmSummary | null;
  /** Whether servers confirmed the version; absent where nothing makes them reload. */
  readonly serving?: ServingAnswer;
  /** Null when it ended before one could be made. */
  readonly plan: PlanAnswer | null;
  /** What the policy of the model sets; given by a dry run, where it sets anything. */
  readonly policy?: PolicyAnswer;
}

export interface RefusalAnswer {
  readonly code: string;
  readonly message: string;
  readonly clears_at: string | null;
  readonly overridable: boolean;
}

export interface PlanAnswer {
  readonly pointer: string;
  readonly registry: string;
  /** What a real request ends as, if nothing comes between. */
  readonly verdict: Plan['verdict'];
  readonly live_versions: readonly string[];
  readonly rule: string | null;
  readonly rule_text: string | null;
  readonly guards: readonly {
    readonly code: string;
    readonly verdict: string;
    readonly message: string;
    readonly clears_at: string | null;
  }[];
  readonly candidates: readonly {
    readonly version: string;
    readonly stage: string;
    readonly taken: boolean;
    readonly why: string;
  }[];
  readonly candidates_omitted: number;
  /** Not every version below this one was read; null when every one that could matter was. */
  readonly unread_below: string | null;
}

/** What an answer says beside its record. */
export interface ResponseExtra {
  readonly isReplayed?: boolean;
  /** True when every channel took the notice of the end. */
  readonly isNotified?: boolean;
  readonly warnings?: readonly Warning[];
}

/** The answer that a record stands for; the same for the first caller and for every replay. */
export function responseOf(record: RollbackRecord, extra: ResponseExtra = {}): RollbackResponse {
  const { progress, plan, request, notice, alarm } = record;
  const end =
    progress.status === 'IN_PROGRESS'
      ? { atMs: progress.claimedAtMs, message: inProgressText, live: plan?.live ?? [] }
      : { atMs: progress.endedAtMs, message: progress.message, live: progress.liveVersions };
  return {
    rolled_back: progress.status === Outcome.ROLLED_BACK,
    ...versionsOf(plan, request),
    model_name: record.subject === 'model' ? record.modelName : null,
    timestamp: isoTime(end.atMs),
    outcome: progress.status,
    message: endOfWait(record) ?? end.message,
    requested_by: request.requestedBy,
    live_versions: end.live,
    pointer: plan?.pointer ?? null,
    rollback_id: record.id,
    ...kindOf(request),
    replayed: extra.isReplayed ?? false,
    notified: extra.isNotified ?? notice.kind === 'sent',
    refusals: refusalAnswers(recordRefusals(record)),
    warnings: [
      ...record.warnings,
      ...pointerWarnings(record),
      ...servingWarnings(record),
      ...(extra.warnings ?? []),
    ],
    alarm: alarm === null ? null : alarmSummary(record, alarm),
    ...servingOf(record),
    plan: plan === null ? null : planAnswer(plan),
  };
}

/** What says that it is no plain rollback. */
export function kindOf({
  undoes,
  promotes,
}: RollbackRequest): Pick<RollbackResponse, 'undoes' | 'promotes'> {
  return { ...(undoes && { undoes }), ...(promotes && { promotes }) };
}

/** Why a record ended without a move; empty where nothing refused it. */
export function recordRefusals({ plan, progress }: RollbackRecord): readonly Refusal[] {
  if (progress.status === 'IN_PROGRESS' || !isHeldBack(progress.status)) return [];
  if (plan !== null) return refusalsOf(plan.guards);
  // Only an alarm that CloudWatch does not confirm is refused before a plan is made.
  const { message } = progress;
  return [{ code: RefusalCode.ALARM_NOT_CONFIRMED, message, clearsAtMs: null }];
}

/** The answer to a dry run: everything was evaluated, nothing was written. */
export function dryRunResponse(
  plan: Plan,
  request: RollbackRequest,
  warnings: readonly Warning[],
): RollbackResponse {
  return {
    rolled_back: false,
    ...versionsOf(plan, request),
    timestamp: isoTime(plan.plannedAtMs),
    outcome: 'DRY_RUN',
    message: planMessage(plan),
    requested_by: request.requestedBy,
    live_versions: plan.live,
    pointer: plan.pointer,
    rollback_id: null,
    ...kindOf(request),
    replayed: false,
    notified: false,
    refusals: plan.verdict === Outcome.REFUSED ? refusalAnswers(refusalsOf(plan.guards)) : [],
    warnings,
    alarm: null,
    plan: planAnswer(plan),
  };
}

/** The answer to an event that asks for nothing; it leaves no record and no notice. */
export function ignoredResponse(
  why: string,
  alarmName: string | null,
  nowMs: number,
): RollbackResponse {
  return {
    rolled_back: false,
    model_name: null,
    from_version: null,
    to_version: null,
    reason: Reason.PERFORMANCE_DEGRADATION,
    alarm_name: alarmName,
    timestamp: isoTime(nowMs),
    outcome: 'IGNORED',
    message: why,
    requested_by: null,
    live_versions: [],
    pointer: null,
    rollback_id: null,
    replayed: false,
    notified: false,
    refusals: [],
    warnings: [],
    alarm: null,
    plan: null,
  };
}

// ---------------------------------------------------------------------------------------------------

const inProgressText = 'The run is in progress.';

/** An alarm that waits for a person says what else is in the way. */
function isHeldBack(status: RollbackStatus): boolean {
  return status === Outcome.REFUSED || status === Outcome.AWAITING_APPROVAL;
}

function versionsOf(
  plan: Plan | null,
  request: RollbackRequest,
): Pick<RollbackResponse, 'model_name' | 'from_version' | 'to_version' | 'reason' | 'alarm_name'> {
  return {
    model_name: request.modelName,
    from_version: plan?.from?.version ?? null,
    to_version: plan?.to?.version ?? null,
    reason: request.reason,
    alarm_name: request.alarmName,
  };
}

function pointerWarnings(record: RollbackRecord): Warning[] {
  const { pointerCheck, plan, progress, request } = record;
  if (pointerCheck.kind !== 'differs' || progress.status === 'IN_PROGRESS' || plan === null) {
    return [];
  }
  const left = progress.liveVersions.join(' and ') || 'none';
  const live = pointerCheck.liveVersions.join(' and ') || 'none';
  const message =
    `At ${isoTime(pointerCheck.atMs)} ${plan.pointer} was not ${left} any more: live is ${live}. ` +
    'Somebody moved it since, or a late write arrived. ' +
    `To see what is live, run ${commandText('status', [request.modelName])}.`;
  return [{ code: 'POINTER_DIFFERS', message }];
}

function refusalAnswers(refusals: readonly Refusal[]): RefusalAnswer[] {
  return refusals.map(({ code, message, clearsAtMs }) => ({
    code,
    message,
    clears_at: clearsAtMs === null ? null : isoTime(clearsAtMs),
    overridable: isOverridable(code),
  }));
}

function planAnswer(plan: Plan): PlanAnswer {
  return {
    pointer: plan.pointer,
    registry: plan.registry,
    verdict: plan.verdict,
    live_versions: plan.live,
    rule: plan.rule,
    rule_text: plan.rule === null ? null : ruleText(plan.rule),
    guards: plan.guards.map(({ code, verdict, message, clearsAtMs }) => ({
      code,
      verdict,
      message,
      clears_at: clearsAtMs === null ? null : isoTime(clearsAtMs),
    })),
    candidates: plan.candidates.map(({ version, stage, isTaken, why }) => ({
      version,
      stage,
      taken: isTaken,
      why,
    })),
    candidates_omitted: plan.candidatesOmitted,
    unread_below: plan.unreadBelow ?? null,
  };
}
