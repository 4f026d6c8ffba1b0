/** docs/deploy/alertmanager.md, pasted into one shell, on free ports: MLflow, the service and Alertmanager. */

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { alertmanagerProgram, alertmanagerTitle } from '../engines/alertmanager.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { engineFolder } from '../engines/install.ts';
import { poll } from '../engines/poll.ts';
import { canRun, freePort } from '../engines/processes.ts';
import { openPage, withValues } from '../fakes/pages.ts';
import { openShell, type Shell } from './shell.ts';

const page = openPage('docs/deploy/alertmanager.md');
const model = uniqueName('PascalStrategy');
const { isMissing, title } = engine('mlflow');
const hasPrograms =
  alertmanagerProgram?.endsWith('/prometheus-alertmanager') === true &&
  ['curl', 'amtool', 'openssl'].every((program) =>
    canRun(program, [program === 'openssl' ? 'version' : '--version']),
  );
const EFFECT_TIMEOUT_MS = 60_000;

describe.skipIf(isMissing || !hasPrograms)(
  title(alertmanagerTitle('docs/deploy/alertmanager.md, from nothing to a rollback')),
  () => {
    let shell: Shell;
    const started: number[] = [];
    beforeAll(() => {
      const bin = join(engineFolder('mlflow'), 'bin');
      // Seven more processes of MLflow that the page has no use for.
      const settings = { MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false' };
      shell = openShell({ settings, path: [bin] });
    });
    afterAll(async () => {
      for (const pid of started) {
        try {
          process.kill(pid);
        } catch {
          // The page has ended it.
        }
      }
      await shell?.close();
    });
    /** Runs a block that starts a server, whose id is then in a variable. */
    const start = async (section: string, variable: string): Promise<void> => {
      await shell.run(page.take(section));
      started.push(Number(await shell.run(`echo "$${variable}"`)));
    };

    test('an alert rolls an alias back to what it named before', async () => {
      const ports = [await freePort(), await freePort(), await freePort()].map(String);
      const [mlflow = '', alertmanager = '', service = ''] = ports;
      await shell.run(
        withValues(page.take('Names'), {
          MODEL: model,
          REGISTRY_PORT: mlflow,
          ALERTMANAGER_PORT: alertmanager,
          SERVICE_PORT: service,
        }),
      );
      await start('MLflow', 'mlflow');
      await start('The service', 'service');
      await shell.run(page.take('Moves of aliases'));
      await shell.run(page.take('Moves of aliases'));
      const showLive = page.take('Moves of aliases');
      const live = await poll(
        () => shell.run(showLive),
        (text) => /Z +2 .*\n\S+ +1 /.test(text),
        { timeoutMs: EFFECT_TIMEOUT_MS },
      );
      expect(live).toContain('webhook of MLflow');

      await start('Alertmanager', 'alertmanager');
      await shell.run(page.take('An alert'));
      const showHistory = page.take('An alert');
      const history = await poll(
        () => shell.run(showHistory),
        (text) => text.includes('ROLLED_BACK') || text.includes('rolled back'),
        { timeoutMs: EFFECT_TIMEOUT_MS },
      );
      expect(history).toMatch(/2\D+1/);
      const api = `http://127.0.0.1:${mlflow}/api/2.0/mlflow/registered-models/alias`;
      const response = await fetch(`${api}?name=${model}&alias=champion`);
      expect(await response.json()).toMatchObject({ model_version: { version: '1' } });
      await shell.run(page.take('An alert'));
    }, 240_000);

    test('has no command left', () => {
      expect(page.left()).toEqual([]);
    });
  },
);
