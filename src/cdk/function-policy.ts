import { tableShape } from '../domain/record/table-shape.ts';

/** What the function may do, as data: for the role, for other tools, and for the test against its calls. */
export interface PolicyEntry {
  readonly sid: string;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /** As in a policy document: values by key, by operator. */
  readonly conditions?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** ARNs of what the function uses; what is left out is not used. */
export interface PolicyResources {
  readonly table: string;
  /** Key of a customer that the table is encrypted with. */
  readonly tableKey?: string | undefined;
  readonly topic: string;
  readonly topicRegion: string;
  /** Key of a customer that the topic is encrypted with. */
  readonly topicKey?: string | undefined;
  readonly secret?: string | undefined;
  /** Key of a customer that the secret is encrypted with. */
  readonly secretKey?: string | undefined;
  /** With a wildcard for the name. */
  readonly alarms: string;
  /** With `:*`. */
  readonly logGroup: string;
  readonly deadLetters: string;
  readonly region: string;
  readonly isInVpc?: boolean;
  readonly isTraced?: boolean;
}

/**
 * The rights that the function needs, and none to spare. Transactions have no action of their own: each
 * of their writes is a PutItem.
 */
export function functionPolicy(resources: PolicyResources): readonly PolicyEntry[] {
  const { table, topic, alarms, logGroup, deadLetters } = resources;
  return [
    // The query on the table itself reads the live log of one model.
    allow('State', ['dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:Query'], table),
    allow(
      'Sweep',
      ['dynamodb:Query'],
      ...[tableShape.due, tableShape.byTime, tableShape.byTimeSharded].map(
        ({ name }) => `${table}/index/${name}`,
      ),
    ),
    allow('Notices', ['sns:Publish'], topic),
    // CloudWatch shows composite alarms, and their history, only to those who may read all alarms.
    allow(
      'Alarms',
      [
        'cloudwatch:DescribeAlarms',
        'cloudwatch:DescribeAlarmContributors',
        'cloudwatch:DescribeAlarmHistory',
      ],
      '*',
    ),
    allow('AlarmTags', ['cloudwatch:ListTagsForResource'], alarms),
    allow('Logs', ['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup),
    allow('DeadLetters', ['sqs:SendMessage'], deadLetters),
    ...credentialEntries(resources),
    ...keyEntries(resources),
    ...serviceEntries(resources),
  ];
}

// ---------------------------------------------------------------------------------------------------

function allow(
  sid: string,
  actions: readonly string[],
  ...resources: readonly string[]
): PolicyEntry {
  return { sid, actions, resources };
}

function credentialEntries({ secret }: PolicyResources): readonly PolicyEntry[] {
  return secret === undefined
    ? []
    : [allow('Credentials', ['secretsmanager:GetSecretValue'], secret)];
}

/** A key is used through its service only: nobody decrypts anything else with it. */
function keyEntries(resources: PolicyResources): readonly PolicyEntry[] {
  const { region, topicRegion, topicKey, secretKey, tableKey } = resources;
  const uses = [
    {
      sid: 'NoticesKey',
      key: topicKey,
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      service: `sns.${topicRegion}`,
    },
    {
      sid: 'CredentialsKey',
      key: secretKey,
      actions: ['kms:Decrypt'],
      service: `secretsmanager.${region}`,
    },
    {
      sid: 'StateKey',
      key: tableKey,
      // What the documentation of DynamoDB asks of those who read and write under such a key.
      actions: [
        'kms:Decrypt',
        'kms:DescribeKey',
        'kms:Encrypt',
        'kms:GenerateDataKey',
        'kms:ReEncryptFrom',
        'kms:ReEncryptTo',
      ],
      service: `dynamodb.${region}`,
    },
  ];
  return uses.flatMap(({ sid, key, actions, service }) =>
    key === undefined
      ? []
      : [
          {
            ...allow(sid, actions, key),
            conditions: { StringEquals: { 'kms:ViaService': `${service}.amazonaws.com` } },
          },
        ],
  );
}

/** What Lambda itself does with the role; AWS has no narrower resource for these. */
function serviceEntries({ isInVpc, isTraced }: PolicyResources): readonly PolicyEntry[] {
  const network = allow(
    'Network',
    [
      'ec2:AssignPrivateIpAddresses',
      'ec2:CreateNetworkInterface',
      'ec2:DeleteNetworkInterface',
      'ec2:DescribeNetworkInterfaces',
      'ec2:DescribeSubnets',
      'ec2:UnassignPrivateIpAddresses',
    ],
    '*',
  );
  const traces = allow('Traces', ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'], '*');
  return [...(isInVpc ? [network] : []), ...(isTraced ? [traces] : [])];
}
