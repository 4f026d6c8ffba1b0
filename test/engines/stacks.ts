/** CloudFormation stacks in MiniStack, with the bucket that their code is in and their schedules. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  CloudFormationClient,
  CreateChangeSetCommand,
  DescribeChangeSetCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
  paginateListStackResources,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import {
  CreateBucketCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { localClientConfig } from './aws.ts';

export interface DeployOptions {
  readonly stackName: string;
  /** The text of the template. */
  readonly template: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

export interface StackResource {
  readonly logicalId: string;
  readonly physicalId: string;
  readonly type: string;
  readonly status: string;
}

export interface DeployedStack {
  readonly status: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly resources: readonly StackResource[];
}

/** A schedule of EventBridge Scheduler, as far as it decides what is called when. */
export interface StoredSchedule {
  readonly ScheduleExpression: string;
  readonly FlexibleTimeWindow: object;
  readonly State: string;
  readonly Target: {
    readonly Arn: string;
    readonly RoleArn: string;
    readonly Input: string;
    readonly RetryPolicy?: object;
  };
}

const POLL_PAUSE_MS = 100;
const END_TIMEOUT_MS = 60_000;

/**
 * What `aws cloudformation deploy` does: a change set, made and carried out, for a new stack or one that
 * is there. Throws with the events of the stack when it does not end well.
 */
export async function deployStack(
  endpoint: string,
  { stackName, template, parameters = {} }: DeployOptions,
): Promise<DeployedStack> {
  const client = new CloudFormationClient(localClientConfig(endpoint));
  const names = { StackName: stackName, ChangeSetName: `deploy-${Date.now()}` };
  const before = await find(client, stackName);
  const isThere = before !== null;
  // The command keeps what it is not given.
  const kept = (before?.Parameters ?? []).filter(
    ({ ParameterKey: key = '' }) => !(key in parameters),
  );
  await client.send(
    new CreateChangeSetCommand({
      ...names,
      ChangeSetType: isThere ? 'UPDATE' : 'CREATE',
      TemplateBody: template,
      Capabilities: ['CAPABILITY_IAM'],
      Parameters: [
        ...Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
          ParameterKey,
          ParameterValue,
        })),
        ...kept.map(({ ParameterKey }) => ({ ParameterKey, UsePreviousValue: true })),
      ],
    }),
  );
  const made = await until(
    async () => await client.send(new DescribeChangeSetCommand(names)),
    ({ Status: status = '' }) => !/PENDING|IN_PROGRESS/.test(status),
  );
  if (made.Status !== 'CREATE_COMPLETE') {
    throw new Error(`the change set of ${stackName}: ${made.Status} ${made.StatusReason}`);
  }
  await client.send(new ExecuteChangeSetCommand(names));
  const status = await until(
    async () => (await find(client, stackName))?.StackStatus ?? '',
    (text) => !/IN_PROGRESS$|^$/.test(text),
  );
  if (status !== (isThere ? 'UPDATE_COMPLETE' : 'CREATE_COMPLETE')) {
    throw new Error(`${stackName}: ${status}\n${await eventsOf(client, stackName)}`);
  }
  return await describe(client, stackName);
}

/** Makes a bucket. */
export async function createBucket(endpoint: string, bucket: string): Promise<void> {
  await s3(endpoint).send(
    new CreateBucketCommand({
      Bucket: bucket,
      CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' },
    }),
  );
}

/** Puts an object into a bucket, and answers how many bytes the bucket says it has. */
export async function uploadObject(
  endpoint: string,
  place: { readonly bucket: string; readonly key: string },
  content: Uint8Array,
): Promise<number> {
  const object = { Bucket: place.bucket, Key: place.key };
  await s3(endpoint).send(new PutObjectCommand({ ...object, Body: content }));
  const { ContentLength: length = 0 } = await s3(endpoint).send(new HeadObjectCommand(object));
  return length;
}

/** A schedule of the default group. */
export async function getSchedule(endpoint: string, name: string): Promise<StoredSchedule> {
  return (await callScheduler(endpoint, 'GET', name)) as StoredSchedule;
}

/**
 * Gives the target of a schedule to another one that is due now. The engine looks at its schedules every
 * ten seconds.
 */
export async function runTargetNow(
  endpoint: string,
  name: string,
  { Target }: StoredSchedule,
): Promise<void> {
  const now = new Date().toISOString().slice(0, 19);
  await callScheduler(endpoint, 'POST', name, {
    ScheduleExpression: `at(${now})`,
    FlexibleTimeWindow: { Mode: 'OFF' },
    ActionAfterCompletion: 'DELETE',
    Target,
  });
}

// ---------------------------------------------------------------------------------------------------

async function describe(client: CloudFormationClient, StackName: string): Promise<DeployedStack> {
  const stack = await find(client, StackName);
  const resources: StackResource[] = [];
  for await (const page of paginateListStackResources({ client }, { StackName })) {
    for (const resource of page.StackResourceSummaries ?? []) {
      resources.push({
        logicalId: resource.LogicalResourceId ?? '',
        physicalId: resource.PhysicalResourceId ?? '',
        type: resource.ResourceType ?? '',
        status: resource.ResourceStatus ?? '',
      });
    }
  }
  const outputs = (stack?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [
    OutputKey,
    OutputValue,
  ]);
  return { status: stack?.StackStatus ?? '', outputs: Object.fromEntries(outputs), resources };
}

/** Null when there is no such stack. */
async function find(client: CloudFormationClient, StackName: string): Promise<Stack | null> {
  try {
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName }));
    return stack ?? null;
  } catch (error) {
    if (error instanceof Error && error.message.includes('does not exist')) return null;
    throw error;
  }
}

async function eventsOf(client: CloudFormationClient, StackName: string): Promise<string> {
  const { StackEvents: events = [] } = await client.send(
    new DescribeStackEventsCommand({ StackName }),
  );
  return events
    .toReversed()
    .map((event) => {
      const { LogicalResourceId, ResourceType, ResourceStatus, ResourceStatusReason = '' } = event;
      return `${LogicalResourceId} ${ResourceType} ${ResourceStatus} ${ResourceStatusReason}`;
    })
    .join('\n');
}

async function until<T>(ask: () => Promise<T>, isOver: (value: T) => boolean): Promise<T> {
  const deadline = performance.now() + END_TIMEOUT_MS;
  for (;;) {
    const value = await ask();
    if (isOver(value)) return value;
    if (performance.now() > deadline) throw new Error(`not within ${END_TIMEOUT_MS} ms`);
    await delay(POLL_PAUSE_MS);
  }
}

function s3(endpoint: string): S3Client {
  // A name such as bucket.127.0.0.1 resolves nowhere.
  return new S3Client({ ...localClientConfig(endpoint), forcePathStyle: true });
}

/** The engine tells services apart by the scope of the signature, which it does not check. */
async function callScheduler(
  endpoint: string,
  method: 'GET' | 'POST',
  name: string,
  body?: object,
): Promise<unknown> {
  const { region, credentials } = localClientConfig(endpoint);
  const scope = `${credentials.accessKeyId}/20260101/${region}/scheduler/aws4_request`;
  const response = await fetch(`${endpoint}/schedules/${name}`, {
    method,
    headers: {
      'Content-Type': 'application/json',
      Authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} schedule ${name}: ${response.status} ${text}`);
  return JSON.parse(text);
}
