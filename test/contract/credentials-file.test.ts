/** The login in `~/.mlflow/credentials`, held against what MLflow reads there. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { registryFromEnv } from '../../src/config/registry-settings.ts';
import { tool } from '../engines/tools.ts';

const client = await tool('sagemaker-mlflow');
const home = mkdtempSync(join(tmpdir(), 'model-rollback-home-'));
mkdirSync(join(home, '.mlflow'));
afterAll(() => rmSync(home, { recursive: true }));

const code = `
import json
from mlflow.utils.credentials import read_mlflow_creds
print(json.dumps(list(read_mlflow_creds())))
`;

describe.skipIf(client.isMissing)(client.title('~/.mlflow/credentials'), () => {
  test.each([
    '[mlflow]\nmlflow_tracking_username = ada\nmlflow_tracking_password = pass:word=1\n',
    '[mlflow]\nMLFLOW_TRACKING_USERNAME:ada\nMlflow_Tracking_Password : a b  \n',
    '[other]\nmlflow_tracking_username = no\n\n[mlflow]\n# a comment\n; another\nmlflow_tracking_username=ada\nmlflow_tracking_password=100%%\n',
    '[mlflow]\r\nmlflow_tracking_username = ada # not a comment\r\nmlflow_tracking_password = "quoted"\r\n',
    '[other]\nmlflow_tracking_username = no\n',
    '',
  ])('is read as MLflow reads %j', async (text) => {
    writeFileSync(join(home, '.mlflow', 'credentials'), text);
    const { stdout } = await promisify(execFile)(
      join(client.folder, 'bin', 'python'),
      ['-c', code],
      { env: { HOME: home } },
    );
    const [name, password] = JSON.parse(stdout) as readonly (string | null)[];
    const { auth } = registryFromEnv({ MLFLOW_TRACKING_URI: 'http://a', HOME: home }, 'command');
    const expected =
      name === null || password === null
        ? null
        : `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
    expect(auth).toMatchObject({ kind: 'login', authorization: expected });
  });
});
