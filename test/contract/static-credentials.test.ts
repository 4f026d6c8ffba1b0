import { StaticCredentials } from '../../src/adapters/system/static-credentials.ts';
import { describeCredentials } from './credentials.contract.ts';

const nothing = async (): Promise<void> => undefined;

describeCredentials('StaticCredentials', async () => ({
  credentials: new StaticCredentials('Bearer token-1'),
  authorization: 'Bearer token-1',
  secrets: ['token-1'],
  rotate: null,
  close: nothing,
}));

describeCredentials('StaticCredentials of no login', async () => ({
  credentials: new StaticCredentials(null),
  authorization: null,
  secrets: [],
  rotate: null,
  close: nothing,
}));
