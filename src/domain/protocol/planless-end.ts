import { outboxNotice } from '../answer/notice.ts';
import { Outcome } from '../decide/outcome.ts';
import type { OutboxNotice } from '../record/outbox.ts';
import type { RollbackRecord, StoreChange } from '../record/record.ts';
import type { AlarmTrigger, AlarmWatch } from '../record/trigger.ts';
import { baseOf, boundAlarm, type RecordFacts, shorten } from './record-base.ts';
import { watchAfterFailure } from './watch.ts';

/** An end before any plan could be made; alarms only. */
export interface PlanlessEnd extends RecordFacts {
  readonly alarm: AlarmTrigger | null;
  /** `REFUSED`: CloudWatch does not confirm the alarm. */
  readonly outcome: 'FAILED' | 'DEFERRED' | 'REFUSED';
  readonly message: string;
  /** The notice of an earlier attempt's end, as it is now. */
  readonly previousNotice: OutboxNotice | undefined;
  /** Unguessable; for the notice. */
  readonly token: string;
  /** True when the record of its source has the notice. @default false */
  readonly isAnnounced?: boolean;
}

/** Records an alarm that could not be handled, whether it is tried again or not. It is announced once. */
export function endWithoutPlan(
  end: PlanlessEnd,
): StoreChange & { readonly record: RollbackRecord } {
  const { previous, previousNotice, nowMs, token, outcome } = end;
  const record = planlessRecord(end);
  const isAgain = previous?.progress.status === outcome && previous.plan === null;
  if (end.isAnnounced === true) return { record };
  if (isAgain) return { record: { ...record, notice: previous.notice } };
  const notice = outboxNotice(record, 'end', {
    previous: previousNotice,
    embedded: previous?.notice,
    nowMs,
    token,
    isSending: true,
  });
  return { record, notice };
}

// ---------------------------------------------------------------------------------------------------

function planlessRecord(end: PlanlessEnd): RollbackRecord {
  const { previous, nowMs, alarm, outcome } = end;
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
    watch: watchOf(end),
  };
}

function watchOf({ alarm, outcome, previous, nowMs }: PlanlessEnd): AlarmWatch {
  if (alarm === null) return { kind: 'none' };
  const pending = previous?.watch.kind === 'pending' ? previous.watch : null;
  // Further messages do not put off a check that is due.
  if (outcome === Outcome.REFUSED) return pending ?? watchAfterFailure(0, nowMs);
  return watchAfterFailure(pending === null ? 0 : pending.looks + 1, nowMs);
}
