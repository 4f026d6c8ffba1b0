import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeEach, describe, expect, test } from 'vitest';
import { LoginAuthorizer } from '../../src/adapters/mlflow/login-authorizer.ts';
import { MLflowClient } from '../../src/adapters/mlflow/mlflow-client.ts';
import { MLflowEvaluationReader } from '../../src/adapters/mlflow/mlflow-evaluation-reader.ts';
import { StaticCredentials } from '../../src/adapters/system/static-credentials.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import {
  InvalidRequestError,
  RegistryRefusedError,
  VersionNotFoundError,
} from '../../src/domain/errors.ts';
import { engine, sharedRegistry, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { soon } from './model-registry.contract.ts';

const mlflow = engine('mlflow');

describe.skipIf(mlflow.isMissing)(mlflow.title('MLflowEvaluationReader'), () => {
  let model: string;
  const admin = (): MLflowAdmin => new MLflowAdmin(sharedRegistry().url);
  const reader = (url = sharedRegistry().url): MLflowEvaluationReader => {
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

  test('reads a table of a run, in a folder too, with its digest', async () => {
    const runId = await admin().createRun({}, {});
    const text = '{"columns":["id","score"],"data":[[1,0.5],["zwei é",null]]}';
    for (const path of ['eval_results_table.json', 'tables/of july.json']) {
      await admin().logArtifact(runId, path, text);
      expect(await reader().readTable(runId, path, soon())).toEqual({
        name: `runs:/${runId}/${path}`,
        sha256: systemIdentity.digest(text),
        columns: new Map<string, unknown>([
          ['id', [1, 'zwei é']],
          ['score', [0.5, null]],
        ]),
      });
    }
  });

  test('names a table that is not there, those that are, and what is none', async () => {
    const runId = await admin().createRun({}, {});
    await admin().logArtifact(runId, 'scores.json', '[1]');
    await admin().logArtifact(runId, 'folder/other.json', '{}');
    for (const [path, why] of [
      ['score.json', /There is no runs:\/\w+\/score\.json; the run has scores\.json there/],
      ['nowhere/score.json', /There is no runs:.*no table \(\.json\) there/],
      ['folder', /There is no runs:/],
      ['scores.json', /cannot be read as a table: it is not of the form \{"columns"/],
    ] as const) {
      const reading = reader().readTable(runId, path, soon());
      await expect(reading).rejects.toThrow(why);
      await expect(reader().readTable(runId, path, soon())).rejects.toThrow(InvalidRequestError);
    }
    const unknown = reader().readTable('f'.repeat(32), 'scores.json', soon());
    await expect(unknown).rejects.toThrow(RegistryRefusedError);
  });

  test('stops at a table that is too large, and says what to do', async () => {
    const runId = await admin().createRun({}, {});
    const row = `["${'x'.repeat(1_000)}"]`;
    const rows = Array.from({ length: 9_000 }, () => row).join(',');
    await admin().logArtifact(runId, 'large.json', `{"columns":["id"],"data":[${rows}]}`);
    const reading = reader().readTable(runId, 'large.json', soon());
    await expect(reading).rejects.toThrow(/larger than 8 MiB\. Download both tables/);
  });

  test('says what to do when the server cannot read what it lists', async () => {
    const server = createServer(({ url }, response) => {
      const isList = url?.includes('/artifacts/list');
      response.writeHead(isList ? 200 : 500, { 'content-type': 'application/json' });
      const files = [{ path: 'scores.json', is_dir: false }];
      response.end(JSON.stringify(isList ? { files } : { error_code: 'INTERNAL_ERROR' }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const reading = reader(`http://127.0.0.1:${port}`).readTable('r', 'scores.json', soon());
    await expect(reading).rejects.toThrow(
      /answered 500 to get-artifact for runs:\/r\/scores\.json, which it lists.*Download both/,
    );
    server.close();
  });

  test('names a version that is not there', async () => {
    const reading = reader().readEvaluation(model, '9', soon());
    await expect(reading).rejects.toBeInstanceOf(VersionNotFoundError);
  });
});
