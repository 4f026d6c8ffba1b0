/** Further channels through the built bundle and the built command, on servers that stand for the services. */
import { SNSClient } from '@aws-sdk/client-sns';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { callEventBridge } from '../../src/adapters/eventbridge/eventbridge-call.ts';
import { limits } from '../../src/domain/limits.ts';
import { type HttpProxy, type ProxyAct, startHttpProxy } from '../contract/http-proxy.ts';
import { soon } from '../contract/notifier.contract.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { createSecret } from '../engines/secrets.ts';
import { slackMessage, teamsMessage } from '../fakes/channel-schemas.ts';
import { runCommand } from './command.ts';
import { CLOCK_OFFSET, startFunction } from './function-process.ts';
import { answerIn } from './reply.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

const ministack = engine('ministack');
const PATH = '/services/T0SECRET/B0SECRET/x0SECRETx0';
const KEY = 'a-0SECRET-key-of-sixteen-or-more';

let world: World;
let server: HttpProxy;
/** How each path is answered. */
let slackAnswer: ProxyAct;
let settings: Settings;

describe.skipIf(isEngineMissing)(suiteTitle('ROLLBACK_CHANNELS'), () => {
  beforeAll(async () => {
    world = await createWorld();
    slackAnswer = { kind: 'answer', status: 200, body: 'ok' };
    server = await startHttpProxy(null, ({ path }) => {
      if (path === PATH) return slackAnswer;
      const body = path === '/pagerduty' ? '{"status": "success"}' : '';
      return { kind: 'answer', status: 202, body };
    });
    const bus = uniqueName('bus');
    vi.stubEnv('AWS_ENDPOINT_URL_EVENTBRIDGE', ministack.url);
    const client = new SNSClient(localClientConfig(ministack.url));
    const body = { Name: bus };
    await callEventBridge(client, { operation: 'CreateEventBus', region: null, body }, soon());
    client.destroy();
    const secret = await createSecret(ministack.url, uniqueName('slack'), `${server.url}${PATH}`);
    settings = {
      AWS_ENDPOINT_URL_EVENTBRIDGE: ministack.url,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: ministack.url,
      ROLLBACK_CHANNELS: 'slack,teams,pagerduty,eventbridge,webhook',
      ROLLBACK_SLACK_SECRET_ARN: secret,
      ROLLBACK_TEAMS_URL: `${server.url}/teams?sig=0SECRET`,
      ROLLBACK_PAGERDUTY_ROUTING_KEY: KEY,
      ROLLBACK_PAGERDUTY_URL: `${server.url}/pagerduty`,
      ROLLBACK_EVENT_BUS: bus,
      ROLLBACK_WEBHOOK_URL: `${server.url}/webhook`,
      ROLLBACK_WEBHOOK_SECRET: KEY,
    };
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await server?.close();
  });

  const postsOf = (model: string, path: string): readonly string[] =>
    server.requests
      .filter((request) => request.path.startsWith(path) && request.body.includes(model))
      .map((request) => request.body);

  test.each(['function', 'command'] as const)('the %s notifies on every channel', async (way) => {
    const model = await world.model(['Archived', 'Archived', 'Production']);

    const seen = await rollBackBy(way, model, settings);

    expect(seen.answer).toMatchObject({ outcome: 'ROLLED_BACK', notified: true, warnings: [] });
    const [slack = ''] = postsOf(model, PATH);
    expect(slackMessage(slack).texts.join()).toContain(`Rollback Completed: ${model}`);
    const [teams = ''] = postsOf(model, '/teams');
    expect(teamsMessage(teams).texts.join()).toContain(`model-rollback undo ${model}/`);
    const [webhook = '{}'] = postsOf(model, '/webhook');
    expect(JSON.parse(webhook)).toMatchObject({ event: 'Rollback Completed', to_version: '2' });
    // A person asked for it: nobody is paged.
    expect(postsOf(model, '/pagerduty')).toEqual([]);
    expect(await world.notices(model)).toHaveLength(1);
    expectNoSecret(seen.output, await world.stored(model));
  });

  test('a channel that fails for ever holds back nothing, is reported, and is done when removed', async () => {
    const model = await world.model(['Archived', 'Archived', 'Production']);
    slackAnswer = { kind: 'answer', status: 404, body: `no_service ${PATH}` };

    const seen = await rollBackBy('function', model, settings);

    expect(seen.answer).toMatchObject({ outcome: 'ROLLED_BACK', notified: false });
    expect(seen.output).toMatch(/Slack did not take the notice: it answered 404/);
    expect(postsOf(model, '/webhook')).toHaveLength(1);
    expect(await world.notices(model)).toHaveLength(1);
    let ahead = 0;
    for (let round = 0; round < limits.noticeAttemptsFewMax; round += 1) {
      // Longer than the pauses between the first tries.
      ahead += 8 * limits.noticeBackoffMs;
      await sweepBy({ ...settings, [CLOCK_OFFSET]: String(ahead) });
    }
    const { json } = await runCommand(['doctor', '--json'], world.env(settings));
    const unsent = (json as { checks: { name: string }[] }).checks.find(
      ({ name }) => name === 'unsent',
    );
    expect(JSON.stringify(unsent)).toMatch(/"problem".*slack did not take/);
    expect(postsOf(model, '/webhook')).toHaveLength(1);
    expect(postsOf(model, PATH).length).toBeGreaterThan(limits.noticeAttemptsFewMax);

    const { ROLLBACK_CHANNELS: _all, ROLLBACK_SLACK_SECRET_ARN: _slack, ...rest } = settings;
    const without = { ...rest, ROLLBACK_CHANNELS: 'teams,pagerduty,eventbridge,webhook' };
    ahead += limits.noticeBackoffMaxMs;
    const report = await sweepBy({ ...without, [CLOCK_OFFSET]: String(ahead) });

    expect(report).toMatchObject({ notices_sent: 1, failed: [] });
    expectNoSecret(JSON.stringify(json), seen.output, await world.stored(model));
  });

  test('doctor checks each channel without sending, and --notify tests each', async () => {
    slackAnswer = { kind: 'answer', status: 200, body: 'ok' };
    const before = server.requests.length;
    const checksOf = async (...args: readonly string[]): Promise<Record<string, string>> => {
      const { json, stderr } = await runCommand(['doctor', '--json', ...args], world.env(settings));
      expectNoSecret(JSON.stringify(json), stderr);
      const { checks } = json as { checks: { name: string; verdict: string }[] };
      return Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]));
    };
    const channels = ['slack', 'teams', 'pagerduty', 'eventbridge', 'webhook'];
    const allOk = (prefix: string): object =>
      Object.fromEntries(channels.map((name) => [`${prefix}${name}`, 'ok']));

    expect(await checksOf()).toMatchObject(allOk(''));

    expect(server.requests.length).toBe(before);
    slackAnswer = { kind: 'answer', status: 404, body: 'no_service' };
    const tested = { ...allOk('notify-'), 'notify-slack': 'problem', 'notify-sns': 'ok' };
    expect(await checksOf('--notify')).toMatchObject(tested);
  });
});

// ---------------------------------------------------------------------------------------------------

async function rollBackBy(
  way: 'function' | 'command',
  model: string,
  given: Settings,
): Promise<{ readonly answer: unknown; readonly output: string }> {
  if (way === 'command') {
    const args = ['apply', model, '--yes', '--json'];
    const { json, stdout, stderr } = await runCommand(args, world.env(given));
    return { answer: json, output: stdout + stderr };
  }
  const process = await startFunction(world.env(given));
  const answer = answerIn(await process.invoke({ model_name: model }));
  const output = `${process.log()}${JSON.stringify(answer)}`;
  await process.kill();
  return { answer, output };
}

async function sweepBy(given: Settings): Promise<unknown> {
  const process = await startFunction(world.env(given));
  const answer = answerIn(await process.invoke({ sweep: true }));
  await process.kill();
  return answer;
}

function expectNoSecret(...values: readonly unknown[]): void {
  expect(JSON.stringify(values)).not.toContain('0SECRET');
}
