/** The parameters of the CloudFormation template; the settings among them have the function's defaults. */
import type { CfnParameter, CfnParameterProps } from 'aws-cdk-lib';

const groups = {
  'The model registry': [
    'MlflowTrackingUri',
    'MlflowRegistryUri',
    'MlflowWorkspace',
    'MlflowServerArn',
    'MlflowRoleArn',
    'CredentialsSecretArn',
    'CredentialsKeyArn',
  ],
  'The code of the function': ['CodeBucket', 'CodeKey'],
  'State and notices': ['StateTableName', 'TopicArn', 'TopicKeyArn', 'SnsFormat'],
  'Further channels of notices': [
    'SlackSecretArn',
    'TeamsSecretArn',
    'PagerDutySecretArn',
    'PagerDutyUrl',
    'EventBusArn',
    'WebhookUrl',
    'WebhookSecretArn',
    'ChannelsKeyArn',
  ],
  'Checks of the target, and hooks': [
    'TargetMaxAge',
    'SmokeCheckFunctionArn',
    'SmokeCheckUrl',
    'ReloadFunctionArn',
    'ReloadUrl',
  ],
  'What alarms may do': [
    'AlarmNamePrefix',
    'Mode',
    'CooldownHours',
    'Pointer',
    'ModelPointers',
    'TargetRule',
    'Budget',
    'BlastRadius',
    'CauseCheck',
    'PendingActMinutes',
    'BakeMinutes',
    'ObserveMinutes',
    'EventAgeMaxMinutes',
    'AlarmAgeMinMinutes',
    'ModelDimension',
    'AlarmModels',
    'AllowedAccounts',
  ],
  'The function': [
    'SubnetIds',
    'SecurityGroupIds',
    'ReservedConcurrency',
    'LogRetentionDays',
    'WriteHorizonSeconds',
  ],
} as const;

/** Only of the template with the companions. */
const companionGroups = {
  'Comparisons and promotions': ['Compare', 'Promote', 'PromotionEvidence'],
  'Alerts, webhooks and requests by HTTP': ['HttpSecretArn', 'HttpSecretKeyArn'],
  'The code of these functions': ['CompanionsCodeKey'],
} as const;

type ParameterName = (typeof groups)[keyof typeof groups][number];
type CompanionParameterName = (typeof companionGroups)[keyof typeof companionGroups][number];
export type Parameters = Readonly<Record<ParameterName, CfnParameter>>;
export type CompanionParameters = Readonly<Record<CompanionParameterName, CfnParameter>>;
type Make = (name: string, props: CfnParameterProps) => CfnParameter;

/** How the console shows them. */
export function parameterGroups({ hasCompanions }: { readonly hasCompanions: boolean }): object {
  const shown = { ...groups, ...(hasCompanions ? companionGroups : {}) };
  return {
    ParameterGroups: Object.entries(shown).map(([label, names]) => ({
      Label: { default: label },
      Parameters: names,
    })),
  };
}

export function templateParameters(version: string, make: Make): Parameters {
  return made(propsByName(version), make);
}

export function companionParameters(version: string, make: Make): CompanionParameters {
  return made(companionProps(version), make);
}

// ---------------------------------------------------------------------------------------------------

function made<Name extends string>(
  props: Readonly<Record<Name, CfnParameterProps>>,
  make: Make,
): Readonly<Record<Name, CfnParameter>> {
  const entries = Object.entries<CfnParameterProps>(props).map(([name, one]) => {
    return [name, make(name, one)] as const;
  });
  return Object.fromEntries(entries) as Record<Name, CfnParameter>;
}

const arnOf = (service: string, rest: string): string =>
  `^(arn:aws[a-z-]*:${service}:[a-z0-9-]+:[0-9]{12}:${rest})?$`;
const sageMakerArn =
  'arn:aws(-us-gov)?:sagemaker:[a-z0-9-]+:[0-9]{12}:mlflow-(tracking-server|app)/[A-Za-z0-9][A-Za-z0-9_-]*';
/**
 * A count, and a time of more than nothing and at most 90 days: what the function reads, without its odd
 * forms. No lookahead, which the regular expressions of Terraform lack.
 */
