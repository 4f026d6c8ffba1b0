/** Topics, queues and settings for tests against the local AWS engines. */
import { setTimeout as delay } from 'node:timers/promises';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';

export interface Notice {
  readonly subject: string;
  readonly message: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface WatchedTopic {
  readonly topicArn: string;
  readonly queueUrl: string;
}

export interface LocalClientConfig {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

interface Envelope {
  readonly Subject?: string;
  readonly Message: string;
  readonly MessageAttributes?: Readonly<Record<string, { readonly Value: string }>>;
}

const REGION = 'eu-west-1';
// Letters and digits only: DynamoDB Local refuses other characters.
const CREDENTIALS = { accessKeyId: 'testkey1', secretAccessKey: 'testsecret1' } as const;
const POLL_PAUSE_MS = 50;

/**
 * The settings of an SDK client of a local engine.
 * @param account of MiniStack, which takes an access key of twelve digits for the account
 */
export function localClientConfig(
  endpoint: string,
  account: string = CREDENTIALS.accessKeyId,
): LocalClientConfig {
  return { endpoint, region: REGION, credentials: { ...CREDENTIALS, accessKeyId: account } };
}

/** Creates a topic and a queue that receives what is published to it. */
export async function createWatchedTopic(
  endpoint: string,
  name: string,
  account?: string,
): Promise<WatchedTopic> {
  const sns = new SNSClient(localClientConfig(endpoint, account));
  const sqs = new SQSClient(localClientConfig(endpoint, account));
  const { TopicArn: topicArn } = await sns.send(new CreateTopicCommand({ Name: name }));
  const { QueueUrl: queueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  if (topicArn === undefined || queueUrl === undefined) {
    throw new Error(`no topic or no queue was created for ${name}`);
  }
  const { Attributes: attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['QueueArn'] }),
  );
  await sns.send(
    new SubscribeCommand({
      TopicArn: topicArn,
      Protocol: 'sqs',
      Endpoint: attributes?.QueueArn,
    }),
  );
  return { topicArn, queueUrl };
}

/** Takes notices off a queue, as `receiveBodies` does. */
export async function receiveNotices(
  queueUrl: string,
  wanted: { readonly count: number; readonly timeoutMs: number },
): Promise<readonly Notice[]> {
  return (await receiveBodies(queueUrl, wanted)).map(parseNotice);
}

/**
 * Takes messages off a queue until `count` have come or the time is over, and returns what came. To
 * prove that there is no further notice ask for one more than expected, with a short time.
 */
export async function receiveBodies(
  queueUrl: string,
  { count, timeoutMs }: { readonly count: number; readonly timeoutMs: number },
): Promise<readonly string[]> {
  // The account is in the path: http://127.0.0.1:4566/000000000000/name.
  const { origin, pathname } = new URL(queueUrl);
  const sqs = new SQSClient(localClientConfig(origin, pathname.split('/')[1]));
  const notices: string[] = [];
  const deadline = performance.now() + timeoutMs;
  while (notices.length < count && performance.now() < deadline) {
    const { Messages: messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: Math.min(count - notices.length, 10),
        // No long poll: it counts in whole seconds and would outlast a short time.
        WaitTimeSeconds: 0,
      }),
    );
    if (messages.length > 0) {
      notices.push(...messages.map(({ Body }) => Body ?? ''));
      const entries = messages.map(({ ReceiptHandle }, index) => ({
        Id: String(index),
        ReceiptHandle,
      }));
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries }));
    } else {
      await delay(POLL_PAUSE_MS);
    }
  }
  return notices;
}

/** The environment of a child process that must reach the engines and no real account. */
export function awsEnvironment(urls: {
  readonly dynamodb: string;
  readonly sns: string;
  /** Absent: nothing asks for alarms. */
  readonly cloudWatch?: string;
  /** Of Lambda and of the schedules that call functions. Absent: nothing looks at functions. */
  readonly lambda?: string;
}): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_DYNAMODB: urls.dynamodb,
    AWS_ENDPOINT_URL_SNS: urls.sns,
    ...(urls.cloudWatch !== undefined && { AWS_ENDPOINT_URL_CLOUDWATCH: urls.cloudWatch }),
    ...(urls.lambda !== undefined && {
      AWS_ENDPOINT_URL_LAMBDA: urls.lambda,
      AWS_ENDPOINT_URL_SCHEDULER: urls.lambda,
    }),
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    AWS_SESSION_TOKEN: '',
    // A developer's profile would win over the keys above.
    AWS_PROFILE: '',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

/** The environment of a shell whose AWS is MiniStack. The region is left to the commands. */
export function awsAccount(endpoint: string, account: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: account,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

function parseNotice(body: string): Notice {
  const envelope = JSON.parse(body) as Envelope;
  const attributes = Object.entries(envelope.MessageAttributes ?? {});
  return {
    subject: envelope.Subject ?? '',
    message: envelope.Message,
    attributes: Object.fromEntries(attributes.map(([name, { Value }]) => [name, Value])),
  };
}
