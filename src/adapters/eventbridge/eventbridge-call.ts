import type { SNSClient } from '@aws-sdk/client-sns';
import { limits } from '../../domain/limits.ts';
import type { Deadline } from '../../ports/deadline.ts';

/** What EventBridge answered: its JSON, or the error that it named. */
export type EventBridgeAnswer =
  | { readonly kind: 'answer'; readonly body: unknown }
  | { readonly kind: 'error'; readonly name: string; readonly message: string };

/**
 * One call of EventBridge. One or two operations are no reason for another client of the SDK (30 KB of the bundle): a
 * client that is there anyway signs the call and sends it.
 * @param region of the bus; null: the client's own
 * @throws what the connection throws
 */
export async function callEventBridge(
  client: SNSClient,
  { operation, region, body }: { operation: string; region: string | null; body: object },
  deadline: Deadline,
): Promise<EventBridgeAnswer> {
  const signingRegion = region ?? (await client.config.region());
  const url = new URL(endpointIn(signingRegion));
  const request = {
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    path: url.pathname,
    query: {},
    headers: {
      host: url.host,
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `AWSEvents.${operation}`,
    },
    body: JSON.stringify(body),
  };
  const signer = await client.config.signer();
  const signed = await signer.sign(request, { signingService: 'events', signingRegion });
  const abortSignal = AbortSignal.timeout(Math.max(1, Math.ceil(deadline.leftMs())));
  const handler = client.config.requestHandler;
  const { response } = await handler.handle(signed as Parameters<typeof handler.handle>[0], {
    abortSignal,
  });
  const answer = parse(await textOf(response.body as AsyncIterable<Uint8Array>));
  if (response.statusCode === 200) return { kind: 'answer', body: answer };
  return {
    kind: 'error',
    name: field(answer, '__type')?.replace(/^.*#/, '') ?? String(response.statusCode),
    message: field(answer, 'message') ?? field(answer, 'Message') ?? '',
  };
}

/** A field of what is expected to be an object; undefined where there is no such text. */
export function field(value: unknown, name: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const found: unknown = Reflect.get(value, name);
  return typeof found === 'string' ? found : undefined;
}

// ---------------------------------------------------------------------------------------------------

/** As the SDK finds it. */
function endpointIn(region: string): string {
  const { AWS_ENDPOINT_URL_EVENTBRIDGE: own, AWS_ENDPOINT_URL: all } = process.env;
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return own || all || `https://events.${region}.${domain}`;
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
