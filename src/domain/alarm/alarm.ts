/** Alarms in the terms of this product. Every event form becomes one `AlarmTransition`. */

/** Where alarms come from. */
export const AlarmSource = {
  CLOUDWATCH: 'cloudwatch',
  ALERTMANAGER: 'alertmanager',
  GRAFANA: 'grafana',
} as const;
export type AlarmSource = (typeof AlarmSource)[keyof typeof AlarmSource];

/** Which alarm it is, wherever it comes from. */
export interface AlarmRef {
  /** An `AlarmSource`, or one of a later release. */
  readonly source: string;
  /** Names it within its source: for CloudWatch its ARN, else the fingerprint of its labels. */
  readonly id: string;
  /** For people. */
  readonly name: string;
}

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

export interface Dimension {
  readonly name: string;
  readonly value: string;
}

/** One series of an alarm on several (Metrics Insights, PromQL). */
export interface AlarmContributor {
  readonly id: string;
  readonly attributes: readonly Dimension[];
}

/** What can be known of an alarm's metrics without asking CloudWatch. */
export interface AlarmSubject {
  readonly isComposite: boolean;
  /** Of all metrics, also of those that only feed an expression. */
  readonly dimensions: readonly Dimension[];
  /** True for a query over many series, which names no dimension of its own. */
  readonly isMultiSeries: boolean;
  /** Composite: ARNs of the children that put it into ALARM. */
  readonly childrenInAlarm: readonly string[];
}

/** An alarm went to ALARM: the only change that asks for a rollback. */
export interface AlarmTransition extends AlarmSubject {
  /**
   * Who delivered it. CloudWatch itself holds back suppressed, muted and disabled actions; the event bus
   * delivers them all the same.
   */
  readonly isFromEventBus: boolean;
  readonly ref: AlarmRef;
  /** When it went to ALARM (epoch ms): the same instant on every path. */
  readonly atMs: number;
  /** Null when the form does not say. */
  readonly previousState: AlarmState | null;
  readonly contributor: AlarmContributor | null;
  /**
   * ARN of the topic or queue whose message it is, until CloudWatch has confirmed it: whoever may publish
   * there can write anything into a message. Absent for what CloudWatch and the event bus deliver
   * themselves, and once it is confirmed.
   */
  readonly unconfirmedFrom?: string;
}

/** Where a message came from. What CloudWatch and the event bus deliver themselves has no such origin. */
export interface MessageOrigin {
  /** ARN of the topic or queue. */
  readonly arn: string;
  /** The account that the function runs in; null where that is not known. */
  readonly ownAccount: string | null;
}

/** An alarm as CloudWatch holds it now. */
export interface AlarmDescription extends AlarmSubject {
  readonly ref: AlarmRef;
  readonly state: AlarmState;
  /** When it went to this state (epoch ms). Null when CloudWatch does not say. */
  readonly stateChangedAtMs: number | null;
  /** Its definition was last changed then (epoch ms). CloudWatch keeps no time of creation. */
  readonly configuredAtMs: number | null;
  readonly hasActionsEnabled: boolean;
  /** True while another alarm holds back the actions of this composite alarm. */
  readonly isSuppressed: boolean;
}

/** A series that is in ALARM now. */
export interface ContributorInAlarm extends AlarmContributor {
  /** When it went to ALARM (epoch ms). Null when CloudWatch does not say. */
  readonly changedAtMs: number | null;
}

/** A change to ALARM, from the history of an alarm or of one of its series. */
export interface ChangeToAlarm {
  readonly atMs: number;
  readonly previousState: AlarmState | null;
  /** Composite: ARNs of the children that caused it. */
  readonly childrenInAlarm: readonly string[];
  /** Of the series; empty for an alarm as a whole. */
  readonly attributes: readonly Dimension[];
}

export function cloudWatchRef(arn: string, name: string): AlarmRef {
  return { source: AlarmSource.CLOUDWATCH, id: arn, name };
}

/** The identity as one text, in keys and for people: the ARN; of another source, `source:id`. */
export function alarmRefText(ref: AlarmRef): string {
  return isOfCloudWatch(ref) ? ref.id : `${ref.source}:${ref.id}`;
}

/**
 * The ARN to ask CloudWatch about. Empty for an alarm of another source, about which CloudWatch is never
 * asked: a reader answers `silent` for what is no ARN.
 */
export function arnOf(ref: AlarmRef): string {
  return isOfCloudWatch(ref) ? ref.id : '';
}

/** False: CloudWatch knows nothing of it, and is not asked. */
export function isOfCloudWatch({ source }: AlarmRef): boolean {
  return source === AlarmSource.CLOUDWATCH;
}

/** The tag on an alarm that names its registered model. */
export const modelTag = 'model-rollback:model';

/** True when an action of an alarm is this function, by itself or by a version or alias, or this topic. */
export function isActionOn(action: string, arn: string): boolean {
  return action === arn || action.startsWith(`${arn}:`);
}

/** An alarm's ARN, with the region that its host name is made of. */
const arnPattern =
  /^arn:aws[a-z-]*:cloudwatch:([a-z]{2,5}(?:-[a-z]+)+-\d{1,2}):(\d{12}):alarm:(.+)$/su;

/** The parts of an alarm's ARN, or null. A name may hold `:`. */
export function parseAlarmArn(
  arn: string,
): { readonly region: string; readonly account: string; readonly name: string } | null {
  const [, region, account, name] = arnPattern.exec(arn) ?? [];
  return region && account && name ? { region, account, name } : null;
}
