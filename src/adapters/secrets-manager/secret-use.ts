import * as v from 'valibot';
import { addressTrouble, keyTrouble } from '../../domain/channel.ts';
import { ConfigurationError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';

/** What a secret is for, and what it must hold. */
export interface SecretUse {
  /** The variable that names it. */
  readonly variable: string;
  /** What it holds, for people. */
  readonly what: string;
  /**
   * What is used of its text.
   * @param text undefined: the secret is binary
   * @throws ConfigurationError, which holds nothing of the text
   */
  read(text: string | undefined): string;
}

export const loginSecret: SecretUse = {
  variable: 'MLFLOW_TRACKING_SECRET_ARN',
  what: 'login',
  read: authorizationIn,
};

/** The address or the key of a channel: the text of the secret, and nothing else. */
export function channelSecret(variable: string, what: 'address' | 'key'): SecretUse {
  return {
    variable,
    what,
    read: (text) => {
      const value = text?.trim() ?? '';
      const trouble = what === 'address' ? addressTrouble(value) : keyTrouble(value);
      if (trouble === null) return value;
      throw new ConfigurationError(
        `The secret that ${variable} names ${trouble}. It must hold the ${what} alone, as plain text, not JSON.`,
      );
    },
  };
}

// ---------------------------------------------------------------------------------------------------

/**
 * The value of the Authorization header for the login in a secret.
 * @param text undefined: the secret is binary
 * @throws ConfigurationError, which holds nothing of the text
 */
function authorizationIn(text: string | undefined): string {
  if (text === undefined || text.length > limits.secretLengthMax) throw unusable('is not a text');
  const parsed = v.safeParse(loginSchema, parseJson(text));
  // Not its issues: they hold what was read.
  if (!parsed.success) throw unusable('holds something else');
  const login = parsed.output;
  return 'token' in login
    ? `Bearer ${login.token}`
    : `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
}

const loginSchema = v.union([
  v.strictObject({
    // The server takes all that stands before the first colon for the name.
    username: v.pipe(v.string(), v.regex(/^[^:\p{Cc}]+$/u)),
    password: v.pipe(v.string(), v.regex(/^\P{Cc}+$/u)),
  }),
  v.strictObject({ token: v.pipe(v.string(), v.regex(/^[\x21-\x7e]+$/)) }),
]);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Without the cause: it quotes the text.
    throw unusable('is not JSON');
  }
}

function unusable(what: string): ConfigurationError {
  return new ConfigurationError(
    `The secret that MLFLOW_TRACKING_SECRET_ARN names ${what}. It must be a JSON object with string values, ` +
      '{"username": …, "password": …} or {"token": …}, and no other field.',
  );
}
