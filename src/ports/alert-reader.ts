import type { AlarmTransition } from '../domain/alarm/alarm.ts';
import type { Deadline } from './deadline.ts';

/**
 * What an alert is now. `OK`: it has ended, also when it fires again since. `unknown`: nobody can say, or it is
 * silenced. `unreachable`: asking later may help.
 */
export type AlertNow = 'ALARM' | 'OK' | 'unknown' | 'unreachable';

/** Asks whoever sends alerts what one is now. */
export interface AlertReader {
  /** Bounded in time and size. Never throws. */
  read(alert: AlarmTransition, deadline: Deadline): Promise<AlertNow>;
}
