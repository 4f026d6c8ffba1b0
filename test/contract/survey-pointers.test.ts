/** What `doctor` counts: the pointers of all registered models, from the real server as from the embedded one. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MLflowClient } from '../../src/adapters/mlflow/mlflow-client.ts';
import { MLflowReader } from '../../src/adapters/mlflow/mlflow-reader.ts';
import { surveyPointers } from '../../src/adapters/mlflow/survey-pointers.ts';
import { StaticCredentials } from '../../src/adapters/system/static-credentials.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import { RegistryRefusedError } from '../../src/domain/errors.ts';
import { startRegistryServer } from '../../src/embedded/registry-server.ts';
import type { PointedModel } from '../../src/ports/surroundings.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { soon } from './model-registry.contract.ts';

const mlflow = engine('mlflow');

describe('the embedded registry', () => {
  let close: () => Promise<void>;
  let url = '';
  beforeAll(async () => {
    const server = await startRegistryServer();
    url = server.url;
    close = () => server.close();
  });
  afterAll(() => close());
  describeSurvey(() => url);

  test('that answers something else is an error with a name', async () => {
    const server = await startRegistryServer();
    server.fault = () => ({ kind: 'status', status: 200, body: '{"registered_models":[{}]}' });
    const page = withReader(server.url, (reader) =>
      surveyPointers(reader, { from: null, rowsMax: 1 }, soon()),
    );
    await expect(page).rejects.toBeInstanceOf(RegistryRefusedError);
    await server.close();
  });
});

describe.skipIf(mlflow.isMissing)(mlflow.title('MLflow'), () => {
  describeSurvey(() => mlflow.url);
});

// ---------------------------------------------------------------------------------------------------

function describeSurvey(url: () => string): void {
  describe('surveyPointers', () => {
    const prefix = uniqueName('survey');
    const [staged, aliased, unused] = [`${prefix}-a`, `${prefix}-b`, `${prefix}-c`] as const;

    beforeAll(async () => {
      const admin = new MLflowAdmin(url());
      for (const name of [staged, aliased, unused]) {
        await admin.createModel(name);
        for (let count = 1; count <= 3; count += 1) await admin.createVersion(name);
      }
      await admin.transition(staged, '1', 'Production', true);
      await admin.transition(staged, '3', 'Staging', true);
      await admin.transition(aliased, '1', 'Archived', false);
      await admin.setAlias(aliased, 'champion', '2');
      await admin.setAlias(aliased, 'Challenger', '3');
    });

    test.each([1, 2, 200])('reads every model, by name, %i at a time', async (rowsMax) => {
      const found = await withReader(url(), (reader) => readAll(reader, rowsMax, prefix));
      expect(found).toEqual([
        { name: staged, hasProduction: true, aliases: [] },
        {
          name: aliased,
          hasProduction: false,
          aliases: [
            { alias: 'Challenger', version: '3' },
            { alias: 'champion', version: '2' },
          ],
        },
        { name: unused, hasProduction: false, aliases: [] },
      ]);
    });
  });
}

async function withReader<T>(url: string, work: (reader: MLflowReader) => Promise<T>): Promise<T> {
  const client = new MLflowClient({
    baseUrl: new URL(url),
    credentials: new StaticCredentials(null),
    workspace: null,
    clock: systemClock,
  });
  try {
    return await work(new MLflowReader(client, systemClock, systemIdentity, url));
  } finally {
    client.close();
  }
}

/** Models of other suites stand on the same server. */
async function readAll(
  reader: MLflowReader,
  rowsMax: number,
  prefix: string,
): Promise<PointedModel[]> {
  const models: PointedModel[] = [];
  for (let from: string | null = null; ; ) {
    const page = await surveyPointers(reader, { from, rowsMax }, soon());
    expect(page.models.length).toBeLessThanOrEqual(rowsMax);
    models.push(...page.models.filter(({ name }) => name.startsWith(prefix)));
    if (page.next === null) return models;
    from = page.next;
  }
}
