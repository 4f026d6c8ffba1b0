import { ConfigurationError } from '../domain/errors.ts';
import { type SettingForm, timeForm, wordForm } from '../domain/request/setting-form.ts';
import type { EnvName } from './env-names.ts';

/** Reading one variable: blank counts as not set, and what is wrong names the variable. */
export type Env = Readonly<Record<string, string | undefined>>;

export function read(env: Env, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

/** A setting by its form. @param byDefault what it is where the variable is not set, as text */
export function readSetting<Value>(
  env: Env,
  name: EnvName,
  byDefault: string,
  form: SettingForm<Value>,
): Value {
  const text = read(env, name) ?? byDefault;
  const value = form.parse(text);
  if (value === undefined) throw wrong(name, text, form.allowed);
  return value;
}

/** One of a few words; the first is the default. */
export function readWord<const Words extends readonly [string, ...string[]]>(
  env: Env,
  name: EnvName,
  words: Words,
): Words[number] {
  return readSetting(env, name, words[0], wordForm(words));
}

/**
 * As MLflow reads a variable of its own that is true or false.
 * @returns false where it is not set
 */
export function readBoolean(env: Env, name: EnvName): boolean {
  const text = read(env, name)?.toLowerCase() ?? 'false';
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  throw wrong(name, text, '`true` or `false`');
}

/** A time in hours or minutes, decimals allowed, in whole milliseconds. */
export function readTime(
  env: Env,
  name: EnvName,
  unit: 'hours' | 'minutes',
  byDefault: number,
  most: number,
): number {
  return readSetting(env, name, String(byDefault), timeForm(unit, { example: byDefault, most }));
}

export function readWhole(
  env: Env,
  name: EnvName,
  byDefault: number,
  least: number,
  most: number,
): number {
  const text = read(env, name);
  if (text === undefined) return byDefault;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw wrong(name, text, `a whole number from ${least} to ${most}`);
}

/**
 * The entries of a JSON object.
 * @param allowed for the message when the text is something else
 */
export function parseEntries(name: EnvName, text: string, allowed: string): [string, unknown][] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Reported below: it is not a JSON object.
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.entries(value);
  }
  throw wrong(name, text, allowed);
}

/** Never for a secret: it shows the value. */
export function wrong(name: EnvName, value: string, allowed: string): ConfigurationError {
  const shown = value.length > 200 ? `${value.slice(0, 200)}…` : value;
  return new ConfigurationError(`${name} is ${JSON.stringify(shown)}; it must be ${allowed}.`);
}
