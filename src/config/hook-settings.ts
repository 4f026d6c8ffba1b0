import { durationMs } from '../domain/duration.ts';
import { ConfigurationError, InvalidRequestError } from '../domain/errors.ts';
import { type Hook, parseHook } from '../domain/hook.ts';
import type { EnvName } from './env-names.ts';
import { type Env, read, wrong } from './read-env.ts';

/** What is checked of a target, and who is called before and after a move. Holds secrets: never log it. */
export interface HookSettings {
  /** Null: there is none. */
  readonly smokeCheck: Hook | null;
  readonly reload: Hook | null;
  /** A version that was created longer ago is no target; null: of any age. */
  readonly targetMaxAgeMs: number | null;
}

/**
 * Reads them.
 * @throws ConfigurationError naming the variable, and nothing of an address, whose path may be a secret
 */
export function hookSettingsFromEnv(env: Env): HookSettings {
  return {
    smokeCheck: readHook(env, 'ROLLBACK_SMOKE_CHECK'),
    reload: readHook(env, 'ROLLBACK_RELOAD'),
    targetMaxAgeMs: readAge(env),
  };
}

// ---------------------------------------------------------------------------------------------------

const ageDaysMax = 36_500;

function readHook(env: Env, name: EnvName): Hook | null {
  const text = read(env, name);
  if (text === undefined) return null;
  try {
    return parseHook(text, name);
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    throw new ConfigurationError(error.message, { cause: error });
  }
}

function readAge(env: Env): number | null {
  const name = 'ROLLBACK_TARGET_MAX_AGE';
  const text = read(env, name) ?? 'off';
  if (text === 'off') return null;
  const ageMs = durationMs(text) ?? 0;
  if (ageMs > 0 && ageMs <= ageDaysMax * 86_400_000) return ageMs;
  throw wrong(
    name,
    text,
    `\`off\`, or a time of at most ${ageDaysMax} days in m, h or d, such as \`90d\``,
  );
}
