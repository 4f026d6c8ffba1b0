import * as v from 'valibot';
import { ConfigurationError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';

/**
 * The value of the Authorization header for the login in a secret.
 * @param text undefined: the secret is binary
 * @throws ConfigurationError, which holds nothing of the text
 */
export function authorizationIn(text: string | undefined): string {
  if (text === undefined || text.length > limits.secretLengthMax) throw unusable('is not a text');
  const parsed = v.safeParse(loginSchema, parseJson(text));
  // Not its issues: they hold what was read.
  if (!parsed.success) throw unusable('holds something else');
  const login = parsed.output;
  return 'token' in login
    ? `Bearer ${login.token}`
    : `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
}

// ---------------------------------------------------------------------------------------------------

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
