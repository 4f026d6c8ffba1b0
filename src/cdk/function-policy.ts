import { tableShape } from '../domain/record/table-shape.ts';
import { sageMakerActions, sageMakerAppAction } from '../domain/registry/sagemaker-actions.ts';

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
  /** MLflow in SageMaker: a tracking server, an App, or either where it is known only at deployment. */
  readonly registry?: string | undefined;
  /** The role that may use it, in place of the function's own. */
  readonly registryRole?: string | undefined;
  /** Secrets and bus of further channels. */
  readonly slackSecret?: string | undefined;
  readonly teamsSecret?: string | undefined;
  readonly pagerDutySecret?: string | undefined;
  readonly webhookSecret?: string | undefined;
  readonly eventBus?: string | undefined;
  /** Functions that are called before and after a move. */
  readonly smokeCheck?: string | undefined;
  readonly reload?: string | undefined;
  /** Keys of a customer that these secrets are encrypted with. */
  readonly channelKeys?: readonly string[];
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
    ...registryEntries(resources),
    ...channelEntries(resources),
    ...keyEntries(resources),
    ...serviceEntries(resources),
  ];
}

/** True for an entry that a further channel, or a hook, calls for: these are a policy of their own. */
export function isOfChannels({ sid }: PolicyEntry): boolean {
  return channelSids.has(sid);
}

/** True for an entry about MLflow in SageMaker: these are a policy of their own too. */
export function isOfRegistry({ sid }: PolicyEntry): boolean {
  return sid === 'Registry' || sid === 'RegistryRole';
}

// ---------------------------------------------------------------------------------------------------

const channelSids: ReadonlySet<string> = new Set([
  ...['Slack', 'Teams', 'PagerDuty', 'Webhook', 'EventBus'],
  ...['SmokeCheck', 'Reload', 'ChannelsKey'],
]);

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

function registryEntries({ registry, registryRole }: PolicyResources): readonly PolicyEntry[] {
  const isServer = registry?.includes(':mlflow-tracking-server/') === true;
  const actions = [...(isServer ? [] : [sageMakerAppAction]), ...Object.values(sageMakerActions)];
  return [
    ...(registry === undefined ? [] : [allow('Registry', actions, registry)]),
    ...(registryRole === undefined
      ? []
      : [allow('RegistryRole', ['sts:AssumeRole'], registryRole)]),
  ];
}

/** An entry for each channel and hook, so that a template can leave out each by itself. */
function channelEntries(resources: PolicyResources): readonly PolicyEntry[] {
  const { slackSecret, teamsSecret, pagerDutySecret, webhookSecret, eventBus } = resources;
  const { smokeCheck, reload } = resources;
  const reads = ['secretsmanager:GetSecretValue'];
  const entries: readonly (readonly [string, readonly string[], string | undefined])[] = [
    ['Slack', reads, slackSecret],
    ['Teams', reads, teamsSecret],
    ['PagerDuty', reads, pagerDutySecret],
    ['Webhook', reads, webhookSecret],
    ['EventBus', ['events:PutEvents'], eventBus],
    ['SmokeCheck', ['lambda:InvokeFunction'], smokeCheck],
    ['Reload', ['lambda:InvokeFunction'], reload],
  ];
  return entries.flatMap(([sid, actions, resource]) =>
    resource === undefined ? [] : [allow(sid, actions, resource)],
  );
}

/** A key is used through its service only: nobody decrypts anything else with it. */
function keyEntries(resources: PolicyResources): readonly PolicyEntry[] {
  const { region, topicRegion, topicKey, secretKey, tableKey, channelKeys = [] } = resources;
  const uses = [
    {
      sid: 'NoticesKey',
      keys: [topicKey],
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      service: `sns.${topicRegion}`,
    },
    {
      sid: 'CredentialsKey',
      keys: [secretKey],
      actions: ['kms:Decrypt'],
      service: `secretsmanager.${region}`,
    },
    {
      sid: 'ChannelsKey',
      keys: channelKeys,
      actions: ['kms:Decrypt'],
      service: `secretsmanager.${region}`,
    },
    {
      sid: 'StateKey',
      keys: [tableKey],
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
  return uses.flatMap(({ sid, keys, actions, service }) => {
    const used = keys.filter((key) => key !== undefined);
    if (used.length === 0) return [];
    const conditions = { StringEquals: { 'kms:ViaService': `${service}.amazonaws.com` } };
    return [{ ...allow(sid, actions, ...used), conditions }];
  });
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
