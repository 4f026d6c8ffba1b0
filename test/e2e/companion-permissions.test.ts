/**
 * The policies of the functions that compare, promote and answer HTTP against what the built bundles really call:
 * nothing is missing, and nothing is to spare. As permissions.test.ts does it for the function that rolls back.
 */
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import '../cdk/set-up.ts';
import { type HttpProxy, startHttpProxy } from '../contract/http-proxy.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { createSecret } from '../engines/secrets.ts';
import { directAlarm } from '../fakes/alarm-events.ts';
import { ahead, createAlarmWorld, minuteMs } from './alarm-world.ts';
import { type Grant, isGrantedBy, type Right, rightsFor } from './aws-rights.ts';
import { builtFile } from './built.ts';
import { startFunction } from './function-process.ts';
import { isFailure } from './reply.ts';
import { DONE_BY_AWS, distinct, grantsOf } from './role-grants.ts';
import { isEngineMissing, suiteTitle } from './world.ts';

const promotion = builtFile('dist/promote/index.mjs');
const comparison = join(dirname(promotion), '../compare/index.mjs');
const answering = join(dirname(promotion), '../http/index.mjs');
const ministack = engine('ministack');
const trading = { profit_total: 1_200, sharpe_ratio: 1.1, max_drawdown: 0.2, win_rate: 0.6 };
const proxies: HttpProxy[] = [];

describe.skipIf(isEngineMissing)(suiteTitle('the policy of a companion'), () => {
  let world: Awaited<ReturnType<typeof createAlarmWorld>>;
  let registry: HttpProxy;
  let atMove: (() => void) | null = null;
  let parts: Parameters<typeof grantsOf>[1];

  beforeAll(async () => {
    const [store, other] = await Promise.all([
      openProxy(engine('dynamodb').url),
      openProxy(engine('ministack').url),
    ]);
    registry = await startHttpProxy(engine('mlflow').url, ({ path }) => {
      if (path.endsWith('/transition-stage')) atMove?.();
      return { kind: 'pass' };
    });
    const login = { username: 'rollback', password: 'of-the-suite' };
    const secretArn = await createSecret(engine('ministack').url, uniqueName('login'), login);
    world = await createAlarmWorld({
      MLFLOW_TRACKING_URI: registry.url,
      AWS_ENDPOINT_URL_DYNAMODB: store.url,
      AWS_ENDPOINT_URL_SNS: other.url,
      AWS_ENDPOINT_URL_CLOUDWATCH: other.url,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: other.url,
      MLFLOW_TRACKING_SECRET_ARN: secretArn,
    });
    parts = { ...world, secretArn };
  });
  afterAll(async () => {
    await world?.close();
    await Promise.all([...proxies, registry].map((proxy) => proxy?.close()));
  });

  /** The calls of `act` alone. */
  const rightsUsed = async (act: () => Promise<void>): Promise<readonly Right[]> => {
    const before = proxies.map(({ requests }) => requests.length);
    await act();
    return distinct(
      proxies.flatMap(({ requests }, index) => requests.slice(before[index]).flatMap(rightsFor)),
    );
  };
  /** A run of the function that rolls back that dies after its move, for an alarm. */
  const cutOff = async (): Promise<string> => {
    const model = await world.model(['Archived', 'Production', 'None']);
    const alarm = await world.alarm(model);
    const victim = await startFunction(world.env({ ROLLBACK_WRITE_HORIZON_SECONDS: '1' }));
    atMove = () => void victim.kill();
    const end = await victim.invoke(directAlarm(alarm.red())).catch(String);
    atMove = null;
    if (typeof end !== 'string') throw new Error(`it was not killed: ${JSON.stringify(end)}`);
    return model;
  };
  const measured = async (profit: number): Promise<string> => {
    const model = uniqueName('measured');
    await world.mlflow.createModel(model);
    await world.mlflow.createMeasuredVersion(model, trading);
    await world.mlflow.createMeasuredVersion(model, { ...trading, profit_total: profit });
    await world.mlflow.transition(model, '1', 'Production', true);
    await world.mlflow.setAlias(model, 'challenger', '2');
    return model;
  };

  test('that promotes allows each call, and has nothing to spare', async () => {
    const interrupted = await cutOff();
    const quarantined = await world.model(['Archived', 'Production']);
    await world.ask({ model_name: quarantined });
    const staged = await world.model(['Archived', 'Production', 'Staging']);
    const named = await world.model(['Archived', 'Production', 'None']);
    const rights = await rightsUsed(async () => {
      const evidence = { ROLLBACK_PROMOTION_EVIDENCE: '7d' };
      const promoter = await startFunction(world.env(evidence), promotion);
      const free = await startFunction(world.env(), promotion);
      const late = await startFunction(world.env(ahead(20 * minuteMs)), promotion);
      const outcome = async (process: typeof promoter, event: object): Promise<string> => {
        const reply = await process.invoke(event);
        return isFailure(reply) ? reply.errorType : reply.outcome;
      };
      try {
        const event = { model_name: staged, request_id: uniqueName('request') };
        expect([
          await outcome(promoter, { model_name: named, new_version: '3' }),
          await outcome(free, { model_name: named, new_version: '3', dry_run: true }),
          await outcome(free, event),
          await outcome(free, event),
          await outcome(free, { model_name: quarantined, new_version: '2' }),
          await outcome(free, { model_name: 'no-such-model', new_version: '2' }),
          await outcome(late, { model_name: interrupted, new_version: '3' }),
        ]).toEqual([
          ...['REFUSED', 'DRY_RUN', 'PROMOTED', 'PROMOTED', 'REFUSED', 'ModelNotFoundError'],
          'PROMOTED',
        ]);
      } finally {
        await Promise.all([promoter, free, late].map((process) => process.kill()));
      }
    });
    expectExact(rights, grantsOf('RollbackPromotePolicy', parts));
  });

  test('that compares allows each call, and has nothing to spare', async () => {
    const [better, worse] = [await measured(1_300), await measured(1_100)];
    const rights = await rightsUsed(async () => {
      const process = await startFunction(world.env(), comparison);
      const decision = async (event: object) =>
        ((await process.invoke(event)) as unknown as { readonly decision: string }).decision;
      try {
        expect([
          await decision({ model_name: better }),
          await decision({ model_name: worse, challenger_version: '2' }),
          await decision({ model_name: 'no-such-model' }),
        ]).toEqual(['PROMOTE', 'KEEP', 'KEEP']);
      } finally {
        await process.kill();
      }
    });
    expectExact(rights, grantsOf('RollbackComparePolicy', parts));
  });

  test('that answers HTTP allows each call', async () => {
    const model = await world.model(['Archived', 'Production']);
    const token = randomBytes(32).toString('hex');
    const content = { tokens: `operator ${token} ci` };
    const httpSecretArn = await createSecret(ministack.url, uniqueName('callers'), content);
    const rights = await rightsUsed(async () => {
      const settings = { ROLLBACK_HTTP_SECRET_ARN: httpSecretArn };
      const process = await startFunction(world.env(settings), answering);
      const status = async (path: string, body?: object): Promise<number> => {
        const event = urlEvent(path, token, body);
        return ((await process.invoke(event)) as unknown as { readonly statusCode: number })
          .statusCode;
      };
      try {
        expect([
          await status('/readyz'),
          await status('/v1/models'),
          await status(`/v1/models/${model}`),
          await status('/v1/rollbacks', { model_name: model }),
          await status('/v1/rollbacks'),
          await status(`/v1/rollbacks?model=${model}`),
          await status('/'),
          await status(`/v1/models/${model}/undo`, {}),
        ]).toEqual([200, 200, 200, 200, 200, 200, expect.any(Number), 200]);
      } finally {
        await process.kill();
      }
    });
    const grants = grantsOf('RollbackHttpPolicy', { ...parts, httpSecretArn });
    const missing = rights.filter((right) => !grants.some((grant) => isGrantedBy(right, grant)));
    expect(missing).toEqual([]);
    expect(rights.map(({ resource }) => resource)).toContain(httpSecretArn);
  });
});

