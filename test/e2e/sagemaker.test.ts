/** MLflow of SageMaker, by its ARN: the built function and command on a real MLflow behind a gate that asks for signatures. */
import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  type HttpProxy,
  type ProxiedRequest,
  type ProxyAct,
  startHttpProxy,
} from '../contract/http-proxy.ts';
import { engine } from '../engines/engines.ts';
import { runCommand } from './command.ts';
import { CLOCK_OFFSET, startFunction } from './function-process.ts';
import { answerIn, failureIn, type Reply } from './reply.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

const SERVER = 'arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/churn-1';
const APP = 'arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-1A';
const ROLE = 'arn:aws:iam::123456789012:role/mlflow';
const ministack = engine('ministack');
/** As in awsEnvironment. */
const KEYS: Record<string, string> = { testkey1: 'testsecret1' };

let world: World;
let gate: HttpProxy;
let sts: HttpProxy;

describe.skipIf(isEngineMissing)(suiteTitle('MLflow of SageMaker'), () => {
  beforeAll(async () => {
    world = await createWorld();
    gate = await startHttpProxy(engine('mlflow').url, judge);
    sts = await startHttpProxy(ministack.url, () => ({ kind: 'pass' }));
  });
  afterAll(async () => {
    await Promise.all([gate.close(), sts.close()]);
  });

  const settings = (arn: string, more: Settings = {}): Settings => ({
    MLFLOW_TRACKING_URI: arn,
    SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT: gate.url,
    AWS_ENDPOINT_URL_STS: sts.url,
    ...more,
  });

  test.each([
    ['a tracking server', SERVER, {}],
    ['an App', APP, {}],
    ['an App, under another region', APP, { AWS_REGION: 'us-east-1' }],
  ])('%s: the command plans and rolls back', async (_, arn, more) => {
    const model = await world.model(['Archived', 'Production']);
    // The region of the table stays that of the environment.
    const table = { ROLLBACK_STORE: 'sqlite::memory:', ROLLBACK_STATE_TABLE: '' };
    const env = world.env({ ...settings(arn, more), ...('AWS_REGION' in more ? table : {}) });
    const plan = await runCommand(['plan', model], env);
    expect(plan.exitCode).toBe(0);
    const { exitCode, stderr } = await runCommand(['apply', model, '--yes'], env);
    expect([exitCode, stderr.includes('Error')]).toEqual([0, false]);
    expect(await world.mlflow.liveVersions(model)).toEqual(['1']);
  });

  test('the function rolls back, and names the ARN', async () => {
    const model = await world.model(['Archived', 'Production']);
    const started = await startFunction(world.env(settings(SERVER)));
    expect(answerIn(await started.invoke({ model_name: model })).outcome).toBe('ROLLED_BACK');
    expect(await world.mlflow.liveVersions(model)).toEqual(['1']);
    const failure = failureIn(await started.invoke({ model_name: `${model}-absent` }));
    expect(failure.errorType).toBe('ModelNotFoundError');
    expect(failure.message).toContain(`The registry ${SERVER} `);
    await started.kill();
  });

  test('a role is assumed once, and signs', async () => {
    const [first, second] = [
      await world.model(['Archived', 'Production']),
      await world.model(['Archived', 'Production']),
    ];
    const before = sts.requests.length;
    const started = await startFunction(
      world.env(settings(SERVER, { SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN: ROLE })),
    );
    const seen = gate.requests.length;
    expect(answerIn(await started.invoke({ model_name: first })).outcome).toBe('ROLLED_BACK');
    expect(answerIn(await started.invoke({ model_name: second })).outcome).toBe('ROLLED_BACK');
    expect(sts.requests.length - before).toBe(1);
    for (const { headers } of gate.requests.slice(seen)) {
      expect(headers['x-amz-security-token']).toBeTruthy();
      expect(headers.authorization).not.toContain('testkey1');
    }
    await started.kill();
  });

  const faults: readonly [string, Settings, string, RegExp][] = [
    [
      'a clock that is off',
      { [CLOCK_OFFSET]: '1200000' },
      'RegistryRefusedError',
      /not yet current.*Set the clock/,
    ],
    [
      'a wrong secret key',
      { AWS_SECRET_ACCESS_KEY: 'other' },
      'RegistryRefusedError',
      /AWS_SECRET_ACCESS_KEY/,
    ],
    [
      'expired credentials',
      { AWS_SESSION_TOKEN: 'old-token-1' },
      'RegistryRefusedError',
      /have expired\. Sign in again/,
    ],
    [
      'an ARN of another service',
      { MLFLOW_TRACKING_URI: 'arn:aws:s3:::bucket' },
      'ConfigurationError',
      /mlflow-tracking-server\/NAME/,
    ],
    [
      'an ARN of China',
      { MLFLOW_TRACKING_URI: 'arn:aws-cn:sagemaker:cn-north-1:123456789012:mlflow-app/a' },
      'ConfigurationError',
      /no managed MLflow in the partition aws-cn/,
    ],
  ];
  test.each(faults)('%s: an error by name, and nothing is written', async (_, more, name, text) => {
    const model = await world.model(['Archived', 'Production']);
    const before = await world.everything(model);
    const started = await startFunction(world.env(settings(SERVER, more)));
    const failure = failureIn(await started.invoke({ model_name: model }));
    expect(failure).toMatchObject({ errorType: name, message: expect.stringMatching(text) });
    const doctor = await runCommand(['doctor', '--json'], world.env(settings(SERVER, more)));
    if (!(CLOCK_OFFSET in more)) expect(doctor.stdout).toMatch(text);
    expect(await world.everything(model)).toEqual(before);
    for (const shown of [failure.message, started.log(), doctor.stdout, doctor.stderr]) {
      expect(shown).not.toContain('testsecret1');
    }
    await started.kill();
  });

  const expiry: readonly [string, { readonly isSent: boolean; readonly live: string }][] = [
    ['at the move', { isSent: false, live: '2' }],
    ['after the move', { isSent: true, live: '1' }],
  ];
  test.each(expiry)(
    'credentials that expire %s: nothing is moved twice, and new ones finish it',
    async (_, { isSent, live }) => {
      const model = await world.model(['Archived', 'Production']);
      const isMove = ({ path }: ProxiedRequest): boolean => path.includes('transition-stage');
      let hasMoved = false;
      const aging = await startHttpProxy(engine('mlflow').url, (request) => {
        const isExpired = hasMoved || (isMove(request) && !isSent);
        hasMoved ||= isMove(request);
        return isExpired
          ? no('The security token included in the request is expired')
          : judge(request);
      });
      onTestFinished(() => aging.close());
      const request = { model_name: model, request_id: 'aging' };
      const ask = async (more: Settings): Promise<Reply> => {
        const started = await startFunction(world.env(settings(SERVER, more)));
        const reply = await started.invoke(request);
        expect(started.log()).not.toContain('testsecret1');
        await started.kill();
        return reply;
      };

      const first = await ask({ SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT: aging.url });

      expect(first.message).toMatch(/have expired\. Sign in again/);
      expect(await world.mlflow.liveVersions(model)).toEqual([live]);
      const [record] = await world.history(model);
      expect(record?.outcome).toBe(isSent ? 'IN_PROGRESS' : 'FAILED');
      // Past the lease, and no more than a signature allows.
      const later = await ask({ [CLOCK_OFFSET]: '250000' });
      expect(later).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '1' });
      expect(await world.mlflow.liveVersions(model)).toEqual(['1']);
    },
  );

  test('doctor finds the server, and says what cannot be known', async () => {
    const { stdout } = await runCommand(['doctor', '--json'], world.env(settings(APP)));
    expect(stdout).toContain(`${APP} answers and accepts the login`);
    expect(stdout).toContain('(its actions of sagemaker in IAM) is only known at a rollback');
  });
});

