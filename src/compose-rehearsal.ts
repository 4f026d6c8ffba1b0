import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient } from '@aws-sdk/client-sns';
import {
  CannedAgent,
  type CannedAnswer,
  type CannedRequest,
} from './adapters/canned/canned-agent.ts';
import {
  cannedAlarms,
  cannedRegistry,
  cannedTable,
  cannedTopic,
} from './adapters/canned/canned-answers.ts';
import { CloudWatchAlarmReader } from './adapters/cloudwatch/cloudwatch-alarm-reader.ts';
import { DynamoDBRollbackStore } from './adapters/dynamodb/dynamodb-rollback-store.ts';
import { LoginAuthorizer } from './adapters/mlflow/login-authorizer.ts';
import { MLflowClient } from './adapters/mlflow/mlflow-client.ts';
import { MLflowModelRegistry } from './adapters/mlflow/mlflow-model-registry.ts';
import { SNSNotifier } from './adapters/sns/sns-notifier.ts';
import { StaticCredentials } from './adapters/system/static-credentials.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { systemIdentity } from './adapters/system/system-identity.ts';
import type { RollbackDeps, RollbackSettings } from './app/deps.ts';
import { watchClockSkew } from './compose-aws.ts';
import { defaultPointers } from './domain/registry/pointer.ts';
import type { Clock } from './ports/clock.ts';

/**
 * The parts of a rehearsal: the real adapters on clients of their own, whose connections end inside this process.
 * They share nothing with those of the function: no client, no login, no clock offset, no log.
 * @param tap sees every request that would have been sent
 */
export function composeRehearsal(
  settings: RollbackSettings,
  tap: (request: CannedRequest) => void = () => undefined,
): RollbackDeps & { close(): void } {
  const agents: CannedAgent[] = [];
  const agentFor = (answer: (request: CannedRequest) => CannedAnswer): CannedAgent => {
    const agent = new CannedAgent((request) => {
      tap(request);
      return answer(request);
    });
    agents.push(agent);
    return agent;
  };
  const aws = (answer: (request: CannedRequest) => CannedAnswer) => ({
    region: 'us-east-1',
    endpoint: 'http://canned.invalid',
    credentials: { accessKeyId: 'rehearsal', secretAccessKey: 'rehearsal' },
    requestHandler: { httpAgent: agentFor(answer), throwOnRequestTimeout: true },
  });
  // Nothing of it waits: a pause ends at once.
  const clock: Clock = { ...systemClock, sleep: async () => undefined };
  const table = new DynamoDBClient(aws(cannedTable()));
  const client = new MLflowClient({
    baseUrl: new URL('http://canned.invalid'),
    authorizer: new LoginAuthorizer(new StaticCredentials(null)),
    workspace: null,
    clock,
    agent: agentFor(cannedRegistry()),
  });
  const { default: pointer } = settings.pointers ?? defaultPointers;
  const topicArn = 'arn:aws:sns:us-east-1:000000000000:rehearsal';
  return {
    registry: new MLflowModelRegistry(client, clock, systemIdentity, 'canned:', pointer),
    store: new DynamoDBRollbackStore(
      table,
      { clock, identity: systemIdentity },
      { tableName: 'rehearsal', workspace: '', clockSkewMs: watchClockSkew(table, clock) },
    ),
    notifiers: [new SNSNotifier(new SNSClient(aws(cannedTopic)), topicArn)],
    alarms: new CloudWatchAlarmReader(() => new CloudWatchClient(aws(cannedAlarms))),
    clock,
    identity: systemIdentity,
    logger: { log: () => undefined },
    settings,
    close: () => {
      for (const agent of agents) agent.destroy();
    },
  };
}
