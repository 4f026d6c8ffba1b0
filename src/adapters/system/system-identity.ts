import { createHash, randomUUID } from 'node:crypto';
import type { Identity } from '../../ports/identity.ts';

export const systemIdentity: Identity = {
  random: () => randomUUID(),
  digest: (text) => createHash('sha256').update(text).digest('hex'),
};
