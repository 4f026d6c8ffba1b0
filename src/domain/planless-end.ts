import { pendingNotice } from './follow-up.ts';
import { baseOf, boundAlarm, type RecordFacts, shorten } from './record-base.ts';
import type { RollbackRecord } from './rollback.ts';
import type { AlarmTrigger } from './trigger.ts';
import { watchAfterFailure } from './watch.ts';

/** An end before any plan could be made; alarms only. */
export interface PlanlessEnd extends RecordFacts {
  readonly alarm: AlarmTrigger | null;
  readonly outcome: 'FAILED' | 'DEFERRED';
  readonly message: string;
}

/** Records an alarm that could not be handled, for good or for now. */
export function endWithoutPlan(end: PlanlessEnd): RollbackRecord {
  const { previous, nowMs, alarm, outcome } = end;
  const isAgain = previous?.progress.status === outcome && previous.plan === null;
  const looks = previous?.watch.kind === 'pending' ? previous.watch.looks + 1 : 0;
  return {
    ...baseOf(end),
    alarm: alarm === null ? null : boundAlarm(alarm, previous, null),
    isAutomatic: true,
    plan: null,
    warnings: [],
    progress: {
      status: outcome,
      message: shorten(end.message),
      liveVersions: [],
      endedAtMs: nowMs,
      hasMoved: false,
    },
    notice: isAgain ? previous.notice : pendingNotice(nowMs),
    watch: alarm === null ? { kind: 'none' } : watchAfterFailure(looks, nowMs),
  };
}
