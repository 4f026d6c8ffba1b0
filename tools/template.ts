/**
 * The CloudFormation template for those who have no CDK: the construct, with parameters in place of props.
 * What a prop decides when the template is made is a condition here.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  App,
  Aws,
  CfnCondition,
  type CfnElement,
  CfnOutput,
  CfnParameter,
  CfnResource,
  CfnRule,
  DefaultStackSynthesizer,
  Duration,
  Fn,
  type ICfnConditionExpression,
  type ICfnRuleConditionExpression,
  type IStackSynthesizer,
  Stack,
  Validations,
} from 'aws-cdk-lib';
import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { type Policy, Role } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Code, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { IConstruct } from 'constructs';
import { ApprovalButton } from '../src/cdk/approval-button.ts';
import { functionPolicy } from '../src/cdk/function-policy.ts';
import { statementOf } from '../src/cdk/function-role.ts';
import { ModelRollback } from '../src/cdk/model-rollback.ts';
import type { ModelRollbackProps } from '../src/cdk/model-rollback-props.ts';
import { NoticeTopic } from '../src/cdk/notice-topic.ts';
import { StateTable } from '../src/cdk/state-table.ts';
import { type Parameters, parameterGroups, templateParameters } from './template-parameters.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

/** Ready for `aws cloudformation deploy`: no assets, no bootstrap. */
export function synthesizeTemplate(): JsonObject {
  const folder = mkdtempSync(join(tmpdir(), 'model-rollback-template-'));
  try {
    const app = new App({
      outdir: folder,
      analyticsReporting: false,
      // What the CDK's own check of templates finds is an error.
      context: { '@aws-cdk/core:validateAgainstDefaultRules': true },
    });
    const stack = new TemplateStack(app, stackName);
    return app.synth().getStackByName(stack.stackName).template as JsonObject;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// ---------------------------------------------------------------------------------------------------

const stackName = 'ModelRollback';
const constructId = 'Rollback';
const conditionsBySid: Readonly<Record<string, string>> = {
  Credentials: 'HasCredentials',
  CredentialsKey: 'HasCredentialsKey',
  NoticesKey: 'HasNoticesKey',
  Slack: 'HasSlack',
  Teams: 'HasTeams',
  PagerDuty: 'HasPagerDuty',
  Webhook: 'HasWebhook',
  EventBus: 'HasEventBus',
  SmokeCheck: 'HasSmokeCheck',
  Reload: 'HasReload',
  ChannelsKey: 'HasChannelsKey',
  Registry: 'HasMlflowServer',
  RegistryRole: 'HasMlflowRole',
  Network: 'IsInNetwork',
};

/** The check does not see that a parameter whose default is blank is not used where it is blank. */
const blankIsGuarded = (...rules: readonly string[]) =>
  rules.map((rule) => ({
    id: `CloudFormation-Validate::${rule}`,
    reason: 'A blank parameter is guarded by a condition.',
  }));

class TemplateStack extends Stack {
  constructor(app: App, id: string) {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    super(app, id, {
      description: `model-rollback ${version}: rolls MLflow models back when an alarm says so`,
      synthesizer: new DefaultStackSynthesizer({
        generateBootstrapVersionRule: false,
      }) as IStackSynthesizer,
    });
    const parameters = templateParameters(version, (name, props) => {
      return new CfnParameter(this, name, props);
    });
    this.templateOptions.metadata = { 'AWS::CloudFormation::Interface': parameterGroups };
    this.#requireTogether(parameters);
    const rollback = this.#makeRollback(parameters);
    this.#putIntoNetwork(rollback, parameters);
    this.#limitRights(rollback);
    this.#limitRegistry(rollback, parameters);
    Validations.of(this).acknowledge(...blankIsGuarded('W1001', 'W1030'), {
      id: 'CloudFormation-Validate::W2509',
      reason: 'The ARN of a secret is no password.',
    });
    Validations.of(rollback.function).acknowledge(...blankIsGuarded('F3031', 'E1150'));
    const isChat = this.#condition(
      'IsChat',
      Fn.conditionEquals(parameters.SnsFormat.valueAsString, 'chat'),
    );
    const { functionName } = rollback.function;
    const button = onlyIf(isChat, new ApprovalButton(rollback, 'ApprovalButton', functionName));
    const outputs = {
      FunctionName: rollback.function.functionName,
      FunctionArn: rollback.function.functionArn,
      StateTable: rollback.table.tableName,
      Topic: rollback.topic.topicArn,
      DeadLetterQueue: rollback.deadLetters.queueUrl,
    };
    for (const [name, value] of Object.entries(outputs)) {
      new CfnOutput(this, `${name}Output`, { value }).overrideLogicalId(name);
    }
    const value = button.attrCustomActionArn;
    new CfnOutput(this, 'ApprovalButtonOutput', { value, condition: isChat }).overrideLogicalId(
      'ApprovalButtonArn',
    );
  }

  /** Names that people can read, as this template has only one of each thing. */
  protected override allocateLogicalId(element: CfnElement): string {
    const ids = element.node.scopes.slice(2).map((scope) => scope.node.id);
    const silent = [constructId, 'Resource', 'Default'];
    return ids.filter((id) => !silent.includes(id)).join('');
  }

  /** CloudFormation checks these before it makes anything; AWS would refuse half of them at the end. */
  #requireTogether(parameters: Parameters): void {
    const { SubnetIds, SecurityGroupIds, TopicArn, TopicKeyArn } = parameters;
    const { CredentialsSecretArn, CredentialsKeyArn } = parameters;
    const rule = (id: string, assert: ICfnRuleConditionExpression, assertDescription: string) => {
      new CfnRule(this, id, { assertions: [{ assert, assertDescription }] });
    };
    rule(
      'NetworkIsWhole',
      Fn.conditionOr(
        Fn.conditionAnd(isSet(SubnetIds), isSet(SecurityGroupIds)),
        Fn.conditionAnd(isBlank(SubnetIds), isBlank(SecurityGroupIds)),
      ),
      'A function in a network needs SubnetIds and SecurityGroupIds: give both, or none.',
    );
    rule(
      'TopicKeyHasTopic',
      Fn.conditionOr(isBlank(TopicKeyArn), isSet(TopicArn)),
      'TopicKeyArn is the key of a topic of yours: give its TopicArn too.',
    );
    rule(
      'CredentialsKeyHasSecret',
      Fn.conditionOr(isBlank(CredentialsKeyArn), isSet(CredentialsSecretArn)),
      'CredentialsKeyArn is the key of a secret: give its CredentialsSecretArn too.',
    );
    const { SlackSecretArn, TeamsSecretArn, PagerDutySecretArn, PagerDutyUrl } = parameters;
    const { WebhookUrl, WebhookSecretArn, ChannelsKeyArn } = parameters;
    const channelSecrets = [SlackSecretArn, TeamsSecretArn, PagerDutySecretArn, WebhookSecretArn];
    rule(
      'WebhookUrlHasSecret',
      Fn.conditionOr(isBlank(WebhookUrl), isSet(WebhookSecretArn)),
      'Signed notices need a key: give WebhookSecretArn too.',
    );
    const { SmokeCheckFunctionArn, SmokeCheckUrl, ReloadFunctionArn, ReloadUrl } = parameters;
    for (const [id, arn, url] of [
      ['SmokeCheckIsOne', SmokeCheckFunctionArn, SmokeCheckUrl],
      ['ReloadIsOne', ReloadFunctionArn, ReloadUrl],
    ] as const) {
      const what = `A hook is a function or an address: give ${arn.logicalId} or ${url.logicalId}.`;
      rule(id, Fn.conditionOr(isBlank(arn), isBlank(url)), what);
    }
    rule(
      'PagerDutyUrlHasSecret',
      Fn.conditionOr(isBlank(PagerDutyUrl), isSet(PagerDutySecretArn)),
      'PagerDutyUrl is for a channel: give its PagerDutySecretArn too.',
    );
    rule(
      'ChannelsKeyHasSecret',
      Fn.conditionOr(isBlank(ChannelsKeyArn), ...channelSecrets.map(isSet)),
      'ChannelsKeyArn is the key of secrets: give the secret of a channel too.',
    );
  }

  #makeRollback(parameters: Parameters): ModelRollback {
    const text = (name: keyof Parameters) => parameters[name].valueAsString;
    this.#condition('HasCredentials', isSet(parameters.CredentialsSecretArn));
    this.#condition('HasCredentialsKey', isSet(parameters.CredentialsKeyArn));
    const makesTable = this.#condition('MakesTable', isBlank(parameters.StateTableName));
    const makesTopic = this.#condition('MakesTopic', isBlank(parameters.TopicArn));
    const hasTopicKey = this.#condition('HasTopicKey', isSet(parameters.TopicKeyArn));
    this.#condition('HasNoticesKey', Fn.conditionOr(makesTopic, hasTopicKey));

    const table = onlyIf(makesTable, new StateTable(this, 'Table'));
    const topic = onlyIf(makesTopic, new NoticeTopic(this, 'Notices'));
    onlyIf(makesTopic, topic.key);
    const choose = (condition: CfnCondition, yes: string, no: string) =>
      Fn.conditionIf(condition.logicalId, yes, no).toString();
    const tableName = choose(makesTable, table.tableName, text('StateTableName'));
    const topicArn = choose(makesTopic, topic.topicArn, text('TopicArn'));
    const topicKeyArn = choose(hasTopicKey, text('TopicKeyArn'), topic.key.keyArn);
    const minutes = (name: keyof Parameters) => Duration.minutes(parameters[name].valueAsNumber);
    const channels = this.#channelsOf(parameters);
    const code = Bucket.fromBucketName(this, 'Code', text('CodeBucket'));
    const rollback = new ModelRollback(this, constructId, {
      mlflowTrackingUri: text('MlflowTrackingUri'),
      mlflowRegistryUri: text('MlflowRegistryUri'),
      mlflowWorkspace: text('MlflowWorkspace'),
      mlflowRole: Role.fromRoleArn(this, 'MlflowRole', text('MlflowRoleArn')),
      credentials: Secret.fromSecretAttributes(this, 'Login', {
        secretCompleteArn: text('CredentialsSecretArn'),
        encryptionKey: Key.fromKeyArn(this, 'LoginKey', text('CredentialsKeyArn')),
      }),
      table: Table.fromTableName(this, 'State', tableName),
      topic: Topic.fromTopicAttributes(this, 'Topic', { topicArn, keyArn: topicKeyArn }),
      snsFormat: text('SnsFormat') as 'json',
      ...channels.props,
      ...this.#calledBy(parameters),
      code: Code.fromBucket(code, text('CodeKey')),
      mode: text('Mode') as 'act',
      cooldown: Duration.hours(parameters.CooldownHours.valueAsNumber),
      pointer: text('Pointer'),
      targetRule: text('TargetRule') as 'last-good',
      budget: text('Budget'),
      blastRadius: text('BlastRadius'),
      pendingAct: minutes('PendingActMinutes'),
      bake: minutes('BakeMinutes'),
      observe: minutes('ObserveMinutes'),
      eventAgeMax: minutes('EventAgeMaxMinutes'),
      alarmAgeMin: minutes('AlarmAgeMinMinutes'),
      modelDimension: text('ModelDimension'),
      alarmNamePrefix: text('AlarmNamePrefix'),
      allowedAccounts: [text('AllowedAccounts')],
      logRetention: parameters.LogRetentionDays.valueAsNumber,
    });
    rollback.function.addEnvironment('ROLLBACK_CHANNELS', channels.names);
    for (const [name, value] of Object.entries(this.#hooksOf(parameters))) {
      rollback.function.addEnvironment(name, value);
    }
    // Props that are not texts, where the parameter is one.
    rollback.function.addEnvironment('ROLLBACK_CAUSE_CHECK', text('CauseCheck'));
    rollback.function.addEnvironment('ROLLBACK_WRITE_HORIZON_SECONDS', text('WriteHorizonSeconds'));
    rollback.function.addEnvironment('ROLLBACK_MODEL_POINTERS', text('ModelPointers'));
    rollback.function.addEnvironment('ROLLBACK_ALARM_MODELS', text('AlarmModels'));
    const isReserved = this.#condition('IsReserved', isSet(parameters.ReservedConcurrency));
    resourceOf(rollback.function).addPropertyOverride(
      'ReservedConcurrentExecutions',
      Fn.conditionIf(isReserved.logicalId, text('ReservedConcurrency'), Aws.NO_VALUE),
    );
    return rollback;
  }

  /** Every channel, each with a condition; the names of those that are set, with commas. */
  #channelsOf(parameters: Parameters): {
    readonly names: string;
    readonly props: Partial<ModelRollbackProps>;
  } {
    this.#condition('HasChannelsKey', isSet(parameters.ChannelsKeyArn));
    const key = Key.fromKeyArn(this, 'ChannelsKey', parameters.ChannelsKeyArn.valueAsString);
    const secret = (id: string, parameter: CfnParameter) =>
      Secret.fromSecretAttributes(this, id, {
        secretCompleteArn: parameter.valueAsString,
        encryptionKey: key,
      });
    const { SlackSecretArn, TeamsSecretArn, PagerDutySecretArn } = parameters;
    const { EventBusArn, WebhookUrl, WebhookSecretArn } = parameters;
    const set = [
      ['slack', this.#condition('HasSlack', isSet(SlackSecretArn))],
      ['teams', this.#condition('HasTeams', isSet(TeamsSecretArn))],
      ['pagerduty', this.#condition('HasPagerDuty', isSet(PagerDutySecretArn))],
      ['eventbridge', this.#condition('HasEventBus', isSet(EventBusArn))],
      ['webhook', this.#condition('HasWebhookUrl', isSet(WebhookUrl))],
    ] as const;
    this.#condition('HasWebhook', isSet(WebhookSecretArn));
    return {
      names: Fn.join(
        ',',
        set.map(([name, { logicalId }]) => Fn.conditionIf(logicalId, name, '').toString()),
      ),
      props: {
        slack: secret('Slack', SlackSecretArn),
        teams: secret('Teams', TeamsSecretArn),
        pagerDuty: secret('PagerDuty', PagerDutySecretArn),
        pagerDutyUrl: parameters.PagerDutyUrl.valueAsString,
        eventBus: EventBus.fromEventBusArn(this, 'EventBus', EventBusArn.valueAsString),
        webhookUrl: WebhookUrl.valueAsString,
        webhookSecret: secret('Webhook', WebhookSecretArn),
      },
    };
  }

  /** Functions that the role may invoke, each with a condition. */
  #calledBy({ SmokeCheckFunctionArn, ReloadFunctionArn }: Parameters): Partial<ModelRollbackProps> {
    this.#condition('HasSmokeCheck', isSet(SmokeCheckFunctionArn));
    this.#condition('HasReload', isSet(ReloadFunctionArn));
    const called = (id: string, { valueAsString: functionArn }: CfnParameter) =>
      LambdaFunction.fromFunctionAttributes(this, id, { functionArn, sameEnvironment: false });
    return {
      smokeCheck: called('SmokeCheck', SmokeCheckFunctionArn),
      reload: called('Reload', ReloadFunctionArn),
    };
  }

  /** The variables of the hooks, each a function or an address. */
  #hooksOf(parameters: Parameters): Readonly<Record<string, string>> {
    const either = (condition: string, arn: CfnParameter, url: CfnParameter) =>
      Fn.conditionIf(condition, arn.valueAsString, url.valueAsString).toString();
    const { SmokeCheckFunctionArn, SmokeCheckUrl, ReloadFunctionArn, ReloadUrl } = parameters;
    return {
      ROLLBACK_TARGET_MAX_AGE: parameters.TargetMaxAge.valueAsString,
      ROLLBACK_SMOKE_CHECK: either('HasSmokeCheck', SmokeCheckFunctionArn, SmokeCheckUrl),
      ROLLBACK_RELOAD: either('HasReload', ReloadFunctionArn, ReloadUrl),
    };
  }

  /** The CDK wants to know a network while the template is made. */
  #putIntoNetwork(rollback: ModelRollback, { SubnetIds, SecurityGroupIds }: Parameters): void {
    const isInNetwork = this.#condition(
      'IsInNetwork',
      Fn.conditionAnd(isSet(SubnetIds), isSet(SecurityGroupIds)),
    );
    resourceOf(rollback.function).addPropertyOverride(
      'VpcConfig',
      Fn.conditionIf(
        isInNetwork.logicalId,
        {
          SubnetIds: Fn.split(',', SubnetIds.valueAsString),
          SecurityGroupIds: Fn.split(',', SecurityGroupIds.valueAsString),
        },
        Aws.NO_VALUE,
      ),
    );
  }

  /** Rights that the function has only with the parameter that calls for them. */
  #limitRights(rollback: ModelRollback): void {
    const policy = rollback.node.findChild('Policy') as Policy;
    const none = { table: '', topic: '', topicRegion: '', alarms: '', logGroup: '' };
    policy.addStatements(
      ...functionPolicy({ ...none, deadLetters: '', region: '', isInVpc: true })
        .filter(({ sid }) => sid === 'Network')
        .map(statementOf),
    );
    this.#onlyWithParameters(policy);
    // A policy of its own: the CDK's check tries every combination of the conditions of a resource.
    const channels = rollback.node.findChild('Channels') as Policy;
    this.#onlyWithParameters(channels);
    const hasChannel = [
      ...['HasSlack', 'HasTeams', 'HasPagerDuty', 'HasWebhook', 'HasEventBus'],
      ...['HasSmokeCheck', 'HasReload'],
    ].map((name) => this.node.findChild(name) as CfnCondition);
    onlyIf(this.#condition('HasChannels', Fn.conditionOr(...hasChannel)), channels);
  }

  /** MLflow in SageMaker: rights on it, or on a role that has them. */
  #limitRegistry(rollback: ModelRollback, { MlflowServerArn, MlflowRoleArn }: Parameters): void {
    const hasServer = this.#condition('HasMlflowServer', isSet(MlflowServerArn));
    const hasRole = this.#condition('HasMlflowRole', isSet(MlflowRoleArn));
    rollback.grantSageMaker(MlflowServerArn.valueAsString);
    const policy = rollback.node.findChild('Registry') as Policy;
    this.#onlyWithParameters(policy);
    onlyIf(this.#condition('HasRegistryRights', Fn.conditionOr(hasServer, hasRole)), policy);
  }

  #onlyWithParameters(policy: Policy): void {
    const { Statement: statements } = this.resolve(policy.document) as {
      readonly Statement: readonly { readonly Sid: string }[];
    };
    resourceOf(policy).addPropertyOverride(
      'PolicyDocument.Statement',
      statements.map((statement) => {
        const condition = conditionsBySid[statement.Sid];
        return condition === undefined
          ? statement
          : Fn.conditionIf(condition, statement, Aws.NO_VALUE);
      }),
    );
  }

  #condition(name: string, expression: ICfnConditionExpression): CfnCondition {
    return new CfnCondition(this, name, { expression });
  }
}

function isBlank(parameter: CfnParameter): ICfnRuleConditionExpression {
  return Fn.conditionEquals(parameter.valueAsString, '');
}

function isSet(parameter: CfnParameter): ICfnRuleConditionExpression {
  return Fn.conditionNot(isBlank(parameter));
}

function onlyIf<Part extends IConstruct>(condition: CfnCondition, part: Part): Part {
  for (const node of part.node.findAll()) {
    if (CfnResource.isCfnResource(node)) node.cfnOptions.condition = condition;
  }
  return part;
}

function resourceOf(part: IConstruct): CfnResource {
  const resource = part.node.defaultChild;
  if (resource === undefined || !CfnResource.isCfnResource(resource)) {
    throw new Error(`${part.node.path} has no resource of its own`);
  }
  return resource;
}
