import { createHash } from 'node:crypto';
import { messageOf } from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import type { Hook, HookAnswer, HookRequest } from '../../domain/hook.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Credentials } from '../../ports/credentials.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { HookCaller } from '../../ports/hook-caller.ts';
import { masked } from './masked.ts';
import { type PostAnswer, postJson } from './post-json.ts';
import { signatureHeaders } from './signature.ts';

type HttpHook = Extract<Hook, { kind: 'http' }>;

/** Posts to a server of the user's own. Its address may hold a secret: no answer shows more than it has to. */
export class HttpHookCaller implements HookCaller<HttpHook> {
  readonly #key: Credentials | null;
  readonly #clock: Clock;

  /** @param key signs each call; null: calls are not signed */
  constructor(key: Credentials | null, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  async call({ url }: HttpHook, request: HookRequest, deadline: Deadline): Promise<HookAnswer> {
    if (deadline.leftMs() <= 0) return { kind: 'failed', why: 'no time was left' };
    let key: string | null = null;
    try {
      key = (await this.#key?.authorization(deadline)) ?? null;
      const answer = await this.#post(url, request, key, deadline);
      // A key that was changed since it was read: one more call with the new one.
      const isRefused = answer.status === 401 || answer.status === 403;
      const renewed = isRefused ? await this.#key?.renew(key, deadline) : null;
      if (renewed == null) return answerOf(answer, secretsOf(url, key));
      const again = await this.#post(url, request, renewed, deadline);
      return answerOf(again, secretsOf(url, renewed));
    } catch (error) {
      const why = withoutSecrets(messageOf(error), secretsOf(url, key)).replace(/\.$/, '');
      return { kind: 'failed', why };
    }
  }

  close(): void {
    this.#key?.close();
  }

  async #post(
    url: string,
    request: HookRequest,
    key: string | null,
    deadline: Deadline,
  ): Promise<PostAnswer> {
    const body = JSON.stringify({ schema: 'model-rollback/1', ...request });
    const atMs = this.#clock.nowMs();
    const signing = { id: idOf(request, body, atMs), body, atMs };
    const headers = key === null ? {} : signatureHeaders(signing, key);
    const signal = AbortSignal.timeout(Math.max(1, Math.ceil(deadline.leftMs())));
    return await postJson(new URL(url), { body, headers }, signal);
  }
}

// ---------------------------------------------------------------------------------------------------

/** A reload is the same each time that it is sent; a check is another one. */
function idOf({ kind }: HookRequest, body: string, atMs: number): string {
  const identity = kind === 'reload' ? body : `${atMs}.${body}`;
  return `msg_${createHash('sha256').update(identity).digest('hex').slice(0, 32)}`;
}

function secretsOf(url: string, key: string | null): readonly string[] {
  return key === null ? [url] : [url, key];
}

function answerOf({ status, text }: PostAnswer, secrets: readonly string[]): HookAnswer {
  if (status >= 200 && status < 300) {
    return { kind: 'answered', body: maskedBody(parse(text), secrets) };
  }
  const shown = withoutSecrets(text, secrets);
  const said = escapeText(shown.replaceAll(/\s+/g, ' ').trim().slice(0, shownLength));
  const why = `it answered ${status} (${reasonFor(status)})${said === '' ? '' : `: ${said}`}`;
  return { kind: 'failed', why: why.replace(/\.$/, '') };
}

const shownLength = 200;
/** Shorter parts of a path are words such as `reload`, which an answer may hold too. */
const secretPartLengthMin = 12;

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return masked(text, secrets, secretPartLengthMin);
}

/** Only texts directly in it are ever shown. */
function maskedBody(body: unknown, secrets: readonly string[]): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return null;
  return Object.fromEntries(
    Object.entries(body).map(([name, value]): [string, unknown] => [
      name,
      typeof value === 'string' ? withoutSecrets(value, secrets) : value,
    ]),
  );
}

function reasonFor(status: number): string {
  if (status < 400) return 'a redirect, which is not followed: set the address that it leads to';
  if (status === 401 || status === 403) return 'refused';
  if (status === 404 || status === 410) return 'the address does not exist, or not any more';
  return status < 500 ? 'it takes no such call' : 'it is out of order';
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
