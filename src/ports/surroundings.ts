import type { AlarmDescription } from '../domain/alarm/alarm.ts';
import type { Check } from '../domain/answer/check.ts';
import type { AlarmAnswer } from './alarm-reader.ts';
import type { Deadline } from './deadline.ts';
import type { Notifier } from './notifier.ts';

/** Which alarms somebody asks about. */
export interface AskedAlarms {
  /** Those that call this function; also by one of its versions or aliases. */
  readonly functionArn: string | null;
  /** Those that publish to this topic. */
  readonly topicArn: string | null;
  /** And these, whatever they call. */
  readonly names: readonly string[];
}

/** An alarm, and what it does when it goes to ALARM. */
export interface WiredAlarm {
  readonly alarm: AlarmDescription;
  /** ARNs. */
  readonly actions: readonly string[];
}

/** The function as it is deployed. */
export interface DeployedFunction {
  readonly arn: string;
  /** May hold secrets: shown only as the settings that are read from it. */
  readonly env: Readonly<Record<string, string>>;
  readonly runtime: string | null;
  readonly timeoutSeconds: number | null;
  readonly memoryMb: number | null;
  /** Why it cannot be called, or is not what was deployed last; null when all is well. */
  readonly trouble: string | null;
}

/** A schedule that calls the function. */
export interface Schedule {
  readonly name: string;
  readonly isEnabled: boolean;
}

/**
 * Reads what surrounds the product, for `doctor`: what a rollback needs but does not check itself. It
 * only reads, and tries once. Unless noted otherwise every call may throw errors of ours.
 */
export interface Surroundings {
  /** Does it answer, does it take the login, which version is it? */
  registry(
    deadline: Deadline,
  ): Promise<{ readonly check: Check; readonly clockSkewMs: number | null }>;
  /** The set-up of the table or file, which reading it does not show. */
  state(deadline: Deadline): Promise<readonly Check[]>;
  /** @param use `notices`: we publish to it; `alarms`: CloudWatch does */
  topic(name: string, arn: string, use: 'notices' | 'alarms', deadline: Deadline): Promise<Check>;
  /** The channels of notices beside the topic, and the hooks: an answer for each. Sends nothing. */
  channels(deadline: Deadline): Promise<readonly Check[]>;
  /** Who reports to the service, where set: MLflow's webhooks, and Alertmanager. Sends nothing. */
  senders(deadline: Deadline): Promise<readonly Check[]>;
  /** Every channel that notices would go to, the topic too; nothing is sent before one is asked to. */
  openNotifiers(): Promise<{ readonly notifiers: readonly Notifier[]; close(): void }>;
  /** @param name name or ARN of the function */
  function(name: string, deadline: Deadline): Promise<DeployedFunction>;
  /** The policy that says who may call it, as JSON; null when it has none. */
  functionPolicy(arn: string, deadline: Deadline): Promise<string | null>;
  schedules(functionArn: string, deadline: Deadline): Promise<readonly Schedule[]>;
  /** Those that exist. Never throws. */
  alarms(asked: AskedAlarms, deadline: Deadline): Promise<AlarmAnswer<readonly WiredAlarm[]>>;
  /** Whether the history of alarms can be read, in the region of this ARN. Never throws. */
  alarmHistory(arn: string, deadline: Deadline): Promise<AlarmAnswer<null>>;
  /** ARNs of all children of a composite alarm, whatever their state. Never throws. */
  alarmChildren(arn: string, deadline: Deadline): Promise<AlarmAnswer<readonly string[]>>;
}
