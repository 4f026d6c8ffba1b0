import { createHmac } from 'node:crypto';

/**
 * The headers of one delivery, as standardwebhooks.com describes them: HMAC-SHA256 over the id, the time and the body.
 * @param secret `whsec_` and base64, the form of the libraries; any other text is taken as it is
 */
export function signatureHeaders(
  { id, body, atMs }: { readonly id: string; readonly body: string; readonly atMs: number },
  secret: string,
): Record<string, string> {
  const seconds = String(Math.floor(atMs / 1_000));
  const signature = createHmac('sha256', keyOf(secret))
    .update(`${id}.${seconds}.${body}`)
    .digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': seconds,
    'webhook-signature': `v1,${signature}`,
  };
}

// ---------------------------------------------------------------------------------------------------

function keyOf(secret: string): Buffer {
  return secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret);
}
