import { createHash, createHmac } from 'node:crypto';
import { briefJson } from '../../domain/answer/brief.ts';
import type { Notice } from '../../domain/record/notice-content.ts';
import type { HttpService } from './http-notifier.ts';

/**
 * A server of one's own. Each delivery is signed as standardwebhooks.com describes it, so that its libraries check it:
 * HMAC-SHA256 over the id, the time and the body. The id is the same each time that a notice is sent.
 */
export function signedWebhook(url: URL): HttpService {
  return {
    channel: 'webhook',
    name: 'The webhook',
    requestsFor: (notice, secret) => {
      const body = briefJson(notice);
      return [{ url, body, headers: signatureOf(notice, body, secret) }];
    },
    isReceipt: () => true,
  };
}

// ---------------------------------------------------------------------------------------------------

function signatureOf({ message }: Notice, body: string, secret: string): Record<string, string> {
  const { rollback_id: rollbackId, about, outcome, timestamp, replaces } = message;
  const identity = JSON.stringify([rollbackId, about, outcome, timestamp, replaces]);
  const id = `msg_${createHash('sha256').update(identity).digest('hex').slice(0, 32)}`;
  const seconds = String(Math.floor(Date.parse(message.sent_at) / 1_000));
  const signature = createHmac('sha256', keyOf(secret))
    .update(`${id}.${seconds}.${body}`)
    .digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': seconds,
    'webhook-signature': `v1,${signature}`,
  };
}

/** The form of the libraries is `whsec_` and base64; any other text is taken as it is. */
function keyOf(secret: string): Buffer {
  return secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret);
}
