import { LambdaClient } from '@aws-sdk/client-lambda';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { findSchedules } from '../../src/adapters/lambda/find-schedules.ts';
import { inspectFunction, readFunctionPolicy } from '../../src/adapters/lambda/inspect-function.ts';
import { judgeInvoke } from '../../src/domain/resource-policy.ts';
import { localAlarmArn } from '../engines/alarms.ts';
import { localClientConfig } from '../engines/aws.ts';
import { allowAlarms, createFunction, createSchedule } from '../engines/deployed-function.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { type HttpProxy, type ProxyAct, startHttpProxy } from './http-proxy.ts';
import { soon } from './model-registry.contract.ts';

const ministack = engine('ministack');
const ALARMS = 'lambda.alarms.cloudwatch.amazonaws.com';

describe.skipIf(ministack.isMissing)(ministack.title('a function on MiniStack'), () => {
  const client = new LambdaClient(localClientConfig(ministack.url));
  const name = uniqueName('function');
  let functionArn: string;

  beforeAll(async () => {
    functionArn = await createFunction(ministack.url, name, {
      env: { ROLLBACK_MODE: 'observe' },
      timeoutSeconds: 30,
      memoryMb: 512,
    });
  });

  test('is read by its name and by its ARN', async () => {
    for (const asked of [name, functionArn]) {
      expect(await inspectFunction(client, asked, soon())).toEqual({
        arn: functionArn,
        env: { ROLLBACK_MODE: 'observe' },
        runtime: 'nodejs24.x',
        timeoutSeconds: 30,
        memoryMb: 512,
        trouble: null,
      });
    }
  });

  test('that is not there is an error with what to do', async () => {
    await expect(inspectFunction(client, uniqueName('missing'), soon())).rejects.toThrow(
      /^There is no function missing-.*\. Check the name, AWS_REGION and the account\.$/,
    );
  });

  test('has no policy at first, then one that lets its alarms call it', async () => {
    // AWS answers that there is none; this engine, one without statements.
    const before = await readFunctionPolicy(client, functionArn, soon());
    await allowAlarms(ministack.url, name, localAlarmArn('churn-*'));

    const policy = await readFunctionPolicy(client, functionArn, soon());

    const judge = (sourceArn: string): string =>
      judgeInvoke(policy, { service: ALARMS, sourceArn });
    expect(judge(localAlarmArn('churn-high'))).toBe('allowed');
    expect(judge(localAlarmArn('other'))).toBe('denied');
    const caller = { service: ALARMS, sourceArn: localAlarmArn('churn-high') };
    expect(judgeInvoke(before, caller)).toBe('denied');
  });

  test('has the schedules that call it, also those that are disabled', async () => {
    const find = () => findSchedules(client, functionArn, ministack.url, soon());
    await createSchedule(ministack.url, uniqueName('other'), {
      functionArn: `${functionArn}-2`,
      State: 'ENABLED',
    });
    expect(await find()).toEqual([]);
    const [on, off] = [uniqueName('on'), uniqueName('off')];
    await createSchedule(ministack.url, on, { functionArn, State: 'ENABLED' });
    await createSchedule(ministack.url, off, {
      functionArn: `${functionArn}:live`,
      State: 'DISABLED',
    });
    expect((await find()).toSorted((a, b) => b.name.localeCompare(a.name))).toEqual([
      { name: on, isEnabled: true },
      { name: off, isEnabled: false },
    ]);
  });
});

describe('answers that MiniStack does not give', () => {
  const FUNCTION = 'arn:aws:lambda:eu-west-1:111122223333:function:m';
  let proxy: HttpProxy | undefined;
  afterEach(() => proxy?.close());

  async function answering(...acts: readonly ProxyAct[]): Promise<LambdaClient> {
    proxy = await startHttpProxy(
      null,
      ({ index }) => acts[Math.min(index, acts.length - 1)] ?? { kind: 'reset' },
    );
    return new LambdaClient({ ...localClientConfig(proxy.url), maxAttempts: 1 });
  }
  const json = (status: number, body: object): ProxyAct => ({
    kind: 'answer',
    status,
    body: JSON.stringify(body),
    contentType: 'application/json',
    headers: status === 200 ? {} : { 'x-amzn-errortype': 'AccessDeniedException' },
  });

  test('a refusal names the permission', async () => {
    const client = await answering(json(403, { Message: 'no' }));
    await expect(inspectFunction(client, FUNCTION, soon())).rejects.toThrow(
      /AccessDeniedException: no\)\. Check the permission lambda:GetFunctionConfiguration\.$/,
    );
    await expect(readFunctionPolicy(client, FUNCTION, soon())).rejects.toThrow(
      /lambda:GetPolicy\.$/,
    );
    await expect(findSchedules(client, FUNCTION, proxy?.url ?? '', soon())).rejects.toThrow(
      /answered 403\)\. Check the permission scheduler:ListSchedules\.$/,
    );
  });

  test('a function without a policy has none', async () => {
    const client = await answering({
      kind: 'answer',
      status: 404,
      body: '{"Message": "The resource you requested does not exist."}',
      headers: { 'x-amzn-errortype': 'ResourceNotFoundException' },
    });
    expect(await readFunctionPolicy(client, `${FUNCTION}:live`, soon())).toBeNull();
    expect(proxy?.requests[0]?.path).toBe(
      `/2015-03-31/functions/${encodeURIComponent(FUNCTION)}/policy?Qualifier=live`,
    );
  });

  test('a function that cannot be called says why', async () => {
    const trouble = async (body: object): Promise<string | null> => {
      const client = await answering(json(200, { FunctionArn: FUNCTION, ...body }));
      return (await inspectFunction(client, FUNCTION, soon())).trouble;
    };
    expect(await trouble({ State: 'Failed', StateReason: 'no subnet' })).toBe(
      'it is Failed: no subnet',
    );
    expect(await trouble({ State: 'Active', LastUpdateStatus: 'Failed' })).toBe(
      'its last update failed',
    );
    expect(await trouble({ Environment: { Error: { Message: 'no key' } } })).toBe(
      'its variables cannot be read: no key',
    );
    expect(await trouble({ State: 'Inactive' })).toBeNull();
  });

  test('a list of schedules is read page by page, and signed for the service', async () => {
    const row = (Name: string) => ({ Name, State: 'ENABLED', Target: { Arn: FUNCTION } });
    const client = await answering(
      json(200, { Schedules: [row('a')], NextToken: 'n/e+x=t' }),
      json(200, { Schedules: [row('b')] }),
    );
    const found = await findSchedules(client, FUNCTION, proxy?.url ?? '', soon());
    expect(found.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(proxy?.requests.map(({ path }) => path)).toEqual([
      '/schedules?MaxResults=100',
      '/schedules?MaxResults=100&NextToken=n%2Fe%2Bx%3Dt',
    ]);
    expect(proxy?.requests[0]?.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=testkey1\/\d{8}\/eu-west-1\/scheduler\/aws4_request, SignedHeaders=host;x-amz-.*Signature=[0-9a-f]{64}$/,
    );
  });

  test('something else than schedules is an error', async () => {
    const client = await answering(json(200, { hello: 1 }));
    await expect(findSchedules(client, FUNCTION, proxy?.url ?? '', soon())).rejects.toThrow(
      /did not list the schedules/,
    );
  });
});
