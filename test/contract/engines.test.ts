/** Proves that each engine does what the other suites lean on, before they blame the product. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DynamoDBClient,
  PutItemCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  awsEnvironment,
  createWatchedTopic,
  localClientConfig,
  receiveNotices,
} from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin, type Stage } from '../engines/mlflow-admin.ts';

const run = promisify(execFile);

const mlflow = engine('mlflow');
const dynamodb = engine('dynamodb');
const ministack = engine('ministack');

describe.skipIf(mlflow.isMissing)(mlflow.title('MLflow'), () => {
  const admin = new MLflowAdmin(mlflow.url);

  test('gives the promoted and the displaced version one last_updated_timestamp', async () => {
    const name = uniqueName('model');
    await admin.createModel(name);
    const first = await admin.createVersion(name);
    const second = await admin.createVersion(name);
    await admin.transition(name, first, 'Production', true);

    await admin.transition(name, second, 'Production', true);

    const [displaced, promoted] = await admin.versions(name);
    expect(displaced).toMatchObject({ version: '1', stage: 'Archived', status: 'READY' });
    expect(promoted).toMatchObject({ version: '2', stage: 'Production', status: 'READY' });
    expect(displaced?.lastUpdatedTimestamp).toBe(promoted?.lastUpdatedTimestamp);
    expect(await admin.liveVersions(name)).toEqual([second]);
  });

  test('sends a description back and forgets a deleted version', async () => {
    const name = uniqueName('model');
    await admin.seedModel(name, ['None', 'None']);

    await admin.setDescription(name, '2', 'trained on Monday');
    await admin.deleteVersion(name, '1');

    const versions = await admin.versions(name);
    expect(versions).toEqual([expect.objectContaining({ description: 'trained on Monday' })]);
  });

  const seeds: readonly { stages: readonly Stage[]; shared: readonly string[] }[] = [
    { stages: ['Archived', 'Archived', 'Production', 'Staging', 'None'], shared: ['2', '3'] },
    { stages: ['Archived', 'Production', 'Archived'], shared: ['2', '3'] },
    { stages: ['Production', 'Archived', 'Production'], shared: ['2', '3'] },
    { stages: ['Production', 'Production'], shared: [] },
    { stages: ['Archived', 'Archived'], shared: [] },
  ];
  for (const { stages, shared } of seeds) {
    test(`is seeded with a history that ends in ${stages.join(', ')}`, async () => {
      const name = uniqueName('model');

      await admin.seedModel(name, stages);

      const versions = await admin.versions(name);
      expect(versions.map(({ stage }) => stage)).toEqual(stages);
      const moments = Map.groupBy(versions, ({ lastUpdatedTimestamp }) => lastUpdatedTimestamp);
      const together = [...moments.values()].filter(({ length }) => length > 1).flat();
      expect(together.map(({ version }) => version)).toEqual(shared);
    });
  }
});

describe.skipIf(dynamodb.isMissing)(dynamodb.title('DynamoDB Local'), () => {
  const client = new DynamoDBClient(localClientConfig(dynamodb.url));
  const table = uniqueName('table');

  /** A put that loses to any item already there, and then says what that item holds. */
  function claim(key: string, owner: string): Promise<unknown> {
    return client.send(
      new PutItemCommand({
        TableName: table,
        Item: { pk: { S: key }, owner: { S: owner } },
        ConditionExpression: 'attribute_not_exists(pk)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    );
  }

  beforeAll(async () => {
    await client.send(
      new CreateTableCommand({
        TableName: table,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      }),
    );
    await waitUntilTableExists({ client, minDelay: 1, maxWaitTime: 20 }, { TableName: table });
  });

  test('returns the old item to a conditional put that loses', async () => {
    await claim('lost', 'first');

    const error = await claim('lost', 'second').catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(ConditionalCheckFailedException);
    expect(error).toMatchObject({ Item: { pk: { S: 'lost' }, owner: { S: 'first' } } });
  });

  test('lets exactly one of 50 racing conditional puts win', async () => {
    const owners = Array.from({ length: 50 }, (_, index) => `client-${index}`);

    const results = await Promise.allSettled(owners.map((owner) => claim('race', owner)));

    const losses = results.filter((result) => result.status === 'rejected');
    expect(losses).toHaveLength(49);
    for (const { reason } of losses) {
      expect(reason).toBeInstanceOf(ConditionalCheckFailedException);
    }
  });
});

describe.skipIf(ministack.isMissing)(ministack.title('MiniStack'), () => {
  test('is what a child process reaches with the environment made for it', async () => {
    const { topicArn } = await createWatchedTopic(ministack.url, uniqueName('notices'));
    const script = `
      import { GetTopicAttributesCommand, SNSClient } from '@aws-sdk/client-sns';
      const asked = new GetTopicAttributesCommand({ TopicArn: '${topicArn}' });
      const { Attributes } = await new SNSClient({}).send(asked);
      console.log(JSON.stringify(Attributes.TopicArn));
    `;
    const env = {
      ...process.env,
      AWS_PROFILE: 'a-profile-of-the-developer',
      ...awsEnvironment({ dynamodb: ministack.url, sns: ministack.url }),
    };

    const args = ['--input-type=module', '--eval', script];
    const { stdout } = await run(process.execPath, args, { env, timeout: 20_000 });

    expect(JSON.parse(stdout)).toBe(topicArn);
  });

  test('delivers a published notice with its subject and attributes, once', async () => {
    const { topicArn, queueUrl } = await createWatchedTopic(ministack.url, uniqueName('notices'));
    const sns = new SNSClient(localClientConfig(ministack.url));

    await sns.send(
      new PublishCommand({
        TopicArn: topicArn,
        Subject: 'fraud: rolled back',
        Message: '{"from":"3","to":"2"}',
        MessageAttributes: { outcome: { DataType: 'String', StringValue: 'ROLLED_BACK' } },
      }),
    );

    expect(await receiveNotices(queueUrl, { count: 1, timeoutMs: 10_000 })).toEqual([
      {
        subject: 'fraud: rolled back',
        message: '{"from":"3","to":"2"}',
        attributes: { outcome: 'ROLLED_BACK' },
      },
    ]);
    expect(await receiveNotices(queueUrl, { count: 1, timeoutMs: 500 })).toEqual([]);
  });
});
