import type { SNSClient } from '@aws-sdk/client-sns';
import { limits } from '../../domain/limits.ts';
import type { Deadline } from '../../ports/deadline.ts';

export type Invoked =
  /** Null for an answer that is no JSON; also where there is none to wait for. */
  | { readonly kind: 'returned'; readonly body: unknown }
  /** The function itself threw, or was stopped. */
  | { readonly kind: 'function-failed'; readonly message: string }
  /** Lambda did not run it. */
  | { readonly kind: 'error'; readonly name: string; readonly message: string };

export interface Invocation {
  readonly functionName: string;
  readonly body: string;
  /**
   * `DryRun` checks the function and the permission, and runs nothing. `Event` only hands it over: Lambda runs it
   * later, and again when it throws. @default `RequestResponse`
   */
  readonly type?: 'RequestResponse' | 'DryRun' | 'Event';
}

/**
 * Invokes a function once. One operation is no reason for another client of the SDK in the function's bundle: a client
 * that is there anyway signs the call and sends it.
 * @param client in the region of the function
 * @throws what the connection throws
 */
export async function invokeFunction(
  client: SNSClient,
  { functionName, body, type = 'RequestResponse' }: Invocation,
  deadline: Deadline,
): Promise<Invoked> {
  const signingRegion = await client.config.region();
  const url = new URL(endpointIn(signingRegion));
  const request = {
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    path: `/2015-03-31/functions/${encodeURIComponent(functionName)}/invocations`,
    query: {},
    headers: {
      host: url.host,
      'content-type': 'application/json',
      'x-amz-invocation-type': type,
    },
    body,
  };
  const signer = await client.config.signer();
  const signed = await signer.sign(request, { signingService: 'lambda', signingRegion });
  const leftMs = Math.max(1, Math.ceil(deadline.leftMs()));
  const handler = client.config.requestHandler;
  const { response } = await handler.handle(signed as Parameters<typeof handler.handle>[0], {
    abortSignal: AbortSignal.timeout(leftMs),
    // A function runs longer than the services that the client is for.
    requestTimeout: leftMs,
  });
  const answer = parse(await textOf(response.body as AsyncIterable<Uint8Array>));
  const { statusCode, headers } = response;
  if (headers['x-amz-function-error'] !== undefined) {
    return { kind: 'function-failed', message: field(answer, 'errorMessage') ?? 'it says no more' };
  }
  if (statusCode >= 200 && statusCode < 300) return { kind: 'returned', body: answer };
  return {
    kind: 'error',
    name: headers['x-amzn-errortype']?.replace(/:.*$/, '') ?? String(statusCode),
    message: field(answer, 'Message') ?? field(answer, 'message') ?? '',
  };
}

// ---------------------------------------------------------------------------------------------------

/** As the SDK finds it. */
function endpointIn(region: string): string {
  const { AWS_ENDPOINT_URL_LAMBDA: own, AWS_ENDPOINT_URL: all } = process.env;
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return own || all || `https://lambda.${region}.${domain}`;
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > limits.noticeAnswerBytesMax) {
      throw new Error(`its answer is larger than ${limits.noticeAnswerBytesMax / 1024} KiB`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function field(value: unknown, name: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const found: unknown = Reflect.get(value, name);
  return typeof found === 'string' ? found : undefined;
}
