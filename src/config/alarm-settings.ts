import { type AlarmSettings, defaultAlarmSettings } from '../domain/alarm/alarm-settings.ts';
import { ConfigurationError, messageOf } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { parseModelName } from '../domain/request/request.ts';
import { budgetForm, modeForm, rateForm } from '../domain/request/setting-form.ts';
import type { EnvName } from './env-names.ts';
import {
  type Env,
  parseEntries,
  read,
  readSetting,
  readTime,
  readWord,
  wrong,
} from './read-env.ts';

const minuteMs = 60_000;
/** A week: an older alarm says nothing about now. */
const minutesMax = 10_080;
const bakeMinutesMax = 1_440;
/** CloudWatch's limit on the names of alarms, dimensions and attributes. */
const nameLengthMax = 255;

/**
 * Reads the settings for alarms.
 * @throws ConfigurationError naming the variable, what it held and what is allowed
 */
export function alarmSettingsFromEnv(env: Env): AlarmSettings {
  const budget = readSetting(env, 'ROLLBACK_BUDGET', '3/7d', budgetForm);
  const radiusForm = rateForm('5/30m', limits.fleetSlotsMax);
  const blastRadius = readSetting(env, 'ROLLBACK_BLAST_RADIUS', '5/30m', radiusForm);
  return {
    mode: readSetting(env, 'ROLLBACK_MODE', 'act', modeForm),
    modelDimension: readDimension(env),
    alertLabel: readLabel(env),
    modelsByAlarm: readModels(env),
    allowedAccounts: readAccounts(env),
    alarmAgeMinMs: readMinutes(env, 'ROLLBACK_ALARM_AGE_MIN_MINUTES', 'alarmAgeMinMs'),
    eventAgeMaxMs: readMinutes(env, 'ROLLBACK_EVENT_AGE_MAX_MINUTES', 'eventAgeMaxMs'),
    pendingActMs: readMinutes(env, 'ROLLBACK_PENDING_ACT_MINUTES', 'pendingActMs'),
    bakeMs: readMinutes(env, 'ROLLBACK_BAKE_MINUTES', 'bakeMs', bakeMinutesMax),
    isCauseChecked: readWord(env, 'ROLLBACK_CAUSE_CHECK', ['on', 'off']) === 'on',
    budget: budget && { commits: budget.count, windowMs: budget.windowMs },
    blastRadius: blastRadius && { models: blastRadius.count, windowMs: blastRadius.windowMs },
  };
}

// ---------------------------------------------------------------------------------------------------

function readMinutes(
  env: Env,
  name: EnvName,
  field: 'alarmAgeMinMs' | 'eventAgeMaxMs' | 'pendingActMs' | 'bakeMs',
  most: number = minutesMax,
): number {
  return readTime(env, name, 'minutes', defaultAlarmSettings[field] / minuteMs, most);
}

function readDimension(env: Env): string {
  const name = read(env, 'ROLLBACK_MODEL_DIMENSION');
  if (name === undefined) return defaultAlarmSettings.modelDimension;
  if (isPlainName(name)) return name;
  throw wrong(
    'ROLLBACK_MODEL_DIMENSION',
    name,
    `the name of a metric dimension or contributor attribute, at most ${nameLengthMax} characters`,
  );
}

/** As Prometheus spells the names of labels. */
function readLabel(env: Env): string {
  const name = read(env, 'ROLLBACK_ALERT_LABEL');
  if (name === undefined) return defaultAlarmSettings.alertLabel ?? 'model';
  if (/^[A-Za-z_]\w{0,254}$/.test(name)) return name;
  throw wrong(
    'ROLLBACK_ALERT_LABEL',
    name,
    'the name of a label: letters, digits and _, such as `model_name`',
  );
}

function readModels(env: Env): ReadonlyMap<string, string> {
  const name = 'ROLLBACK_ALARM_MODELS';
  const text = read(env, name);
  if (text === undefined) return defaultAlarmSettings.modelsByAlarm;
  // A map, not an object: an alarm may be named `constructor`.
  const allowed =
    'a JSON object of models by alarm name or prefix, such as {"churn-*": "churn-scorer"}';
  const entries = parseEntries(name, text, allowed);
  return new Map(entries.map(([key, model]) => [parseAlarmKey(key), modelOf(key, model)]));
}

function readAccounts(env: Env): ReadonlySet<string> {
  const text = read(env, 'ROLLBACK_ALLOWED_ACCOUNTS');
  const accounts = text?.split(',').map((account) => account.trim()) ?? [];
  if (accounts.every((account) => /^\d{12}$/.test(account))) return new Set(accounts);
  throw wrong(
    'ROLLBACK_ALLOWED_ACCOUNTS',
    text ?? '',
    'account ids of 12 digits with commas between them, such as `111122223333,444455556666`',
  );
}

function parseAlarmKey(key: string): string {
  if (isPlainName(key)) return key;
  throw new ConfigurationError(
    `ROLLBACK_ALARM_MODELS has the key ${shown(key)}; a key is the name of an alarm, or its beginning and *, ` +
      `at most ${nameLengthMax} characters.`,
  );
}

function modelOf(key: string, model: unknown): string {
  try {
    return parseModelName(model);
  } catch (cause) {
    throw new ConfigurationError(
      `ROLLBACK_ALARM_MODELS, at ${shown(key)}, does not name a registered model: ${messageOf(cause)}`,
      { cause },
    );
  }
}

function isPlainName(name: string): boolean {
  const isShort = name !== '' && name.length <= nameLengthMax;
  return isShort && name.isWellFormed() && !/\p{Cc}/u.test(name);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