// ---------------------------------------------------------------------------------------------------

/** What Lambda makes of a request to the address of a function. */
function urlEvent(path: string, token: string, body?: object): object {
  const [rawPath = '', rawQueryString = ''] = path.split('?');
  const method = body === undefined ? 'GET' : 'POST';
  return {
    version: '2.0',
    rawPath,
    rawQueryString,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', host: 'a' },
    requestContext: { http: { method, path: rawPath, sourceIp: '127.0.0.1' }, domainName: 'a' },
    isBase64Encoded: false,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
}

async function openProxy(target: string): Promise<HttpProxy> {
  const proxy = await startHttpProxy(target, () => ({ kind: 'pass' }));
  proxies.push(proxy);
  return proxy;
}

function expectExact(rights: readonly Right[], grants: readonly Grant[]): void {
  const ours = grants.filter(({ sid }) => !(sid in DONE_BY_AWS));
  const missing = rights.filter((right) => !ours.some((grant) => isGrantedBy(right, grant)));
  const spare = ours.flatMap(({ sid, actions, resources }) =>
    actions.flatMap((action) =>
      resources.flatMap((resource) => {
        const one = { sid, actions: [action], resources: [resource] };
        return rights.some((right) => isGrantedBy(right, one)) ? [] : [[sid, action, resource]];
      }),
    ),
  );
  expect({ missing, spare }).toEqual({ missing: [], spare: [] });
}
