/** The login of a real MLflow server in a secret, as the built function and command use it. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startHttpProxy } from '../contract/http-proxy.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { changeSecret, createSecret } from '../engines/secrets.ts';
import { GUARD_LOGIN as LOGIN } from '../engines/start.ts';
import { runCommand } from './command.ts';
import { startFunction } from './function-process.ts';
import { answerIn, failureIn } from './reply.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

const ministack = engine('ministack');
const guarded = engine('guarded');
const WRONG = { username: 'admin', password: 'wrong horse % battery' };
const admin = new MLflowAdmin(guarded.url, LOGIN);

let world: World;
let secret: string;
let settings: Settings;

describe.skipIf(isEngineMissing)(suiteTitle('a login from a secret'), () => {
  beforeAll(async () => {
    world = await createWorld();
  });
  beforeEach(async () => {
    secret = await createSecret(ministack.url, uniqueName('login'), LOGIN);
    settings = {
      MLFLOW_TRACKING_URI: guarded.url,
      MLFLOW_TRACKING_SECRET_ARN: secret,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: ministack.url,
    };
  });

  const seeded = async (): Promise<string> => {
    const model = uniqueName('model');
    await admin.seedModel(model, ['Archived', 'Production']);
    return model;
  };
  /** Nowhere that anything is kept, shown or sent. */
  const expectNoTrace = async (model: string, ...texts: readonly string[]): Promise<void> => {
    const { stdout } = await runCommand(['history', '--json'], world.env(settings));
    const notices = await world.notices(model);
    for (const text of [stdout, JSON.stringify(notices), ...texts]) {
      expect(text).not.toContain('horse % battery');
      for (const { username, password } of [LOGIN, WRONG]) {
        expect(text).not.toContain(Buffer.from(`${username}:${password}`).toString('base64'));
      }
    }
  };

  test('lets the command roll back', async () => {
    const model = await seeded();
    const { exitCode, stdout, stderr } = await runCommand(
      ['apply', model, '--yes'],
      world.env(settings),
    );
    expect(stderr).toMatch(/^state {2}dynamodb:\S+ \(eu-west-1\)\n$/);
    expect(exitCode).toBe(0);
    expect(await admin.liveVersions(model)).toEqual(['1']);
    await expectNoTrace(model, stdout);
  });

  test('is taken up by a running function after it was changed', async () => {
    const [first, second, third] = [await seeded(), await seeded(), await seeded()];
    const proxy = await startHttpProxy(ministack.url, () => ({ kind: 'pass' }));
    const started = await startFunction(
      world.env({ ...settings, AWS_ENDPOINT_URL_SECRETS_MANAGER: proxy.url }),
    );
    answerIn(await started.invoke({ model_name: first }));
    expect(proxy.requests).toHaveLength(1);

    // Somebody writes something wrong into it.
    await changeSecret(ministack.url, secret, WRONG);
    const cold = await startFunction(
      world.env({ ...settings, AWS_ENDPOINT_URL_SECRETS_MANAGER: proxy.url }),
    );
    const refused = failureIn(await cold.invoke({ model_name: second }));
    expect(refused).toMatchObject({ errorType: 'RegistryRefusedError' });
    expect(refused.message).toContain('MLFLOW_TRACKING_SECRET_ARN');
    // Read at first, and once more.
    expect(proxy.requests).toHaveLength(3);
    expect(await admin.liveVersions(second)).toEqual(['2']);

    await changeSecret(ministack.url, secret, LOGIN);
    expect(answerIn(await cold.invoke({ model_name: second })).outcome).toBe('ROLLED_BACK');
    expect(proxy.requests).toHaveLength(4);
    // The one that kept the right login never asked again.
    expect(answerIn(await started.invoke({ model_name: third })).outcome).toBe('ROLLED_BACK');
    expect(proxy.requests).toHaveLength(4);
    expect(await admin.liveVersions(second)).toEqual(['1']);
    await expectNoTrace(second, refused.message, cold.log(), started.log());
    await Promise.all([started.kill(), cold.kill(), proxy.close()]);
  });

  test('that is unusable is a ConfigurationError by name, and nothing of it is shown', async () => {
    const model = await seeded();
    await changeSecret(ministack.url, secret, `password=${LOGIN.password}`);
    const started = await startFunction(world.env(settings));
    const failure = failureIn(await started.invoke({ model_name: model }));
    expect(failure.errorType).toBe('ConfigurationError');
    expect(failure.message).toContain('MLFLOW_TRACKING_SECRET_ARN');
    const doctor = await runCommand(['doctor', '--json'], world.env(settings));
    expect(doctor.exitCode).toBe(1);
    expect(doctor.stdout).toContain('MLFLOW_TRACKING_SECRET_ARN');
    await expectNoTrace(model, failure.message, started.log(), doctor.stdout, doctor.stderr);
    await started.kill();
  });

  test('beside a login in the environment is refused at start', async () => {
    const both = { ...settings, MLFLOW_TRACKING_USERNAME: 'u', MLFLOW_TRACKING_PASSWORD: 'p' };
    const { exitCode, stderr } = await runCommand(['plan', 'm'], world.env(both));
    expect(exitCode).toBe(2);
    expect(stderr).toContain('remove MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD');
  });
});
