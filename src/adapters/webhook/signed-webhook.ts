import { createHash } from 'node:crypto';
import { briefJson } from '../../domain/answer/brief.ts';
import type { Notice } from '../../domain/record/notice-content.ts';
import type { HttpService } from './http-notifier.ts';
import { signatureHeaders } from './signature.ts';

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
  return signatureHeaders({ id, body, atMs: Date.parse(message.sent_at) }, secret);
}
