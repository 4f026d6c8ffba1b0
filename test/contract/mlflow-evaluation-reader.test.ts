import { beforeEach, describe, expect, test } from 'vitest';
import { LoginAuthorizer } from '../../src/adapters/mlflow/login-authorizer.ts';
import { MLflowClient } from '../../src/adapters/mlflow/mlflow-client.ts';
import { MLflowEvaluationReader } from '../../src/adapters/mlflow/mlflow-evaluation-reader.ts';
import { StaticCredentials } from '../../src/adapters/system/static-credentials.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import { VersionNotFoundError } from '../../src/domain/errors.ts';
import { engine, sharedRegistry, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { soon } from './model-registry.contract.ts';

const mlflow = engine('mlflow');

describe.skipIf(mlflow.isMissing)(mlflow.title('MLflowEvaluationReader'), () => {
  let model: string;
  const admin = (): MLflowAdmin => new MLflowAdmin(sharedRegistry().url);
  const reader = (): MLflowEvaluationReader => {
    const { url } = sharedRegistry();
    const authorizer = new LoginAuthorizer(new StaticCredentials(null));
    const settings = { baseUrl: new URL(url), authorizer, workspace: null, clock: systemClock };
    const parts = { clock: systemClock, identity: systemIdentity };
    return new MLflowEvaluationReader(new MLflowClient(settings), parts, url);
  };

  beforeEach(async () => {
    model = uniqueName('measured');
    await admin().createModel(model);
  });

  test('reads the metrics of the run with the data that it was measured on, not trained on', async () => {
    const startedAtMs = Date.now();
    const { version, runId } = await admin().createMeasuredVersion(model, { auc: 0.9, cost: -2 });
    const evaluation = await reader().readEvaluation(model, version, soon());
    const dataSets = [{ name: 'backtest', digest: 'd1' }];
    expect(evaluation).toEqual({
      version,
      registeredAtMs: expect.any(Number),
      runId,
      modelId: null,
      values: expect.arrayContaining([
        { name: 'auc', value: 0.9, atMs: expect.any(Number), dataSets },
        { name: 'cost', value: -2, atMs: expect.any(Number), dataSets },
      ]),
    });
    expect(evaluation.registeredAtMs).toBeGreaterThanOrEqual(startedAtMs);
    for (const { atMs } of evaluation.values) expect(atMs).toBeGreaterThanOrEqual(startedAtMs);
  });

  test('reads values that are no finite numbers as MLflow stores them', async () => {
    const strange = { a: 'NaN', b: 'Infinity' } as const;
    const { version } = await admin().createMeasuredVersion(model, strange);
    const { values } = await reader().readEvaluation(model, version, soon());
    const byName = Object.fromEntries(values.map(({ name, value }) => [name, value]));
    expect(byName['a']).toBeNaN();
    // MLflow keeps the largest double in place of infinity.
    expect(byName['b']).toBeGreaterThan(1e300);
  });

  test('has no values where no run logged the version, and no data where none was logged', async () => {
    const bare = await admin().createVersion(model);
    expect(await reader().readEvaluation(model, bare, soon())).toMatchObject({
      runId: null,
      values: [],
    });
    const { version } = await admin().createMeasuredVersion(model, { auc: 1 }, null);
    const { values } = await reader().readEvaluation(model, version, soon());
    expect(values).toMatchObject([{ name: 'auc', dataSets: [] }]);
  });

  test('names a version that is not there', async () => {
    const reading = reader().readEvaluation(model, '9', soon());
    await expect(reading).rejects.toBeInstanceOf(VersionNotFoundError);
  });
});
