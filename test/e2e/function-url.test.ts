/** The function behind a URL: the built bundle on MiniStack, called by HTTP, and its hand-overs one by one. */
import { createHmac, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CreateFunctionUrlConfigCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseHttpSecret } from '../../src/http/http-secret.ts';
import { awsAccount, localClientConfig } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { deployFunction } from '../engines/lambda-function.ts';
import { poll } from '../engines/poll.ts';
import { changeSecret, createSecret, deleteSecret } from '../engines/secrets.ts';
import { tool } from '../engines/tools.ts';
import { alert, alertmanagerMessage } from '../fakes/alerts.ts';
import { openPage, withValues } from '../fakes/pages.ts';
import { builtFile } from './built.ts';
import { runCommand } from './command.ts';
import { type FunctionProcess, startFunction } from './function-process.ts';
import { isFailure, type Reply } from './reply.ts';
import { openShell } from './shell.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

const awscli = await tool('awscli');
const page = openPage('docs/deploy/function-url.md');
const bundle = builtFile('dist/http/index.mjs');
const stages = ['Archived', 'Archived', 'Production'] as const;
const operator = 'operator-0123456789abcdef';
const viewer = 'viewer-0123456789abcdef';
const mlflowSecret = 'a-secret-of-mlflow-0123456789';
const content = {
  tokens: `operator ${operator} ci\nviewer ${viewer}\n`,
  mlflow_webhook_secret: mlflowSecret,
};
const patience = { timeoutMs: 60_000, pauseMs: 300 };
const free: Settings = { ROLLBACK_COOLDOWN_HOURS: '0', ROLLBACK_OBSERVE_MINUTES: '0' };

