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
  type CfnParameterProps,
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
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { IConstruct } from 'constructs';
import { ApprovalButton } from '../src/cdk/approval-button.ts';
import { functionPolicy } from '../src/cdk/function-policy.ts';
import { statementOf } from '../src/cdk/function-role.ts';
import { ModelRollback } from '../src/cdk/model-rollback.ts';
import type { ModelRollbackProps } from '../src/cdk/model-rollback-props.ts';
import { NoticeTopic } from '../src/cdk/notice-topic.ts';
import { StateTable } from '../src/cdk/state-table.ts';
import {
  type CompanionParameters,
  companionParameters,
  type Parameters,
  parameterGroups,
  templateParameters,
} from './template-parameters.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

/** What is in a template. */
export interface TemplateOptions {
  /**
   * Whether it has the functions beside the one that rolls back, each with a parameter that switches it on. Such a
   * template is too large for a request, so that CloudFormation takes it from a bucket only.
   */
  readonly hasCompanions: boolean;
}

/** Ready for `aws cloudformation deploy`: no assets, no bootstrap. */
export function synthesizeTemplate(options: TemplateOptions): JsonObject {
  const folder = mkdtempSync(join(tmpdir(), 'model-rollback-template-'));
  try {
    const app = new App({
      outdir: folder,
      analyticsReporting: false,
      // What the CDK's own check of templates finds is an error.
      context: { '@aws-cdk/core:validateAgainstDefaultRules': true },
    });
    const stack = new TemplateStack(app, stackName, options);
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
  HttpSecretKey: 'HasHttpSecretKey',
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
  readonly #companions: CompanionParameters | null;

  constructor(app: App, id: string, { hasCompanions }: TemplateOptions) {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    super(app, id, {
      description: `model-rollback ${version}: rolls MLflow models back when an alarm says so`,
      synthesizer: new DefaultStackSynthesizer({
        generateBootstrapVersionRule: false,
      }) as IStackSynthesizer,
    });
    const make = (name: string, props: CfnParameterProps) => new CfnParameter(this, name, props);
    const parameters = templateParameters(version, make);
    this.#companions = hasCompanions ? companionParameters(version, make) : null;
    this.templateOptions.metadata = {
      'AWS::CloudFormation::Interface': parameterGroups({ hasCompanions }),
    };
    this.#requireTogether(parameters);
    const rollback = this.#makeRollback(parameters);
    this.#putIntoNetwork(rollback, parameters);
    this.#limit(rollback, parameters);
    Validations.of(this).acknowledge(...blankIsGuarded('W1001', 'W1030'), {
      id: 'CloudFormation-Validate::W2509',
      reason: 'The ARN of a secret is no password.',
    });
    for (const { function: fn } of functionsOf(rollback)) {
      Validations.of(fn).acknowledge(...blankIsGuarded('F3031', 'E1150'));
    }
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
    for (const [name, value] of Object.entries(outputs)) this.#output(name, value);
    this.#output('ApprovalButtonArn', button.attrCustomActionArn, 'IsChat');
    for (const { id, function: fn } of functionsOf(rollback).slice(1)) {
      this.#output(`${id}FunctionArn`, fn.functionArn, `Has${id}`);
    }
    if (rollback.httpUrl) this.#output('HttpUrl', rollback.httpUrl.url, 'HasHttp');
  }

  /** Names that people can read, as this template has only one of each thing. */
  protected override allocateLogicalId(element: CfnElement): string {
    const ids = element.node.scopes.slice(2).map((scope) => scope.node.id);
    const silent = [constructId, 'Resource', 'Default'];
    return ids
      .filter((id) => !silent.includes(id))
      .join('')
      .replaceAll('-', '');
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
      ...(this.#companions && {
        compareFunction: true,
        promoteFunction: true,
        httpSecret: this.#httpSecret(this.#companions),
        companionCode: Code.fromBucket(code, this.#companions.CompanionsCodeKey.valueAsString),
      }),
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
    this.#setVariables(rollback, parameters, channels.names);
    return rollback;
  }

  #httpSecret({ HttpSecretArn, HttpSecretKeyArn }: CompanionParameters): ISecret {
    this.#condition('HasHttpSecretKey', isSet(HttpSecretKeyArn));
    new CfnRule(this, 'HttpSecretKeyHasSecret', {
      assertions: [
        {
          assert: Fn.conditionOr(isBlank(HttpSecretKeyArn), isSet(HttpSecretArn)),
          assertDescription: 'HttpSecretKeyArn is the key of a secret: give its HttpSecretArn too.',
        },
      ],
    });
    return Secret.fromSecretAttributes(this, 'HttpSecret', {
      secretCompleteArn: HttpSecretArn.valueAsString,
      encryptionKey: Key.fromKeyArn(this, 'HttpSecretKey', HttpSecretKeyArn.valueAsString),
    });
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

  /** Props that are not texts, where the parameter is one; and what is chosen between two parameters. */
  #setVariables(rollback: ModelRollback, parameters: Parameters, channels: string): void {
    const text = (name: keyof Parameters) => parameters[name].valueAsString;
    const pointers = { ROLLBACK_MODEL_POINTERS: text('ModelPointers') };
    const all = {
      ROLLBACK_CHANNELS: channels,
      ...this.#hooksOf(parameters),
      ROLLBACK_CAUSE_CHECK: text('CauseCheck'),
      ROLLBACK_WRITE_HORIZON_SECONDS: text('WriteHorizonSeconds'),
      ...pointers,
      ROLLBACK_ALARM_MODELS: text('AlarmModels'),
      ...(this.#companions && {
        ROLLBACK_PROMOTION_EVIDENCE: this.#companions.PromotionEvidence.valueAsString,
      }),
    };
    const isReserved = this.#condition('IsReserved', isSet(parameters.ReservedConcurrency));
    for (const { id, function: fn } of functionsOf(rollback)) {
      const variables = id === 'Compare' ? pointers : all;
      for (const [name, value] of Object.entries(variables)) fn.addEnvironment(name, value);
      if (id === 'Compare') continue;
      resourceOf(fn).addPropertyOverride(
        'ReservedConcurrentExecutions',
        Fn.conditionIf(isReserved.logicalId, text('ReservedConcurrency'), Aws.NO_VALUE),
      );
    }
  }

  /** The CDK wants to know a network while the template is made. */
  #putIntoNetwork(rollback: ModelRollback, { SubnetIds, SecurityGroupIds }: Parameters): void {
    const isInNetwork = this.#condition(
      'IsInNetwork',
      Fn.conditionAnd(isSet(SubnetIds), isSet(SecurityGroupIds)),
    );
    const none = { table: '', topic: '', topicRegion: '', alarms: '', logGroup: '' };
    const rights = functionPolicy({ ...none, deadLetters: '', region: '', isInVpc: true })
      .filter(({ sid }) => sid === 'Network')
      .map(statementOf);
    for (const { scope, function: fn } of functionsOf(rollback)) {
      (scope.node.findChild('Policy') as Policy).addStatements(...rights);
      resourceOf(fn).addPropertyOverride(
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
  }

  /** Functions that are made, and rights that each has, only with the parameter that calls for them. */
  #limit(rollback: ModelRollback, parameters: Parameters): void {
    const { MlflowServerArn, MlflowRoleArn } = parameters;
    rollback.grantSageMaker(MlflowServerArn.valueAsString);
    const hasChannel = [
      ...['HasSlack', 'HasTeams', 'HasPagerDuty', 'HasWebhook', 'HasEventBus'],
      ...['HasSmokeCheck', 'HasReload'],
    ].map((name) => this.node.findChild(name) as CfnCondition);
    const hasServer = this.#condition('HasMlflowServer', isSet(MlflowServerArn));
    const hasRole = this.#condition('HasMlflowRole', isSet(MlflowRoleArn));
    const sometimes = {
      Channels: this.#condition('HasChannels', Fn.conditionOr(...hasChannel)),
      Registry: this.#condition('HasRegistryRights', Fn.conditionOr(hasServer, hasRole)),
    };
    for (const { id, scope } of functionsOf(rollback)) {
      const isMade = this.#isMade(id);
      if (isMade !== null) onlyIf(isMade, scope);
      this.#onlyWithParameters(scope.node.findChild('Policy') as Policy);
      // Policies of their own: the CDK's check tries every combination of the conditions of a resource.
      for (const [name, condition] of Object.entries(sometimes)) {
        const policy = scope.node.tryFindChild(name) as Policy | undefined;
        if (policy === undefined) continue;
        this.#onlyWithParameters(policy);
        const both = (made: CfnCondition) =>
          this.#condition(`${id}${condition.node.id}`, Fn.conditionAnd(made, condition));
        onlyIf(isMade === null ? condition : both(isMade), policy);
      }
    }
  }

  /** Null for the function that is always made. */
  #isMade(id: FunctionId): CfnCondition | null {
    if (id === 'Rollback' || this.#companions === null) return null;
    const isMade =
      id === 'Http'
        ? isSet(this.#companions.HttpSecretArn)
        : Fn.conditionEquals(this.#companions[id].valueAsString, 'on');
    return this.#condition(`Has${id}`, isMade);
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

  #output(name: string, value: string, condition?: string): void {
    const only = condition && { condition: this.node.findChild(condition) as CfnCondition };
    new CfnOutput(this, `${name}Output`, { value, ...only }).overrideLogicalId(name);
  }

  #condition(name: string, expression: ICfnConditionExpression): CfnCondition {
    return new CfnCondition(this, name, { expression });
  }
}

const functionIds = ['Rollback', 'Compare', 'Promote', 'Http'] as const;
type FunctionId = (typeof functionIds)[number];

/** Each function that the construct makes, and the construct that it is directly below. */
function functionsOf(rollback: ModelRollback): readonly {
  readonly id: FunctionId;
  readonly scope: IConstruct;
  readonly function: LambdaFunction;
}[] {
  return functionIds.flatMap((id) => {
    const scope = id === 'Rollback' ? rollback : rollback.node.tryFindChild(id);
    if (scope === undefined) return [];
    return [{ id, scope, function: scope.node.findChild('Function') as LambdaFunction }];
  });
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
