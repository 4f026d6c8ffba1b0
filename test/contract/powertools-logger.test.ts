import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PowertoolsLogger } from '../../src/adapters/powertools/powertools-logger.ts';
import { limits } from '../../src/domain/limits.ts';
import { describeLogger } from './logger.contract.ts';

const service = 'model-rollback';

describeLogger(
  'PowertoolsLogger',
  (write, least) => new PowertoolsLogger({ service, level: least, write }),
);

let lines: string[];
const write = (line: string): number => lines.push(line);
const logger = (level?: string): PowertoolsLogger =>
  new PowertoolsLogger({ service, level, write });
const written = (): Record<string, unknown>[] => lines.map((line) => JSON.parse(line));

beforeEach(() => {
  lines = [];
  // What Powertools reads by itself must not come from whoever runs the tests.
  for (const name of ['AWS_LAMBDA_LOG_LEVEL', 'POWERTOOLS_LOG_LEVEL', 'LOG_LEVEL', 'TZ']) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv('_X_AMZN_TRACE_ID', undefined);
  vi.stubEnv('AWS_LAMBDA_INITIALIZATION_TYPE', 'on-demand');
});
afterEach(() => vi.unstubAllEnvs());

describe('PowertoolsLogger in Lambda', () => {
  test('gives each line the time, and the trace that it belongs to', () => {
    const own = logger();
    own.log('info', 'one');
    vi.stubEnv('_X_AMZN_TRACE_ID', 'Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1');
    own.log('info', 'two');
    const [one, two] = written();
    expect(one?.['timestamp']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(one).not.toHaveProperty('xray_trace_id');
    expect(two).toMatchObject({ xray_trace_id: '1-5759e988-bd862e3fe1be46a994272793' });
  });

  test('names the invocation on its own lines only, also when two run at once', () => {
    const shared = logger();
    const first = shared.forInvocation('first');
    const second = shared.forInvocation('second');
    first.log('info', 'a');
    second.log('info', 'b');
    shared.log('info', 'c');
    first.log('info', 'd', { rollback_id: 'm/1' });
    expect(written().map((line) => line['function_request_id'])).toEqual([
      'first',
      'second',
      undefined,
      'first',
    ]);
    expect(written()[3]).toMatchObject({ rollback_id: 'm/1' });
  });

  test('calls the first invocation of a process cold, and no other', () => {
    const shared = logger();
    for (const id of ['first', 'second']) shared.forInvocation(id).log('info', id);
    expect(written().map((line) => line['cold_start'])).toEqual([true, false]);
  });

  test('calls no invocation cold in a process that Lambda started ahead', () => {
    vi.stubEnv('AWS_LAMBDA_INITIALIZATION_TYPE', 'provisioned-concurrency');
    logger().forInvocation('first').log('info', 'first');
    expect(written()[0]).toMatchObject({ cold_start: false });
  });

  test.each([
    ['DEBUG', 3],
    ['debug', 3],
    [' Warn ', 1],
    ['verbose', 2],
    ['', 2],
    [undefined, 2],
    ['silent', 0],
  ])('takes the level %j as %i lines of three', (level, count) => {
    const own = logger(level);
    for (const each of ['debug', 'info', 'error'] as const) own.log(each, each);
    expect(lines).toHaveLength(count);
  });

  test("goes by Lambda's own level where that is stricter, and says so once", () => {
    vi.stubEnv('AWS_LAMBDA_LOG_LEVEL', 'WARN');
    const own = logger('info');
    own.log('info', 'one');
    own.log('warn', 'two');
    expect(written().map((line) => line['message'])).toEqual([
      expect.stringContaining('Advanced Logging Controls'),
      'two',
    ]);
  });

  test('leaves out what is null, and cuts a text that is too long', () => {
    logger().log('info', 'one', { code: null, why: 'x'.repeat(limits.messageLengthMax + 1) });
    const [line] = written();
    expect(line).not.toHaveProperty('code');
    expect(line?.['why']).toBe(`${'x'.repeat(limits.messageLengthMax)}…`);
  });

  test('never shows an event, also when Powertools is told to', () => {
    vi.stubEnv('POWERTOOLS_LOGGER_LOG_EVENT', 'true');
    logger().forInvocation('first').log('info', 'one');
    expect(written()).toHaveLength(1);
    expect(written()[0]).not.toHaveProperty('event');
  });

  test('opens no stream of its own', () => {
    const stdout = vi.spyOn(process, 'stdout', 'get');
    const stderr = vi.spyOn(process, 'stderr', 'get');
    logger().log('error', 'one');
    expect([stdout.mock.calls, stderr.mock.calls]).toEqual([[], []]);
    stdout.mockRestore();
    stderr.mockRestore();
  });
});
