import { ConfigurationError, InvalidRequestError } from '../domain/errors.ts';
import { type Hook, parseHook } from '../domain/hook.ts';
import { type OnOff, onOffForm, targetAgeForm } from '../domain/request/setting-form.ts';
import type { EnvName } from './env-names.ts';
import { type Env, read, readSetting } from './read-env.ts';

/** What is checked of a target, and what is done before and after a move. Holds secrets: never log it. */
export interface HookSettings {
  /** Null: there is none. */
  readonly smokeCheck: Hook | null;
  readonly reload: Hook | null;
  /** A version that was created longer ago is no target; null: of any age. */
  readonly targetMaxAgeMs: number | null;
  /** A promotion wants the evidence of a comparison that is no older; null: it wants none. */
  readonly promotionEvidenceMs: number | null;
  /** Whether an alias that moves leaves `NAME-previous` on the version that it left. */
  readonly previousAlias: OnOff;
}

/**
 * Reads them.
 * @throws ConfigurationError naming the variable, and nothing of an address, whose path may be a secret
 */
export function hookSettingsFromEnv(env: Env): HookSettings {
  return {
    smokeCheck: readHook(env, 'ROLLBACK_SMOKE_CHECK'),
    reload: readHook(env, 'ROLLBACK_RELOAD'),
    targetMaxAgeMs: readSetting(env, 'ROLLBACK_TARGET_MAX_AGE', 'off', targetAgeForm),
    promotionEvidenceMs: readSetting(env, 'ROLLBACK_PROMOTION_EVIDENCE', 'off', targetAgeForm),
    previousAlias: readSetting(env, 'ROLLBACK_PREVIOUS_ALIAS', 'off', onOffForm),
  };
}

// ---------------------------------------------------------------------------------------------------

function readHook(env: Env, name: EnvName): Hook | null {
  const text = read(env, name);
  if (text === undefined || text === 'off') return null;
  try {
    return parseHook(text, name);
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    throw new ConfigurationError(error.message, { cause: error });
  }
}
