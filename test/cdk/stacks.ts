/** Stacks with the construct in them, and what the tests read of their templates. */
import { App, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Alarm, CompositeAlarm, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { type IVpc, SecurityGroup, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Code, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { ModelRollback, type ModelRollbackProps } from '../../src/cdk/index.ts';

export const account = '123456789012';
export const region = 'eu-west-1';
export const home: StackProps = { env: { account, region } };

export const requiredProps: ModelRollbackProps = {
  mlflowTrackingUri: 'https://mlflow.example.com',
  // The bundle is not built when these tests are tried alone.
  code: Code.fromInline('exports.handler = async () => {};'),
  companionCode: Code.fromInline('exports.handler = async () => {};'),
};

export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DependsOn?: readonly string[];
  readonly DeletionPolicy?: string;
}

export function makeStack(props: StackProps = home, app: App = new App()): Stack {
  return new Stack(app, 'Production', props);
}

export function makeRollback(
  props: Partial<ModelRollbackProps> = {},
  stack: Stack = makeStack(),
): { readonly rollback: ModelRollback; readonly stack: Stack } {
  const rollback = new ModelRollback(stack, 'Rollback', { ...requiredProps, ...props });
  return { rollback, stack };
}

export function makeAlarm(stack: Stack, id = 'Drawdown', alarmName?: string): Alarm {
  return new Alarm(stack, id, {
    metric: new Metric({ namespace: 'Trading/Live', metricName: 'Drawdown' }),
    threshold: 0.2,
    evaluationPeriods: 3,
    ...(alarmName === undefined ? {} : { alarmName }),
  });
}

export function makeComposite(stack: Stack): CompositeAlarm {
  return new CompositeAlarm(stack, 'Unhealthy', { alarmRule: makeAlarm(stack, 'Child') });
}

/** Everything switched on. */
export function makeWhole(stack: Stack): ModelRollback {
  // The CDK's own classes do not fit its interfaces under exactOptionalPropertyTypes.
  const vpc = new Vpc(stack, 'Network', {
    maxAzs: 2,
    natGateways: 0,
    subnetConfiguration: [{ name: 'private', subnetType: SubnetType.PRIVATE_ISOLATED }],
  }) as IVpc;
  const rollback = new ModelRollback(stack, 'Rollback', {
    ...requiredProps,
    mlflowRegistryUri: 'https://registry.example.com',
    mlflowWorkspace: 'team-a',
    credentials: Secret.fromSecretAttributes(stack, 'Login', {
      secretCompleteArn: `arn:aws:secretsmanager:${region}:${account}:secret:mlflow-AbCdEf`,
      encryptionKey: Key.fromKeyArn(
        stack,
        'LoginKey',
        `arn:aws:kms:${region}:${account}:key/00000000-0000-4000-8000-000000000001`,
      ),
    }),
    slack: channelSecret(stack, 'Slack'),
    teams: channelSecret(stack, 'Teams'),
    pagerDuty: channelSecret(stack, 'PagerDuty'),
    pagerDutyUrl: 'https://events.eu.pagerduty.com/v2/enqueue',
    eventBus: new EventBus(stack, 'Events'),
    webhookUrl: 'https://hooks.example.com/rollbacks',
    webhookSecret: channelSecret(stack, 'Webhook'),
    smokeCheck: LambdaFunction.fromFunctionArn(stack, 'SmokeCheck', calledArn('smoke-check:live')),
    reload: LambdaFunction.fromFunctionArn(stack, 'Reload', calledArn('reload')),
    targetMaxAge: Duration.days(90),
    compareFunction: true,
    promoteFunction: true,
    promotionEvidence: Duration.days(7),
    httpSecret: channelSecret(stack, 'HttpSecret'),
    vpc,
    securityGroups: [new SecurityGroup(stack, 'Group', { vpc, allowAllOutbound: true })],
    alarmNamePrefix: 'models-',
    modelsByAlarm: { 'churn-*': 'churn-scorer' },
    reservedConcurrency: 20,
    tracing: true,
  });
  rollback.addAlarm(makeAlarm(stack, 'Drawdown', 'models-drawdown'), { model: 'PascalStrategy' });
  rollback.addEventRule({ alarmNamePrefix: 'models-' });
  return rollback;
}

function calledArn(name: string): string {
  return `arn:aws:lambda:${region}:${account}:function:${name}`;
}

/** All of them have one key. */
function channelSecret(stack: Stack, id: string): ISecret {
  const keyArn = `arn:aws:kms:${region}:${account}:key/00000000-0000-4000-8000-000000000002`;
  return Secret.fromSecretAttributes(stack, id, {
    secretCompleteArn: `arn:aws:secretsmanager:${region}:${account}:secret:${id}-AbCdEf`,
    encryptionKey: Key.fromKeyArn(stack, `${id}Key`, keyArn),
  });
}

export function resourcesOf(stack: Stack, type: string): Readonly<Record<string, Resource>> {
  return Template.fromStack(stack).findResources(type) as Record<string, Resource>;
}

/** The only resource of a type, or the only one whose logical id has the text in it. */
export function theOnly(stack: Stack, type: string, part = ''): Resource {
  const all = Object.entries(resourcesOf(stack, type)).filter(([id]) => id.includes(part));
  const [first] = all;
  if (first === undefined || all.length !== 1) {
    throw new Error(`${all.length} resources of type ${type} with "${part}"`);
  }
  return first[1];
}

/** References as one text: `<Id.Arn>`, `<Id>`. */
export function flat(value: unknown): string {
  if (typeof value === 'string') return value;
  const node = value as {
    readonly Ref?: string;
    readonly 'Fn::GetAtt'?: readonly string[];
    readonly 'Fn::Join'?: readonly [string, readonly unknown[]];
  };
  if (node.Ref !== undefined) return `<${node.Ref}>`;
  if (node['Fn::GetAtt'] !== undefined) return `<${node['Fn::GetAtt'].join('.')}>`;
  const [delimiter, parts] = node['Fn::Join'] ?? ['', [JSON.stringify(value)]];
  return parts.map(flat).join(delimiter);
}

export interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Principal?: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export function statementsOf(resource: Resource, field = 'PolicyDocument'): readonly Statement[] {
  const document = resource.Properties[field] as { readonly Statement: readonly Statement[] };
  return document.Statement;
}

/** The variables of the function that rolls back, or of another one below the construct. */
export function environmentOf(
  stack: Stack,
  id = 'RollbackFunction',
): Readonly<Record<string, unknown>> {
  const { Properties } = theOnly(stack, 'AWS::Lambda::Function', id);
  return (Properties['Environment'] as { Variables: Record<string, unknown> }).Variables;
}
