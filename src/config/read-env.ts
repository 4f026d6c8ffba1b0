import { ConfigurationError } from '../domain/errors.ts';
import type { EnvName } from './env-names.ts';

/** Reading one variable: blank counts as not set, and what is wrong names the variable. */
export type Env = Readonly<Record<string, string | undefined>>;

export function read(env: Env, name: EnvName): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

/** One of a few words; the first is the default. */
export function readWord<const Words extends readonly [string, ...string[]]>(
  env: Env,
  name: EnvName,
  words: Words,
): Words[number] {
  const text = read(env, name) ?? words[0];
  const word = words.find((known) => known === text);
  if (word !== undefined) return word;
  throw wrong(name, text, words.map((known) => `\`${known}\``).join(' or '));
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
  const text = read(env, name);
  const amount = text === undefined ? byDefault : Number(text);
  if (text === undefined || (/^(\d+\.?\d*|\.\d+)$/.test(text) && amount <= most)) {
    return Math.round(amount * (unit === 'hours' ? 3_600_000 : 60_000));
  }
  throw wrong(name, text, `${unit} from 0 to ${most}, such as ${byDefault} or 0.5`);
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
