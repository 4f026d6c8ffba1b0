import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SNSClient } from '@aws-sdk/client-sns';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { LambdaHookCaller } from '../../src/adapters/lambda/lambda-hook.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import type { HookAnswer } from '../../src/domain/hook.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { deployFunction } from '../engines/lambda-function.ts';
import { describeHookCaller, smokeRequest } from './hook-caller.contract.ts';
import { type HttpProxy, type ProxyAct, startHttpProxy } from './http-proxy.ts';

const ministack = engine('ministack');
const folder = mkdtempSync(join(tmpdir(), 'model-rollback-hooks-'));
const ARN = 'arn:aws:lambda:eu-west-1:123456789012:function:smoke-check:live';

afterEach(() => {
  vi.unstubAllEnvs();
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(ministack.isMissing)(ministack.title('MiniStack'), () => {
  describeHookCaller('LambdaHookCaller', async (act) => {
    const file = join(folder, uniqueName('calls'));
    const env = { ACT: JSON.stringify(act), CALLS: file };
    const files = [{ name: 'index.mjs', content: handlerCode }];
    const functionName = await deployFunction(ministack.url, { files, env, timeoutSeconds: 5 });
    vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', ministack.url);
    return {
      caller: new LambdaHookCaller(() => clientAt(ministack.url)),
      hook: { kind: 'lambda', functionName },
      received: () => callsIn(file),
      close: async () => undefined,
    };
  });

  test('LambdaHookCaller reports a function that does not exist', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', ministack.url);
    const caller = new LambdaHookCaller(() => clientAt(ministack.url));
    const hook = { kind: 'lambda', functionName: uniqueName('none') } as const;
    const answer = await caller.call(hook, smokeRequest, deadlineAfter(systemClock, 5_000));
    caller.close();
    expect(answer).toMatchObject({ why: expect.stringContaining('ResourceNotFoundException') });
  });
});

describe('LambdaHookCaller', () => {
  test('signs the call for Lambda, in the region of the function', async () => {
    const { requests } = await callTo({ kind: 'answer', status: 200, body: '{"ok": true}' });
    const [request] = requests;
    expect(request?.method).toBe('POST');
    expect(request?.path).toBe(`/2015-03-31/functions/${encodeURIComponent(ARN)}/invocations`);
    expect(request?.headers).toMatchObject({
      'x-amz-invocation-type': 'RequestResponse',
      authorization: expect.stringMatching(/^AWS4-HMAC-SHA256 .*\/eu-west-1\/lambda\/aws4_request/),
    });
  });

  test.each([
    [
      'a missing permission',
      403,
      { 'x-amzn-errortype': 'AccessDeniedException:http://internal/' },
      { Message: 'User is not authorized to perform: lambda:InvokeFunction.' },
      'AccessDeniedException: User is not authorized to perform: lambda:InvokeFunction; it needs the permission lambda:InvokeFunction',
    ],
    [
      'too many calls',
      429,
      { 'x-amzn-errortype': 'TooManyRequestsException' },
      { message: 'Rate Exceeded.' },
      'TooManyRequestsException: Rate Exceeded',
    ],
    ['an error without a name', 500, {}, {}, '500: '],
    [
      'a function that throws',
      200,
      { 'x-amz-function-error': 'Unhandled' },
      { errorType: 'Error', errorMessage: 'the model is gone\n at line 1' },
      'the function failed: the model is gone at line 1',
    ],
    [
      'a function that runs too long',
      200,
      { 'x-amz-function-error': 'Unhandled' },
      'Task timed out after 3.00 seconds',
      'the function failed: it says no more',
    ],
  ])('reports %s', async (_, status, headers, body, why) => {
    const text = JSON.stringify(body);
    const { answer } = await callTo({ kind: 'answer', status, headers, body: text });
    expect(answer).toEqual({ kind: 'failed', why });
  });

  test('waits longer than the client does for its own service', async () => {
    const server = await startHttpProxy(null, () => ({ kind: 'hang' }));
    const result = await callAt(server, 700, { requestTimeout: 100 });
    expect(result).toEqual({ kind: 'failed', why: 'it did not answer in time' });
  });

  test('reports where nobody answers', async () => {
    const server = await startHttpProxy(null, () => ({ kind: 'hang' }));
    await server.close();
    const result = await callAt(server, 5_000);
    expect(result).toMatchObject({ kind: 'failed', why: expect.stringContaining('ECONNREFUSED') });
  });
});

// ---------------------------------------------------------------------------------------------------

/** The act is in the environment; what it is called with goes to a file. */
const handlerCode = `
import { appendFileSync } from 'node:fs';
export const handler = async (event) => {
  appendFileSync(process.env.CALLS, JSON.stringify(event) + '\\n');
  const act = JSON.parse(process.env.ACT);
  if (act.kind === 'return') return act.body;
  if (act.kind === 'large') return 'x'.repeat(act.bytes);
  if (act.kind === 'fail') throw new Error(act.words);
  await new Promise((resolve) => setTimeout(resolve, 3_000));
};
`;

function callsIn(file: string): readonly unknown[] {
  try {
    return readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
  } catch {
    return [];
  }
}

function clientAt(url: string, more: object = {}): SNSClient {
  const { requestHandler: _, ...config } = { requestHandler: null, ...localClientConfig(url) };
  const requestHandler = { throwOnRequestTimeout: true, ...more };
  return new SNSClient({ ...config, region: 'eu-west-1', requestHandler });
}

async function callTo(
  act: ProxyAct,
): Promise<{ readonly answer: HookAnswer; readonly requests: HttpProxy['requests'] }> {
  const server = await startHttpProxy(null, () => act);
  const answer = await callAt(server, 5_000);
  return { answer, requests: server.requests };
}

async function callAt(server: HttpProxy, leftMs: number, more: object = {}): Promise<HookAnswer> {
  vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', server.url);
  const caller = new LambdaHookCaller(() => clientAt(server.url, more));
  const hook = { kind: 'lambda', functionName: ARN } as const;
  const answer = await caller.call(hook, smokeRequest, deadlineAfter(systemClock, leftMs));
  caller.close();
  await server.close();
  return answer;
}
