/** What the built function writes for CloudWatch, line by line. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { poll } from '../engines/poll.ts';
import { metricProblems, metricValue } from '../fakes/metric-format.ts';
import { type FunctionProcess, startFunction } from './function-process.ts';
import { createWorld, isEngineMissing, suiteTitle, type World } from './world.ts';

type Line = Readonly<Record<string, unknown>>;

const service = 'model-rollback';
const PASSWORD = 'correct-horse-battery';

describe.skipIf(isEngineMissing)(suiteTitle('the log of the function'), () => {
  let world: World;
  let process: FunctionProcess;

  beforeAll(async () => {
    world = await createWorld();
    process = await startFunction(
      world.env({
        MLFLOW_TRACKING_USERNAME: 'ada',
        MLFLOW_TRACKING_PASSWORD: PASSWORD,
        AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
        ROLLBACK_SOMETHING_ELSE: 'x',
      }),
    );
  });
  afterAll(() => process?.kill());

  const linesSoFar = (): Line[] => {
    const lines = process.log().split('\n');
    expect(lines.pop()).toBe('');
    return lines.map((line) => JSON.parse(line) as Line);
  };
  /** The lines of one invocation; the pipe may be slower than the answer. */
  const linesOf = async (event: object, awsRequestId: string): Promise<Line[]> => {
    await process.invoke(event, { awsRequestId });
    return await poll(
      async () => linesSoFar().filter((line) => line['function_request_id'] === awsRequestId),
      (lines) => lines.some((line) => '_aws' in line),
      { timeoutMs: 5_000 },
    );
  };

  test('warns at the start, before there is an invocation', () => {
    expect(linesSoFar()).toMatchObject([{ level: 'WARN', service, code: 'UNKNOWN_SETTING' }]);
  });

  test('has the end of each call in one line, and its metrics in another', async () => {
    const model = await world.model(['Archived', 'Archived', 'Production']);
    const lines = await linesOf({ model_name: model, alarm_name: 'high-drawdown-alarm' }, 'i-1');
    expect(lines.map(({ message }) => message)).toEqual([
      'rollback ended',
      'request answered',
      undefined,
    ]);
    expect(lines[1]).toMatchObject({
      level: 'INFO',
      service,
      cold_start: true,
      trigger_id: 'i-1',
      outcome: 'ROLLED_BACK',
      model_name: model,
      alarm_name: 'high-drawdown-alarm',
    });
    const { duration_ms: durationMs, registry_ms: registryMs } = lines[1] as {
      duration_ms: number;
      registry_ms: number;
    };
    expect(registryMs).toBeGreaterThan(0);
    expect(registryMs).toBeLessThanOrEqual(durationMs);
    const metrics = lines.slice(2);
    expect(metrics.flatMap(metricProblems)).toEqual([]);
    expect(metricValue(metrics, 'RollbackSucceeded', { service, ModelName: model })).toBe(1);
    expect(metricValue(metrics, 'NotificationFailed', { service })).toBe(0);
    expect(metricValue(metrics, 'RegistryLatencyMs', { service })).toBeGreaterThan(0);
  });

  test('has them also when the handler throws, and when many run at once', async () => {
    const models = await Promise.all(
      Array.from({ length: 8 }, () => world.model(['Archived', 'Production'])),
    );
    const all = await Promise.all([
      ...models.map((model) => linesOf({ model_name: model }, `of-${model}`)),
      linesOf({ model_nam: 'm' }, 'of-nobody'),
    ]);
    for (const lines of all) {
      expect(lines.filter((line) => '_aws' in line)).toHaveLength(1);
      expect(lines.flatMap((line) => ('_aws' in line ? metricProblems(line) : []))).toEqual([]);
      expect(lines.some((line) => line['cold_start'] === true)).toBe(false);
    }
    models.forEach((model, index) => {
      expect(all[index]).toContainEqual(
        expect.objectContaining({
          message: 'request answered',
          outcome: 'ROLLED_BACK',
          model_name: model,
        }),
      );
    });
    expect(all.at(-1)).toMatchObject([
      { message: 'request not answered', error: 'InvalidRequestError' },
      { RollbackFailed: 1, ErrorName: 'InvalidRequestError' },
    ]);
  });

  test('shows no login', () => {
    const basic = Buffer.from(`ada:${PASSWORD}`).toString('base64');
    for (const secret of [PASSWORD, basic]) expect(process.log()).not.toContain(secret);
  });
});
