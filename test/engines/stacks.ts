/** CloudFormation stacks in MiniStack, the object that their code is in, and their schedules. */
import {
  CloudFormationClient,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  paginateListStackResources,
} from '@aws-sdk/client-cloudformation';
import { HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { localClientConfig } from './aws.ts';

export interface StackResource {
  readonly logicalId: string;
  readonly physicalId: string;
  readonly type: string;
  readonly status: string;
}

export interface DeployedStack {
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

/** A stack that is there; throws, with its events, when it did not end well. */
export async function describeStack(endpoint: string, StackName: string): Promise<DeployedStack> {
  const client = new CloudFormationClient(localClientConfig(endpoint));
  const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName }));
  if (!/^(CREATE|UPDATE)_COMPLETE$/.test(stack?.StackStatus ?? '')) {
    throw new Error(`${StackName}: ${stack?.StackStatus}\n${await eventsOf(client, StackName)}`);
  }
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
  return { outputs: Object.fromEntries(outputs), resources };
}

/** How many bytes an object has, as its bucket says. */
export async function objectSize(endpoint: string, bucket: string, key: string): Promise<number> {
  // A name such as bucket.127.0.0.1 resolves nowhere.
  const s3 = new S3Client({ ...localClientConfig(endpoint), forcePathStyle: true });
  const { ContentLength: length = 0 } = await s3.send(
    new HeadObjectCommand({ Bucket: bucket, Key: key }),
  );
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

/** The engine tells services apart by the scope of the signature, which it does not check. */
export async function callScheduler(
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
