import { entryFor } from '../entry-for.ts';
import type { AlarmMode } from '../request/setting-form.ts';
import { type AlarmRef, isOfCloudWatch } from './alarm.ts';

/** The settings for alarms; they do not hold for requests. */
export interface AlarmSettings {
  /** `ask`: a person approves first. `observe`: people are only notified of what would have happened. */
  readonly mode: AlarmMode;
  /** Name of the metric dimension, or contributor attribute, that names the registered model. */
  readonly modelDimension: string;
  /** The label that names the registered model in alerts of Alertmanager and Grafana. @default `model` */
  readonly alertLabel?: string;
  /** Registered models by alarm name; a key that ends in `*` is a prefix. */
  readonly modelsByAlarm: ReadonlyMap<string, string>;
  /** Accounts whose alarms may act when they come by a topic or a queue, where CloudWatch cannot be asked. */
  readonly allowedAccounts: ReadonlySet<string>;
  /** An alarm whose definition is younger does not act. 0: off. */
  readonly alarmAgeMinMs: number;
  /** An older event acts only when its alarm is still in ALARM. */
  readonly eventAgeMaxMs: number;
  /** An alarm that was refused is tried again for this long; then a person is asked. */
  readonly pendingActMs: number;
  /** The alarm is checked again this long after its rollback. */
  readonly bakeMs: number;
  readonly isCauseChecked: boolean;
  /** Commits per model, of any trigger. Null: off. */
  readonly budget: { readonly commits: number; readonly windowMs: number } | null;
  /** Models rolled back by alarms. Null: off. */
  readonly blastRadius: { readonly models: number; readonly windowMs: number } | null;
}

const minuteMs = 60_000;

export const defaultAlarmSettings: AlarmSettings = {
  mode: 'act',
  modelDimension: 'ModelName',
  alertLabel: 'model',
  modelsByAlarm: new Map(),
  allowedAccounts: new Set(),
  alarmAgeMinMs: 0,
  eventAgeMaxMs: 60 * minuteMs,
  pendingActMs: 60 * minuteMs,
  bakeMs: 15 * minuteMs,
  isCauseChecked: true,
  budget: { commits: 3, windowMs: 7 * 24 * 60 * minuteMs },
  blastRadius: { models: 5, windowMs: 30 * minuteMs },
};

/** The model that was set for this alarm: by its whole name, else by the longest prefix. */
export function modelByAlarmName(settings: AlarmSettings, alarmName: string): string | null {
  return entryFor(settings.modelsByAlarm, alarmName) ?? null;
}

/** The name of what names the model within an alarm: a dimension or attribute, or a label. */
export function modelKey({ modelDimension, alertLabel }: AlarmSettings, ref: AlarmRef): string {
  return isOfCloudWatch(ref) ? modelDimension : (alertLabel ?? 'model');
}
