/** Proves that the stand-in for Lambda does what Lambda does, before a suite blames the function. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import {
  InitError,
  type LambdaEnd,
  type LambdaProcess,
  startLambda,
} from '../engines/lambda-process.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A process that runs this code as its `index.mjs`. */
async function start(code: string): Promise<LambdaProcess> {
  const taskRoot = mkdtempSync(join(tmpdir(), 'model-rollback-fixture-'));
  closers.push(() => rmSync(taskRoot, { recursive: true, force: true }));
  writeFileSync(join(taskRoot, 'index.mjs'), code);
  const lambda = await startLambda({ taskRoot, env: {} });
  closers.push(lambda.close);
  return lambda;
}

const handler = (body: string): string =>
  `export async function handler(event, context) { ${body} }`;
const typeOf = (end: LambdaEnd): string =>
  end.kind === 'error' ? end.error.errorType : `answered ${JSON.stringify(end.body)}`;

describe('startLambda', () => {
  test('gives the handler its event, context and trace, and takes its answer', async () => {
    const lambda = await start(
      handler(`
        const { awsRequestId, memoryLimitInMB, invokedFunctionArn } = context;
        const leftMs = context.getRemainingTimeInMillis();
        const { _X_AMZN_TRACE_ID: trace = 'none' } = process.env;
        return { event, awsRequestId, memoryLimitInMB, invokedFunctionArn, leftMs, trace };
      `),
    );

    const first = await lambda.invoke(
      { text: 'grüße' },
      { requestId: 'first', timeoutMs: 5_000, traceId: 'Root=1' },
    );
    const second = await lambda.invoke(null);

    expect(first).toMatchObject({
      kind: 'response',
      body: {
        event: { text: 'grüße' },
        awsRequestId: 'first',
        memoryLimitInMB: '256',
        invokedFunctionArn: expect.stringMatching(/:function:model-rollback$/),
        trace: 'Root=1',
      },
    });
    const { leftMs } = (first as { body: { leftMs: number } }).body;
    expect(leftMs).toBeGreaterThan(3_000);
    expect(leftMs).toBeLessThanOrEqual(5_000);
    expect(second).toMatchObject({ kind: 'response', body: { event: null, trace: 'none' } });
  });

  // What AWS's own client reports, as it was seen with its version 4.0.2.
  test.each([
    [
      'an error by its name',
      `throw Object.assign(new Error('no'), { name: 'NoError' })`,
      'NoError',
    ],
    ['an error of an unnamed class', `class Own extends Error {} throw new Own('no')`, 'Error'],
    ['what is no error', `throw 'no'`, 'string'],
    ['an answer that is no JSON', 'return 1n', 'Runtime.JSONStringifyError'],
    ['no answer', '', 'answered null'],
    ['the end of the process', 'process.exit(3)', 'Runtime.ExitError'],
    [
      'a rejection that nobody awaits',
      `Promise.reject(new Error('no')); await new Promise((resolve) => setTimeout(resolve, 1_000));`,
      'Runtime.ExitError',
    ],
  ])('reports %s', async (_, body, told) => {
    const lambda = await start(handler(body));

    expect(typeOf(await lambda.invoke({}))).toBe(told);
  });

  test('tells the message and the stack of an error', async () => {
    const lambda = await start(handler(`throw new TypeError('not so')`));

    expect(await lambda.invoke({})).toMatchObject({
      kind: 'error',
      error: {
        errorType: 'TypeError',
        errorMessage: 'not so',
        trace: expect.arrayContaining(['TypeError: not so']),
      },
    });
  });

  test.each([
    ['throws', `throw new RangeError('at the start')`, 'RangeError'],
    ['has no handler', 'export const other = 1', 'Runtime.HandlerNotFound'],
  ])('fails in the init phase when the module %s', async (_, code, told) => {
    const error: unknown = await start(code).catch((error: unknown) => error);

    expect(error).toBeInstanceOf(InitError);
    expect((error as InitError).posted.errorType).toBe(told);
  });

  test('kills the process at the timeout, which then is gone', async () => {
    const lambda = await start(handler('await new Promise(() => setInterval(() => {}, 1_000));'));

    const end = await lambda.invoke({}, { requestId: 'slow', timeoutMs: 300 });

    expect(end).toMatchObject({
      error: {
        errorType: 'Sandbox.Timedout',
        errorMessage: 'RequestId: slow Error: Task timed out after 0.30 seconds',
      },
    });
    await expect(lambda.invoke({})).rejects.toThrow('signal SIGKILL');
  });

  test('freezes the process with its answer, so that what it left behind comes later', async () => {
    const calls: string[] = [];
    const server = createServer((incoming, outgoing) => {
      calls.push(incoming.url ?? '');
      outgoing.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const lambda = await start(`
      import { get } from 'node:http';
      const call = (path) => new Promise((resolve) =>
        get('http://127.0.0.1:${port}' + path, (answer) => answer.resume().on('end', resolve)));
      export async function handler() {
        setTimeout(() => call('/late'), 300);
      }
    `);
    await lambda.invoke({});
    // Twice the time that the call waits for, were it not for the freeze.
    await delay(600);
    const seenFrozen = [...calls];

    expect(await lambda.drain()).toBe('exit code 0');

    expect(seenFrozen).toEqual([]);
    expect(calls).toEqual(['/late']);
  });

  test('ends by itself when it is drained and nothing is left to do', async () => {
    const lambda = await start(handler('return event'));
    await lambda.invoke({});

    expect(await lambda.drain()).toBe('exit code 0');
  });

  test('does not end when it is drained and something is always left to do', async () => {
    const lambda = await start(`setInterval(() => {}, 10_000); ${handler('return event')}`);
    await lambda.invoke({});

    expect(await lambda.drain(500)).toMatch(/^still at it/);
  });
});
