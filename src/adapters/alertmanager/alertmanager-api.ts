import { limits } from '../../domain/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Deadline, deadlineWithin } from '../../ports/deadline.ts';

/** Where an Alertmanager is. */
export interface AlertmanagerPlace {
  readonly baseUrl: URL;
  /** The value of the header Authorization; null: it needs none. */
  readonly authorization: string | null;
}

/**
 * One answer of the API, as JSON. Follows no redirect: it would carry the login elsewhere.
 * @param path below `/api/v2/`
 * @throws Error whose message is for people, and holds nothing of the login
 */
export async function askAlertmanager(
  { baseUrl, authorization }: AlertmanagerPlace,
  path: string,
  clock: Clock,
  deadline: Deadline,
): Promise<unknown> {
  const within = deadlineWithin(clock, limits.alarmReadTimeoutMs, deadline);
  const url = new URL(baseUrl);
  const [pathname = '', query = ''] = path.split('?', 2);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v2/${pathname}`;
  url.search = query;
  const headers = { accept: 'application/json', ...(authorization && { authorization }) };
  const signal = AbortSignal.timeout(Math.max(1, Math.ceil(within.leftMs())));
  let text: string;
  let status: number;
  try {
    const response = await fetch(url, { headers, redirect: 'manual', signal });
    status = response.status;
    text = await readText(response);
  } catch (error) {
    if (error instanceof TooLargeError) throw error;
    throw new Error(signal.aborted ? 'it did not answer in time' : reasonOf(error));
  }
  if (status !== 200) throw new Error(`it answered with status ${status}`);
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('its answer is not JSON');
  }
}

// ---------------------------------------------------------------------------------------------------

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > limits.alertsAnswerBytesMax) throw new TooLargeError();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

class TooLargeError extends Error {
  override readonly name = 'TooLargeError';

  constructor() {
    super(`its answer is larger than ${limits.alertsAnswerBytesMax / 1_048_576} MiB`);
  }
}

/** Node's own messages may hold parts of the address; its codes do not. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no answer';
  return `the connection failed (${code})`;
}