// ---------------------------------------------------------------------------------------------------

function no(message: string): ProxyAct {
  return { kind: 'answer', status: 403, body: JSON.stringify({ message }) };
}

/** AWS's check of a signature, written from its documentation; `old-token-1` has expired. */
function judge(request: ProxiedRequest): ProxyAct {
  const { authorization = '', ...headers } = request.headers;
  const arn = headers['x-mlflow-sm-tracking-server-arn'] ?? headers['x-sm-mlflow-app-arn'];
  const service = arn === SERVER ? 'sagemaker-mlflow' : 'sagemaker';
  const parts =
    /Credential=(\w+)\/(\d{8})\/([\w-]+)\/([\w-]+)\/aws4_request, SignedHeaders=([\w;-]+), Signature=(\w{64})$/;
  const [, key = '', day = '', region = '', signedService = '', names = '', signature = ''] =
    parts.exec(authorization) ?? [];
  if (signature === '' || arn === undefined) return no('Missing Authentication Token');
  if (region !== 'eu-west-1') return no('Credential should be scoped to a valid region.');
  if (signedService !== service) return no('Credential should be scoped to correct service.');
  const date = String(headers['x-amz-date']);
  const atMs = Date.parse(date.replace(/^(....)(..)(.....)(..)/, '$1-$2-$3:$4:'));
  if (atMs > Date.now() + 300_000) return no(`Signature not yet current: ${date}`);
  const token = headers['x-amz-security-token'];
  if (token === 'old-token-1') return no('The security token included in the request is expired');
  // The credentials of a role are MiniStack's: only it knows their secret.
  const secret = KEYS[key] ?? (token === undefined ? '' : null);
  if (secret === null) return { kind: 'pass' };
  const [path = '', query = ''] = request.path.split('?');
  const canonical = [
    request.method,
    path,
    query.split('&').toSorted().join('&'),
    ...names.split(';').map((name) => `${name}:${String(headers[name])}`),
    '',
    names,
    createHash('sha256').update(request.body).digest('hex'),
  ].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const digest = createHash('sha256').update(canonical).digest('hex');
  const text = ['AWS4-HMAC-SHA256', date, scope, digest].join('\n');
  const signingKey = [day, region, service, 'aws4_request'].reduce<Buffer | string>(
    (from, part) => createHmac('sha256', from).update(part).digest(),
    `AWS4${secret}`,
  );
  const expected = createHmac('sha256', signingKey).update(text).digest('hex');
  return expected === signature
    ? { kind: 'pass' }
    : no('The request signature we calculated does not match');
}
