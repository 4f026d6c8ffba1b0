/** The trace that an invocation belongs to goes on to the registry. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LoginAuthorizer } from '../../src/adapters/mlflow/login-authorizer.ts';
import { MLflowClient } from '../../src/adapters/mlflow/mlflow-client.ts';
import { StaticCredentials } from '../../src/adapters/system/static-credentials.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { type HttpProxy, startHttpProxy } from './http-proxy.ts';
import { soon } from './model-registry.contract.ts';

const TRACE = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=557abcec3ee5a047;Sampled=1';

describe('MLflowClient', () => {
  let proxy: HttpProxy;
  let client: MLflowClient;

  beforeEach(async () => {
    proxy = await startHttpProxy(null, () => ({ kind: 'answer', status: 200, body: '{}' }));
    const authorizer = new LoginAuthorizer(new StaticCredentials(null));
    client = new MLflowClient({
      baseUrl: new URL(proxy.url),
      authorizer,
      workspace: null,
      clock: systemClock,
    });
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    client.close();
    await proxy.close();
  });

  const tracesOf = async (...values: (string | undefined)[]): Promise<unknown[]> => {
    for (const value of values) {
      vi.stubEnv('_X_AMZN_TRACE_ID', value);
      await client.send('GET', '/api', null, soon());
    }
    return proxy.requests.map(({ headers }) => headers['x-amzn-trace-id']);
  };

  test('sends the trace of the invocation that is under way', async () => {
    const other = TRACE.replace('1-57', '1-58');
    expect(await tracesOf(TRACE, other, undefined)).toEqual([TRACE, other, undefined]);
  });

  test.each(['', 'Root=1\r\nx-evil: 1', 'Root=ä', `Root=${'1'.repeat(600)}`])(
    'sends its request without a trace that is none: %j',
    async (value) => {
      expect(await tracesOf(value)).toEqual([undefined]);
    },
  );
});
