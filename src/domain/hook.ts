import { addressTrouble } from './channel.ts';
import { cutText } from './cut-text.ts';
import { InvalidRequestError } from './errors.ts';
import { escapeText } from './escape.ts';

/** Something of the user's own that is called before a move (smoke check) or after it (reload). */
export type Hook =
  /** The path of the address may hold a secret: only `hookName` shows it. */
  | { readonly kind: 'http'; readonly url: string }
  /** Name or ARN of a Lambda function, with a version or an alias behind it or without. */
  | { readonly kind: 'lambda'; readonly functionName: string };

/** What a hook is sent, as JSON (docs/reference/hooks.md). */
export type HookRequest = SmokeCheckRequest | ReloadRequest;

export interface SmokeCheckRequest {
  readonly kind: 'smoke-check';
  readonly model_name: string;
  /** The version that is to go live. */
  readonly version: string;
  /** Where its files are; null where the registry does not say. */
  readonly source: string | null;
  readonly pointer: string;
  readonly from_version: string | null;
  readonly reason: string;
  /** Null for a preview, which leaves no record. */
  readonly rollback_id: string | null;
}

export interface ReloadRequest {
  readonly kind: 'reload';
  readonly model_name: string;
  /** The version that is live now. */
  readonly version: string;
  readonly pointer: string;
  readonly from_version: string | null;
  readonly reason: string;
  readonly rollback_id: string;
}

/** What came of a call. */
export type HookAnswer =
  /** HTTP 2xx, or a function that ended well; null where the body is no JSON. */
  | { readonly kind: 'answered'; readonly body: unknown }
  /** No answer, or one that says that it failed: what happened, without a full stop. */
  | { readonly kind: 'failed'; readonly why: string };

/** What the smoke check of a target brought. */
export interface SmokeResult {
  /** `failed`: it gave no answer that says anything about the version. `skipped`: the request passes it. */
  readonly kind: 'passed' | 'refused' | 'failed' | 'skipped';
  /** For people. */
  readonly hook: string;
  /** Empty where there is nothing to say. */
  readonly why: string;
}

/** Whether serving has confirmed the version that is live. */
export type Confirmation =
  | { readonly kind: 'confirmed'; readonly version: string | null }
  | { readonly kind: 'not-confirmed'; readonly why: string };

/**
 * Reads an https address (http for this machine only), or the name or ARN of a Lambda function.
 * @param name the variable or field, for the message, which shows nothing of the value: it may hold a secret
 * @throws InvalidRequestError
 */
export function parseHook(value: unknown, name: string): Hook {
  if (typeof value === 'string') {
    if (functionPattern.test(value)) return { kind: 'lambda', functionName: value };
    const trouble = addressTrouble(value);
    if (trouble === null) return { kind: 'http', url: new URL(value).href };
    if (value.includes('/')) {
      throw new InvalidRequestError(
        `${name} ${trouble}. Set it to an https address without a login (http only for this machine itself).`,
      );
    }
  }
  throw new InvalidRequestError(
    `${name} must be an https address, or the name or ARN of a Lambda function.`,
  );
}

/** What may be shown of a hook: where it leads, and nothing secret. */
export function hookName(hook: Hook): string {
  return hook.kind === 'http' ? new URL(hook.url).origin : `Lambda function ${hook.functionName}`;
}

/** Only a plain yes is one. */
export function smokeResult(hook: string, answer: HookAnswer): SmokeResult {
  if (answer.kind === 'failed') return { kind: 'failed', hook, why: answer.why };
  const isOk = fieldOf(answer.body, 'ok');
  const reason = fieldOf(answer.body, 'reason');
  if (isOk === true) return { kind: 'passed', hook, why: '' };
  if (isOk === false)
    return { kind: 'refused', hook, why: typeof reason === 'string' ? shown(reason) : '' };
  return { kind: 'failed', hook, why: 'its answer is neither {"ok": true} nor {"ok": false}' };
}

/** An answer that names no version confirms the one that was sent. */
export function confirmationOf(answer: HookAnswer, version: string): Confirmation {
  if (answer.kind === 'failed') return { kind: 'not-confirmed', why: answer.why };
  const serving = fieldOf(answer.body, 'serving_version');
  if (serving === undefined || serving === null) return { kind: 'confirmed', version: null };
  const named = typeof serving === 'number' ? String(serving) : serving;
  if (named === version) return { kind: 'confirmed', version };
  const what = typeof named === 'string' ? `version ${shown(named)}` : 'no version';
  return { kind: 'not-confirmed', why: `it answered that it serves ${what}` };
}

// ---------------------------------------------------------------------------------------------------

const functionPattern =
  /^(arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:)?[\w-]{1,64}(:(\$LATEST|[\w-]{1,128}))?$/;

/** Kept of a text of the hook's own (characters). */
const shownLengthMax = 300;

function shown(text: string): string {
  return cutText(escapeText(text.trim()), shownLengthMax).replace(/\.$/, '');
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