const rateOf = (count: string): string =>
  `^(off|${count}/([1-9][0-9]{0,4}m|[0-9]{1,4}${decimals}m|([1-9][0-9]{0,2}|1[0-9]{3})h|` +
  `[0-9]{1,3}${decimals}h|([1-9]|[1-8][0-9]|90)d|[1-8]?[0-9]${decimals}d))$`;
const decimals = '[.][0-9]?[1-9]';
/** What MLflow reserves, in upper and lower case. The Terraform module has a check of its own for it. */
const reservedAlias = '([Ll][Aa][Tt][Ee][Ss][Tt]|[Vv][0-9]+)';
const retentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
  3653,
];

function propsByName(version: string): Record<ParameterName, CfnParameterProps> {
  return {
    MlflowTrackingUri: {
      description:
        'Address of the MLflow server, with its path prefix and without a login, or the ARN of MLflow in SageMaker.',
      allowedPattern: `^(https?://[^@?#\\s]+|${sageMakerArn})$`,
      constraintDescription:
        'must be http or https, without a login, ? and #, or the ARN of a tracking server or an App',
    },
    MlflowRegistryUri: {
      description: 'Address of the registry, where it is another server.',
      default: '',
      allowedPattern: `^(https?://[^@?#\\s]+|${sageMakerArn})?$`,
      constraintDescription:
        'must be http or https, without a login, ? and #, or the ARN of a tracking server or an App',
    },
    MlflowWorkspace: {
      description: 'Workspace of the registered models, for MLflow 3.10 and later.',
      default: '',
      allowedPattern: '^([a-z0-9](-?[a-z0-9])*)?$',
      constraintDescription: 'must be lower-case letters, digits and single hyphens',
    },
    MlflowServerArn: {
      description:
        'ARN of MLflow in SageMaker that the function may use; the same as in MlflowTrackingUri. Blank: none.',
      default: '',
      allowedPattern: `^(${sageMakerArn})?$`,
      constraintDescription: 'must be the ARN of a tracking server or an App of SageMaker',
    },
    MlflowRoleArn: {
      description: 'Role to assume for MLflow in SageMaker; blank: the function has the rights.',
      default: '',
      allowedPattern: '^(arn:aws(-us-gov)?:iam::[0-9]{12}:role/.+)?$',
      constraintDescription: 'must be the ARN of a role',
    },
    CredentialsSecretArn: {
      description: 'Secret with the login of MLflow, {"username", "password"} or {"token"}.',
      default: '',
      allowedPattern: arnOf('secretsmanager', 'secret:.+'),
      constraintDescription: 'must be the whole ARN of a secret',
    },
    CredentialsKeyArn: {
      description: 'Customer key that this secret is encrypted with; blank for the key of AWS.',
      default: '',
      allowedPattern: arnOf('kms', 'key/.+'),
      constraintDescription: 'must be the ARN of a key',
    },
    CodeBucket: {
      description: 'Bucket of this region that model-rollback.zip was copied to.',
      allowedPattern: '^[a-z0-9.-]{3,63}$',
      constraintDescription: 'must be the name of a bucket, without s3://',
    },
    CodeKey: {
      description:
        'Key of that object. Another version needs another key, else nothing is updated.',
      default: `model-rollback-${version}.zip`,
      minLength: 1,
    },
    StateTableName: {
      description: 'An existing state table; blank: one is created, and kept.',
      default: '',
      allowedPattern: '^([A-Za-z0-9_.-]{3,255})?$',
    },
    TopicArn: {
      description: 'A standard topic for notices; blank: one is created.',
      default: '',
      allowedPattern: arnOf('sns', '[A-Za-z0-9_-]+'),
      constraintDescription: 'must be the ARN of a standard topic, not FIFO',
    },
    TopicKeyArn: {
      description: 'Customer key that this topic is encrypted with.',
      default: '',
      allowedPattern: arnOf('kms', 'key/.+'),
      constraintDescription: 'must be the ARN of a key',
    },
    SnsFormat: {
      description:
        'Messages of the topic: json; chat: for Amazon Q Developer in chat applications.',
      default: 'json',
      allowedValues: ['json', 'chat'],
    },
    ...channelProps(),
    ...hookProps(),
    ...alarmProps(),
    SubnetIds: {
      description: 'Subnets for an MLflow server in a private network, with commas; blank: none.',
      default: '',
      allowedPattern: '^(subnet-[0-9a-f]+(,subnet-[0-9a-f]+)*)?$',
    },
    SecurityGroupIds: {
      description: 'Security groups of the function in these subnets, with commas.',
      default: '',
      allowedPattern: '^(sg-[0-9a-f]+(,sg-[0-9a-f]+)*)?$',
    },
    ReservedConcurrency: {
      description: 'Copies of the function at once; 0 stops everything; blank: no limit.',
      default: '',
      allowedPattern: '^[0-9]{0,4}$',
    },
    LogRetentionDays: {
      type: 'Number',
      description: 'Days that the logs are kept.',
      // The CDK takes allowed values as texts, and the default has to be one of them.
      default: '90',
      allowedValues: retentionDays.map(String),
    },
    WriteHorizonSeconds: {
      description: 'The longest time in which a sent write may still take effect.',
      default: '60',
      // No number: those of CloudFormation may have decimals.
      allowedPattern: '^([1-9]|[1-9][0-9]|[1-8][0-9]{2}|900)$',
      constraintDescription: 'must be a whole number from 1 to 900',
    },
  };
}

