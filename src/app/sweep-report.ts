import type { Observation } from './observe.ts';

/** What one sweep did. */
export interface SweepReport {
  readonly outcome: 'SWEPT';
  /** Records and notices that were due when it began, up to a bound. */
  readonly due: number;
  /** Runs that were cut off, and are finished now. */
  readonly resumed: number;
  readonly notices_sent: number;
  readonly pointers_checked: number;
  /** Of these, how many were not what the commit left. */
  readonly pointers_differ: number;
  /** Alarms that had led to no rollback, and were checked again. */
  readonly alarms_looked_at: number;
  /** Rollbacks whose alarm was read at the end of the bake time. */
  readonly recoveries_checked: number;
  /** Rollbacks whose servers had not confirmed their version, and were asked again. */
  readonly reloads_retried: number;
  /** Registered models whose pointers were read, for the live log; 0 when it was not time for it. */
  readonly models_observed: number;
  /** Changes of a pointer that nobody had reported. */
  readonly changes_observed: number;
  /** Due work that another run was quicker with. */
  readonly skipped: number;
  readonly failed: readonly { readonly rollback_id: string; readonly error: string }[];
  /** True when there was more due than one sweep takes, or time ran out. */
  readonly has_more: boolean;
}

/** What became of one due item. */
export type SweepResult =
  | {
      readonly kind:
        | 'resumed'
        | 'sent'
        | 'checked'
        | 'differs'
        | 'rechecked'
        | 'recovery'
        | 'reloaded'
        | 'skipped';
    }
  | { readonly kind: 'failed'; readonly failure: SweepReport['failed'][number] };

/** What a sweep has gathered. */
export interface Swept {
  readonly results: readonly SweepResult[];
  readonly due: number;
  readonly observed: Observation | null;
}

/** @param hasMore there was more due than one sweep takes, or time ran out */
export function reportOf({ results, due, observed }: Swept, hasMore: boolean): SweepReport {
  const count = (kind: SweepResult['kind']): number =>
    results.filter((result) => result.kind === kind).length;
  return {
    outcome: 'SWEPT',
    due,
    resumed: count('resumed'),
    notices_sent: count('sent'),
    pointers_checked: count('checked') + count('differs'),
    pointers_differ: count('differs'),
    alarms_looked_at: count('rechecked'),
    recoveries_checked: count('recovery'),
    reloads_retried: count('reloaded'),
    models_observed: observed?.models ?? 0,
    changes_observed: observed?.changes ?? 0,
    skipped: count('skipped'),
    failed: results.flatMap((result) => (result.kind === 'failed' ? [result.failure] : [])),
    has_more: hasMore,
  };
}