describe.skipIf(isEngineMissing || awscli.isMissing)(
  awscli.title(suiteTitle('the function behind a URL')),
  () => {
    let world: World;
    let secretArn: string;
    let url: string;
    const ministack = engine('ministack');

    beforeAll(async () => {
      world = await createWorld();
      secretArn = await createSecret(ministack.url, uniqueName('http'), content);
      const functionArn = await deployFunction(ministack.url, {
        files: [{ name: 'index.mjs', content: readFileSync(bundle) }],
        env: settings(),
      });
      const client = new LambdaClient(localClientConfig(ministack.url));
      const { FunctionUrl: made = '' } = await client.send(
        new CreateFunctionUrlConfigCommand({ FunctionName: functionArn, AuthType: 'NONE' }),
      );
      client.destroy();
      const [id = ''] = new URL(made).host.split('.');
      // Names below a host need a resolver; the path form leads to the same function.
      url = `${ministack.url}/_aws/lambda-url/${id}`;
    }, 120_000);

    const settings = (more: Settings = {}): Readonly<Record<string, string>> =>
      world.env({
        ...free,
        AWS_ENDPOINT_URL_SECRETS_MANAGER: ministack.url,
        ROLLBACK_HTTP_SECRET_ARN: secretArn,
        ...more,
      });

    const call = async (
      path: string,
      { token, body, headers = {} }: { token?: string; body?: string; headers?: object } = {},
    ): Promise<Response> =>
      await fetch(`${url}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        redirect: 'manual',
        ...(body === undefined ? {} : { body }),
      });

    const outcomes = async (model: string): Promise<readonly unknown[]> =>
      (await world.history(model)).map(({ outcome }) => outcome);

    test('is called as its page says', async () => {
      const account = String(randomInt(1e11, 1e12));
      const shell = openShell({ awscli, settings: awsAccount(ministack.url, account) });
      try {
        const secret = await shell.run(`${page.take('The secret')}\necho "$secret"`);
        expect(secret).toMatch(new RegExp(`^arn:aws:secretsmanager:.*:${account}:secret:`));
        const text = await shell.run(
          'aws secretsmanager get-secret-value --secret-id "$secret" --query SecretString --output text',
        );
        const { tokens, mlflowSecret: key } = parseHttpSecret(text);
        expect([tokens[0]?.name, key?.length]).toEqual(['alertmanager', 64]);
        await shell.run(`token=${viewer}`);
        const answered = await shell.run(withValues(page.take('Try it'), { url }));
        expect(answered).toMatch(/"status":"ready"[\s\S]*"models":/);
        expect(page.left()).toEqual([]);
      } finally {
        await shell.close();
      }
    }, 120_000);

    test('answers what the service answers, to who shows a token', async () => {
      const model = await world.model(stages);
      expect((await call('/healthz')).status).toBe(200);
      expect((await call('/v1/models')).status).toBe(401);
      expect((await call('/v1/models', { token: 'made-up-0123456789abcdef' })).status).toBe(401);
      const body = JSON.stringify({ model_name: model, request_id: 'one' });
      expect((await call('/v1/rollbacks', { token: viewer, body })).status).toBe(403);

      const done = await call('/v1/rollbacks', { token: operator, body });
      expect(await done.json()).toMatchObject({
        rolled_back: true,
        model_name: model,
        from_version: '3',
        to_version: '2',
        requested_by: 'ci',
      });
      const again = await call('/v1/rollbacks', { token: operator, body });
      expect(await again.json()).toMatchObject({ rolled_back: true, replayed: true });
      const read = await call(`/v1/models/${model}`, { token: viewer });
      expect(await read.json()).toMatchObject({ model_name: model });
      expect((await call('/v1/nothing', { token: viewer })).status).toBe(404);
      expect(await outcomes(model)).toEqual(['ROLLED_BACK']);
    }, 120_000);

    test('answers an alert at once, and rolls back afterwards, once', async () => {
      const model = await world.model(stages);
      const startsAt = new Date().toISOString();
      const body = JSON.stringify(alertmanagerMessage([alert({ model, startsAt })]));
      const first = await call('/v1/alerts', { token: operator, body });
      expect(first.status).toBe(202);
      expect(await first.json()).toEqual({
        results: [{ pending: true, alarm_name: 'DrawdownHigh' }],
      });
      const isDone = (all: readonly unknown[]): boolean => all.includes('ROLLED_BACK');
      expect(await poll(() => outcomes(model), isDone, patience)).toEqual(['ROLLED_BACK']);
      expect((await call('/v1/alerts', { token: operator, body })).status).toBe(202);
      expect((await call('/v1/alerts', { token: operator, body: '{"alerts": 1}' })).status).toBe(
        400,
      );
      expect((await call('/v1/alerts', { body })).status).toBe(401);
      expect(await outcomes(model)).toEqual(['ROLLED_BACK']);
    }, 120_000);

    test('takes a webhook of MLflow by its signature', async () => {
      const model = await world.model(['None', 'None']);
      await world.mlflow.setAlias(model, 'champion', '2');
      const body = JSON.stringify({
        entity: 'model_version_alias',
        action: 'created',
        timestamp: new Date().toISOString(),
        data: { name: model, alias: 'champion', version: '2' },
      });
      const time = String(Math.floor(Date.now() / 1_000));
      const id = 'delivery-1';
      const sign = (secret: string): object => ({
        'x-mlflow-delivery-id': id,
        'x-mlflow-timestamp': time,
        'x-mlflow-signature': `v1,${createHmac('sha256', secret).update(`${id}.${time}.${body}`).digest('base64')}`,
      });
      const path = '/v1/webhooks/mlflow';
      expect((await call(path, { body, headers: sign('another-secret-0123456789') })).status).toBe(
        401,
      );
      const noted = await call(path, { body, headers: sign(mlflowSecret) });
      expect(noted.status).toBe(202);
      expect(await noted.json()).toMatchObject({ result: 'accepted' });
    }, 120_000);

    test('has the console, with a session that every instance knows', async () => {
      const model = await world.model(stages);
      const first = await call('/', { headers: { accept: 'text/html' } });
      expect([first.status, await first.text()]).toEqual([401, expect.stringContaining('Log in')]);
      const login = await call('/console/login', {
        body: new URLSearchParams({ token: operator, next: `/models/${model}` }).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      expect([login.status, login.headers.get('location')]).toEqual([303, `/models/${model}`]);
      const cookie = (login.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '';
      const shown = await call(`/models/${model}`, { headers: { accept: 'text/html', cookie } });
      expect(await shown.text()).toMatch(/ci, operator[\s\S]*Log out/);
    }, 120_000);

    describe('handed an event', () => {
      const processes: FunctionProcess[] = [];
      const start = async (more: Settings = {}): Promise<FunctionProcess> => {
        const started = await startFunction(settings(more), bundle);
        processes.push(started);
        return started;
      };
      const handed = (model: string, count = 1): object => {
        const startsAt = new Date().toISOString();
        const alerts = Array.from({ length: count }, (_, index) =>
          alert({ model, startsAt, fingerprint: `f00d${index}` }),
        );
        return { handed_over: { kind: 'alerts', message: alertmanagerMessage(alerts) } };
      };
      const failure = (reply: Reply | null): unknown =>
        reply !== null && isFailure(reply) ? reply.errorType : reply;

      afterAll(async () => {
        await Promise.all(processes.map((process) => process.kill()));
      });

      test('throws while a retry can cure it, and the retry rolls back', async () => {
        const model = await world.model(stages);
        const event = handed(model);
        const cut = await start({ MLFLOW_TRACKING_URI: 'http://127.0.0.1:9' });
        expect(failure(await cut.invoke(event))).toBe('RegistryUnavailableError');
        const sound = await start();
        expect(failure(await sound.invoke(event))).toBeNull();
        expect(await outcomes(model)).toEqual(['ROLLED_BACK']);
      }, 120_000);

      test('notes in the live log what a webhook reported', async () => {
        const model = await world.model(['None', 'None']);
        const aliased = { ROLLBACK_POINTER: 'alias:champion' };
        await world.mlflow.setAlias(model, 'champion', '2');
        const process = await start(aliased);
        const body = {
          entity: 'model_version_alias',
          action: 'created',
          timestamp: new Date().toISOString(),
          data: { name: model, alias: 'champion', version: '2' },
        };
        const delivery = { id: 'delivery-2', body, workspace: null };
        await process.invoke({ handed_over: { kind: 'delivery', delivery } });
        const args = ['history', model, '--live', '--json'];
        const { json } = await runCommand(args, world.env(aliased));
        expect(json).toMatchObject([{ version: '2', how: 'webhook' }]);
      }, 120_000);

      test('does nothing for an event that is neither a request nor handed over', async () => {
        const model = await world.model(stages);
        const process = await start();
        expect(failure(await process.invoke({ model_name: model }))).toBe('InvalidRequestError');
        // What a request brings in its body is no event.
        const request = {
          rawPath: '/v1/alerts',
          rawQueryString: '',
          headers: { host: 'x.lambda-url.eu-west-1.on.aws' },
          requestContext: { domainName: 'x.lambda-url.eu-west-1.on.aws', http: { method: 'POST' } },
          body: JSON.stringify(handed(model)),
        };
        expect(await process.invoke(request)).toMatchObject({ statusCode: 401 });
        expect(await outcomes(model)).toEqual([]);
      }, 120_000);

      test('answers 503 when its secret cannot be used, and says why in its log only', async () => {
        const own = await createSecret(ministack.url, uniqueName('http'), 'operator-is-no-json');
        const process = await start({ ROLLBACK_HTTP_SECRET_ARN: own });
        const request = {
          rawPath: '/healthz',
          rawQueryString: '',
          headers: { host: 'x.lambda-url.eu-west-1.on.aws' },
          requestContext: { domainName: 'x.lambda-url.eu-west-1.on.aws', http: { method: 'GET' } },
        };
        const refused = JSON.stringify(await process.invoke(request));
        expect(refused).toMatch(/"statusCode":503.*is not set up/);
        expect(refused).not.toContain('secret');
        expect(process.log()).toContain('ROLLBACK_HTTP_SECRET_ARN names is not JSON');
        expect(process.log()).not.toContain('operator-is-no-json');
        await changeSecret(ministack.url, own, content);
        expect(await process.invoke(request)).toMatchObject({ statusCode: 200 });
        // What is known stays in use.
        await deleteSecret(ministack.url, own);
        expect(await process.invoke(request)).toMatchObject({ statusCode: 200 });
      }, 120_000);
    });
  },
);