type ChannelParameterName = (typeof groups)['Further channels of notices'][number];

function address(description: string): CfnParameterProps {
  return {
    description,
    default: '',
    allowedPattern: '^(https://[^@\\s]+)?$',
    constraintDescription: 'must be https, without a login',
  };
}

function channelProps(): Record<ChannelParameterName, CfnParameterProps> {
  const secret = (what: string) => ({
    description: `Secret with the ${what}, as plain text; blank: none.`,
    default: '',
    allowedPattern: arnOf('secretsmanager', 'secret:.+'),
    constraintDescription: 'must be the ARN of a secret',
  });
  return {
    SlackSecretArn: secret('address of an incoming webhook of Slack'),
    TeamsSecretArn: secret('address of an incoming webhook of Microsoft Teams'),
    PagerDutySecretArn: secret('integration key of a service in PagerDuty'),
    PagerDutyUrl: address('Address of the Events API v2 in another region of PagerDuty.'),
    EventBusArn: {
      description: 'Event bus that gets an event for each notice; blank: none.',
      default: '',
      allowedPattern: arnOf('events', 'event-bus/[/._A-Za-z0-9-]+'),
      constraintDescription: 'must be the ARN of an event bus',
    },
    WebhookUrl: address('Address of a server that gets signed notices; blank: none.'),
    WebhookSecretArn: secret('key that signs them, and calls of hooks'),
    ChannelsKeyArn: {
      description: 'Customer key that the secrets of the channels are encrypted with.',
      default: '',
      allowedPattern: arnOf('kms', 'key/.+'),
      constraintDescription: 'must be the ARN of a key',
    },
  };
}

type HookParameterName = (typeof groups)['Checks of the target, and hooks'][number];

function hookProps(): Record<HookParameterName, CfnParameterProps> {
  const called = (description: string) => ({
    description,
    default: '',
    allowedPattern: arnOf('lambda', 'function:[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)?'),
    constraintDescription: 'must be the ARN of a function',
  });
  return {
    TargetMaxAge: {
      description: 'A version that was created longer ago is refused as target; or off.',
      default: 'off',
      allowedPattern: '^(off|[1-9][0-9]{0,3}[hd])$',
      constraintDescription: 'must be off, or a time such as 90d or 12h',
    },
    SmokeCheckFunctionArn: called('Function that says before a move whether the target works.'),
    SmokeCheckUrl: address('In place of it: an https address. It stands in the settings.'),
    ReloadFunctionArn: called('Function that makes servers reload after a move.'),
    ReloadUrl: address('In place of it: an https address. It stands in the settings.'),
  };
}

function companionProps(version: string): Record<CompanionParameterName, CfnParameterProps> {
  const onOrOff = (description: string) => ({
    description,
    default: 'off',
    allowedValues: ['on', 'off'],
  });
  return {
    Compare: onOrOff('Whether there is a function that compares two versions.'),
    Promote: onOrOff('Whether there is a function that promotes a version.'),
    PromotionEvidence: {
      description:
        'A promotion requires a comparison that says PROMOTE and is no older, such as 7d; or off.',
      default: 'off',
      allowedPattern: '^(off|[1-9][0-9]{0,3}[hd])$',
      constraintDescription: 'must be off, or a time such as 7d or 12h',
    },
    HttpSecretArn: {
      description:
        'Secret of the function that answers HTTP, with its tokens; blank: no such function.',
      default: '',
      allowedPattern: arnOf('secretsmanager', 'secret:.+'),
      constraintDescription: 'must be the whole ARN of a secret',
    },
    HttpSecretKeyArn: {
      description: 'Customer key that this secret is encrypted with; blank for the key of AWS.',
      default: '',
      allowedPattern: arnOf('kms', 'key/.+'),
      constraintDescription: 'must be the ARN of a key',
    },
    CompanionsCodeKey: {
      description: 'Key of model-rollback-companions.zip, the code of these functions.',
      default: `model-rollback-companions-${version}.zip`,
      minLength: 1,
    },
  };
}

