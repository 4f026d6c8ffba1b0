import { beforeEach, describe, expect, test } from 'vitest';
import { RegistryRefusedError, VersionNotFoundError } from '../../src/domain/errors.ts';
import { engine, sharedRegistry, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { registryAt } from './mlflow-place.ts';
import { soon } from './model-registry.contract.ts';

const mlflow = engine('mlflow');
const MLMODEL = `flavors: {}
signature:
  inputs: '[{"type": "long", "name": "age", "required": true}]'
  outputs: null
`;

describe.skipIf(mlflow.isMissing)(mlflow.title('MLflow'), () => {
  describe('what a version was made of', () => {
    let model: string;
    const admin = (): MLflowAdmin => new MLflowAdmin(sharedRegistry().url);
    const registry = () => registryAt(sharedRegistry().url);

    beforeEach(async () => {
      model = uniqueName('made');
      await admin().createModel(model);
    });

    test('is its run, its tags and its signature', async () => {
      const runId = await admin().createRun({ accuracy: 0.9 }, { depth: '3' });
      const version = await admin().createLoggedVersion(model, runId, MLMODEL);
      await admin().tagVersion(model, version, 'team', 'fraud');
      await admin().setAlias(model, 'champion', version);

      expect(await registry().readDetails(model, version, soon())).toEqual({
        version: '1',
        createdAtMs: expect.any(Number),
        description: '',
        source: expect.stringMatching(/^mlflow-artifacts:.*\/model$/),
        tags: { team: 'fraud' },
        aliases: ['champion'],
        run: {
          runId,
          isDeleted: false,
          startedAtMs: 1_700_000_000_000,
          metrics: { accuracy: 0.9 },
          params: { depth: '3' },
        },
        signature: {
          inputs: [{ name: 'age', type: 'long', isRequired: true }],
          outputs: null,
        },
        unread: [],
      });
      const { others } = await registry().read(model, [], soon());
      expect(others.map((row) => row.runId)).toEqual([runId]);
    });

    test('has no run where none logged it, and says that its files cannot be read', async () => {
      const version = await admin().createVersion(model);
      const details = await registry().readDetails(model, version, soon());
      expect(details).toMatchObject({ run: null, signature: null });
      expect(details.unread.map(({ what }) => what)).toEqual(['signature']);
      const { others } = await registry().read(model, [], soon());
      expect(others[0]).not.toHaveProperty('runId');
    });

    test('shows a run in the trash as deleted', async () => {
      const runId = await admin().createRun({}, {});
      await admin().deleteRun(runId);
      expect(await registry().readRun(runId, soon())).toMatchObject({ runId, isDeleted: true });
    });

    test('is an error for a run or a version that is not there', async () => {
      const noRun = registry().readRun('0'.repeat(32), soon());
      await expect(noRun).rejects.toThrow(RegistryRefusedError);
      const noVersion = registry().readDetails(model, '7', soon());
      await expect(noVersion).rejects.toThrow(VersionNotFoundError);
    });

    test('is an error for a file that is not what MLflow writes', async () => {
      const runId = await admin().createRun({}, {});
      const odd = "signature:\n  inputs: 'nonsense'\n";
      const version = await admin().createLoggedVersion(model, runId, odd);
      const { signature, unread } = await registry().readDetails(model, version, soon());
      expect(signature).toBeNull();
      expect(unread).toEqual([
        { what: 'signature', why: expect.stringMatching(/not what MLflow/) },
      ]);
    });
  });
});
