/** Workspaces of MLflow, switched on in a server of their own: two with a model of one name. */

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Check } from '../../src/domain/answer/check.ts';
import { type HttpProxy, startHttpProxy } from '../contract/http-proxy.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { lastReleaseFolder, lastReleaseProblem } from '../engines/last-release.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { poll } from '../engines/poll.ts';
import { type RunningEngine, startMlflow } from '../engines/start.ts';
import { runCommand } from './command.ts';
import { CLOCK_OFFSET, startFunction } from './function-process.ts';
import { type Answer, answerIn } from './reply.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

let world: World;
let server: RunningEngine;
const model = uniqueName('churn');

describe.skipIf(isEngineMissing)(suiteTitle('workspaces'), () => {
  beforeAll(async () => {
    world = await createWorld();
    server = await startMlflow({ hasWorkspaces: true });
    for (const name of ['team-a', 'team-b']) {
      const answer = await fetch(`${server.url}/api/3.0/mlflow/workspaces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name }),
      });
      expect(answer.status).toBeLessThan(300);
      await adminOf(name).seedModel(model, ['Archived', 'Production']);
    }
  }, 120_000);
  afterAll(() => server?.stop());

  const adminOf = (workspace: string): MLflowAdmin =>
    new MLflowAdmin(server.url, undefined, workspace);
  const settings = (workspace: string): Settings => ({
    MLFLOW_TRACKING_URI: server.url,
    MLFLOW_WORKSPACE: workspace,
  });

  test('models of one name are apart, in registry, state and text', async () => {
    const started = await startFunction(world.env(settings('team-a')));
    const request = { model_name: model, request_id: 'one' };
    const first: Answer = answerIn(await started.invoke(request));
    expect(first).toMatchObject({
      outcome: 'ROLLED_BACK',
      plan: { registry: `${server.url} (workspace team-a)` },
    });
    expect(await adminOf('team-a').liveVersions(model)).toEqual(['1']);
    expect(await adminOf('team-b').liveVersions(model)).toEqual(['2']);
    await started.kill();
    // The same key, and no cooldown: the other workspace knows nothing of it.
    const args = ['apply', model, '--yes', '--json', '--request-id', 'one'];
    const second = await runCommand(args, world.env(settings('team-b')));
    expect(second.json).toMatchObject({
      outcome: 'ROLLED_BACK',
      replayed: false,
      plan: { registry: `${server.url} (workspace team-b)` },
    });
    expect(await adminOf('team-b').liveVersions(model)).toEqual(['1']);
    const shown = ['explain', first.rollback_id ?? ''];
    const explained = await runCommand(shown, world.env(settings('team-a')));
    expect(explained.stdout).toContain('(workspace team-a)');
  });

  test.skipIf(lastReleaseProblem() !== null)(
    'a run that release 0.1.0 left is finished in its workspace, and not in another',
    async () => {
      const name = uniqueName('left');
      for (const workspace of ['team-a', 'team-b']) {
        await adminOf(workspace).seedModel(name, ['Archived', 'Production']);
      }
      let isHeld = true;
      const proxy: HttpProxy = await startHttpProxy(server.url, ({ path }) =>
        isHeld && path.includes('transition-stage') ? { kind: 'hang' } : { kind: 'pass' },
      );
      onTestFinished(() => proxy.close());
      const env = (workspace: string, ahead: string): Settings =>
        world.env({
          ...settings(workspace),
          MLFLOW_TRACKING_URI: proxy.url,
          [CLOCK_OFFSET]: ahead,
        });
      const request = { model_name: name, request_id: 'left' };
      // It is killed in the middle of its move, and its plan names no workspace.
      const file = join(lastReleaseFolder(), 'dist', 'lambda', 'index.mjs');
      const old = await startFunction(env('team-a', '0'), file);
      old.invoke(request).catch(() => undefined);
      const isSent = (): boolean =>
        proxy.requests.some(({ path }) => path.includes('transition-stage'));
      await poll(async () => isSent(), Boolean, { timeoutMs: 30_000 });
      await old.kill();
      isHeld = false;

      const send = async (workspace: string, event: object): Promise<Answer> => {
        const started = await startFunction(env(workspace, '300000'));
        const reply = await started.invoke(event);
        await started.kill();
        return answerIn(reply);
      };

      expect(await send('team-b', { sweep: true })).toMatchObject({ outcome: 'SWEPT', failed: [] });
      expect(await adminOf('team-a').liveVersions(name)).toEqual(['2']);
      expect(await adminOf('team-b').liveVersions(name)).toEqual(['2']);
      const answer = await send('team-a', request);
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', plan: { registry: proxy.url } });
      expect(answer.warnings).toEqual([]);
      expect(await adminOf('team-a').liveVersions(name)).toEqual(['1']);
      expect(await adminOf('team-b').liveVersions(name)).toEqual(['2']);
    },
  );

  test('a workspace that the server does not have is an error by name', async () => {
    const { exitCode, stderr } = await runCommand(['plan', model], world.env(settings('nobody')));
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringMatching(
        /RegistryRefusedError: .*Workspace 'nobody' not found.*Set MLFLOW_WORKSPACE to a workspace/,
      ),
    ]);
  });

  test('doctor reports that a server has workspaces, and which one is checked', async () => {
    const { stdout } = await runCommand(['doctor', '--json'], world.env(settings('team-a')));
    const { checks } = JSON.parse(stdout) as { readonly checks: readonly Check[] };
    expect(checks.find(({ name }) => name === 'registry')).toMatchObject({
      verdict: 'ok',
      message: expect.stringMatching(
        /\(workspace team-a\) answers.*It has aliases, and workspaces: MLFLOW_WORKSPACE names one/,
      ),
    });
  });

  test('a server without workspaces is an error by name', async () => {
    const env = world.env({ ...settings('team-a'), MLFLOW_TRACKING_URI: engine('mlflow').url });
    const { exitCode, stderr } = await runCommand(['plan', model], env);
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringMatching(/RegistryRefusedError: .*has no workspaces: unset MLFLOW_WORKSPACE/),
    ]);
  });
});
