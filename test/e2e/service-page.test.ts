/**
 * docs/deploy/service.md: no container engine and no cluster is here, so the service is started with the
 * arguments and variables of its files, asked by their probes, and stopped as they stop it.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { envNames } from '../../src/config/env-names.ts';
import { httpLimits } from '../../src/http/http-limits.ts';
import { engineFolder } from '../engines/install.ts';
import { tool } from '../engines/tools.ts';
import { blocksOf, openPage } from '../fakes/pages.ts';
import { startService } from './service.ts';
import { openShell } from './shell.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

const path = 'docs/deploy/service.md';
const page = openPage(path);
const awscli = await tool('awscli');

interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly ports: readonly { readonly containerPort: number; readonly name: string }[];
  readonly livenessProbe: { readonly httpGet: { readonly path: string; readonly port: string } };
  readonly readinessProbe: { readonly httpGet: { readonly path: string; readonly port: string } };
  readonly volumeMounts: readonly { readonly mountPath: string; readonly readOnly: boolean }[];
}

let world: World;
let folder: string;

describe.skipIf(isEngineMissing || awscli.isMissing)(
  awscli.title(suiteTitle('the page of the service')),
  () => {
    beforeAll(async () => {
      world = await createWorld();
      folder = mkdtempSync(join(tmpdir(), 'model-rollback-service-'));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const settings = (): Settings => ({
      ROLLBACK_STORE: `sqlite:${join(folder, 'state.sqlite')}`,
      ROLLBACK_STATE_TABLE: '',
      ALERT_SNS_TOPIC_ARN: '',
    });

    test('makes tokens, and its commands find the service well', async () => {
      const made = openShell({ awscli, settings: settings() });
      await made.run(page.take('Tokens and settings'));
      const tokens = join(made.folder, 'tokens');
      const [, token = ''] = readFileSync(tokens, 'utf8').split(/\s/);
      const service = await startService(world.env(settings()), ['--token-file', tokens]);
      try {
        expect(service.stderr()).not.toContain('warning');
        await made.run(`service=${service.url} token=${token}`);
        expect(await made.run(page.take('Check it'))).toContain('"models"');
      } finally {
        service.signal('SIGTERM');
        await made.close();
      }
      expect(await service.ended).toBe(0);
      expect(page.left()).toEqual([]);
    });

    test('starts as the container and as the pod start it', async () => {
      const [entry, command] = ['ENTRYPOINT', 'CMD'].map((name) => {
        const line = block('dockerfile')
          .split('\n')
          .find((one) => one.startsWith(`${name} `));
        return JSON.parse(line?.slice(name.length + 1) ?? '[]') as string[];
      });
      const container = containerOf(manifests());
      expect(entry).toEqual(['model-rollback']);
      expect(container.args).toEqual(command);

      for (const { name } of container.env) {
        expect([...envNames, 'PGPASSWORD'], name).toContain(name);
      }
      const [port] = container.ports;
      expect(container.args).toContain(String(port?.containerPort));
      expect(container.args.join(' ')).toContain(`${container.volumeMounts[0]?.mountPath}/tokens`);
      const started = await startService(world.env(settings()), here(container.args));
      try {
        for (const { httpGet } of [container.livenessProbe, container.readinessProbe]) {
          expect(httpGet.port).toBe(port?.name);
          expect(await started.get(httpGet.path)).toMatchObject({ status: 200 });
        }
      } finally {
        started.signal('SIGTERM');
      }
      expect(await started.ended).toBe(0);
    });

    test('gives the service the time that it may take to stop', () => {
      const [deployment] = manifests();
      const pod = specOf(deployment).template.spec;
      for (const seconds of [
        pod.terminationGracePeriodSeconds,
        Number(/^TimeoutStopSec=(\d+)$/m.exec(block('ini'))?.[1]),
        Number(/--stop-timeout (\d+)/.exec(readFileSync(path, 'utf8'))?.[1]),
      ]) {
        expect(seconds * 1_000).toBeGreaterThan(httpLimits.drainMs);
      }
    });

    test('starts as the unit of systemd starts it', async () => {
      const unit = block('ini');
      const [, command = '', args = ''] = /^ExecStart=\S*\/(\S+) (.+)$/m.exec(unit) ?? [];
      expect(command).toBe('model-rollback');
      const variables = [...unit.matchAll(/^Environment=(\w+)=/gm)].map(([, name]) => name);
      for (const name of variables) expect(envNames, name).toContain(name);
      const started = await startService(world.env(settings()), here(args.split(' ')));
      started.signal('SIGTERM');
      expect(await started.ended).toBe(0);
    });

    const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
    const reason = hasSystemd ? '' : ' (skipped: no systemd-analyze on this machine)';
    test.skipIf(!hasSystemd)(`has a unit that systemd accepts${reason}`, () => {
      const file = join(folder, 'model-rollback.service');
      // The command is not installed here.
      writeFileSync(file, block('ini').replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`));
      const { stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
      const about = stderr.split('\n').filter((line) => line.includes('model-rollback.service'));
      expect(about).toEqual([]);
    });
  },
);

// ---------------------------------------------------------------------------------------------------

interface Deployment {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly Container[];
      };
    };
  };
}

function block(language: string): string {
  const found = blocksOf(path).find((one) => one.language === language);
  return found?.text ?? expect.fail(`no block of ${language}`);
}

/** Read by the YAML library that MLflow brings. */
function manifests(): readonly unknown[] {
  const python = join(engineFolder('mlflow'), 'bin', 'python');
  const script = 'import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))';
  return JSON.parse(execFileSync(python, ['-c', script], { input: block('yaml') }).toString());
}

function specOf(deployment: unknown): Deployment['spec'] {
  return (deployment as Deployment).spec;
}

function containerOf([deployment]: readonly unknown[]): Container {
  const [container] = specOf(deployment).template.spec.containers;
  return container ?? expect.fail('no container');
}

/** The same arguments with a port that is free, and the token file of this test. */
function here(args: readonly string[]): readonly string[] {
  const file = join(folder, 'tokens');
  writeFileSync(file, `operator ${'0123456789abcdef'.repeat(2)} ci\n`, { mode: 0o600 });
  const [verb, ...rest] = args;
  expect(verb).toBe('serve');
  return rest.map((word, index) => {
    if (rest[index - 1] === '--port') return '0';
    if (rest[index - 1] === '--host') return '127.0.0.1';
    return rest[index - 1] === '--token-file' ? file : word;
  });
}