type AlarmParameterName = (typeof groups)['What alarms may do'][number];

function alarmProps(): Record<AlarmParameterName, CfnParameterProps> {
  const minutes = (description: string, byDefault: number, maxValue = 10_080) => ({
    type: 'Number',
    description,
    default: byDefault,
    minValue: 0,
    maxValue,
  });
  return {
    AlarmNamePrefix: {
      description:
        'Alarms whose name begins with this may call the function; blank: all of the account.',
      default: '',
      allowedPattern: '^[^*?]*$',
      constraintDescription: 'must be the beginning of a name, without * and ?',
    },
    Mode: {
      description: 'What an alarm does; observe only reports what it would have done.',
      default: 'act',
      allowedValues: ['act', 'ask', 'observe'],
    },
    CooldownHours: {
      type: 'Number',
      description: 'Minimum hours between two rollbacks of one model; 0 switches it off.',
      default: 24,
      minValue: 0,
      maxValue: 8760,
    },
    Pointer: {
      description: 'What names the live version: stage:Production, or alias:NAME.',
      default: 'stage:Production',
      allowedPattern: `^(stage:Production|alias:(?!${reservedAlias}$)[A-Za-z0-9_-]{1,255})$`,
      constraintDescription:
        'must be stage:Production or alias:NAME; an alias holds letters, digits, _ and -, ' +
        'and is neither latest nor like v3',
    },
    ModelPointers: {
      description: 'Pointers of single models: JSON, by model name or prefix*.',
      default: '{}',
      allowedPattern: '^\\{[\\s\\S]*\\}$',
    },
    TargetRule: {
      description: 'How the version to restore is chosen.',
      default: 'last-good',
      allowedValues: ['last-good', 'latest-archived'],
    },
    Budget: {
      description: 'Rollbacks of one model in a time, then it is paused; or off.',
      default: '3/7d',
      allowedPattern: rateOf('([1-9]|[1-4][0-9]|50)'),
      constraintDescription: 'must be off, or 1 to 50 in at most 90 days, such as 3/7d',
    },
    BlastRadius: {
      description: 'Models rolled back by alarms in a time, then all are paused; or off.',
      default: '5/30m',
      allowedPattern: rateOf('([1-9][0-9]?|100)'),
      constraintDescription: 'must be off, or 1 to 100 in at most 90 days, such as 5/30m',
    },
    CauseCheck: {
      description:
        'Whether an alarm is refused that was in ALARM before the live version went live.',
      default: 'on',
      allowedValues: ['on', 'off'],
    },
    PendingActMinutes: minutes('A refused alarm is tried again for this many minutes.', 60),
    BakeMinutes: minutes('The alarm is read again this many minutes after its rollback.', 15, 1440),
    ObserveMinutes: minutes(
      'How often the sweep reads what the pointers of all registered models name. 0 switches that off.',
      5,
      1440,
    ),
    EventAgeMaxMinutes: minutes('An older event acts only when its alarm is still in ALARM.', 60),
    AlarmAgeMinMinutes: minutes('Minimum age of the definition of an alarm that acts.', 0),
    ModelDimension: {
      description: 'Metric dimension that names the registered model.',
      default: 'ModelName',
      minLength: 1,
      maxLength: 255,
    },
    AlarmModels: {
      description: 'Models for alarms that name none: JSON, by alarm name or prefix*.',
      default: '{}',
      allowedPattern: '^\\{[\\s\\S]*\\}$',
    },
    AllowedAccounts: {
      description:
        'Other accounts whose alarms may act by a topic or queue, with commas between them.',
      default: '',
      allowedPattern: '^(\\d{12}(,\\d{12})*)?$',
    },
  };
}
