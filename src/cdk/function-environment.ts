import { Annotations, type Duration, Stack, Token, Tokenization } from 'aws-cdk-lib';
import type { ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { configFromEnv } from '../config/config-from-env.ts';
import type { EnvName } from '../config/env-names.ts';
import { ConfigurationError, messageOf } from '../domain/errors.ts';
import type { ModelRollbackProps } from './model-rollback-props.ts';

/**
 * The variables of the function. They are judged here by the function's own reader, so that a wrong
 * setting fails when the template is made and not when an alarm comes.
 * @throws ConfigurationError naming the prop and the variable
 */
export function functionEnvironment(
  scope: Construct,
  props: ModelRollbackProps,
  made: { readonly table: ITable | Table; readonly topic: ITopic },
): Record<string, string> {
  const settings = settingsOf(scope, props, made);
  requireNoLogin(scope, settings);
  const known = settings.flatMap(({ name, value }) => {
    if (value === undefined || !Token.isUnresolved(value)) return [[name, value] as const];
    const standIn = standIns[name];
    return standIn === undefined ? [] : [[name, standIn] as const];
  });
  try {
    const { warnings } = configFromEnv(Object.fromEntries(known), 'lambda');
    for (const { code, message } of warnings) {
      Annotations.of(scope).addWarningV2(`model-rollback:${code}`, message);
    }
  } catch (error) {
    const message = messageOf(error);
    // Whole names: ROLLBACK_MODE is also the beginning of ROLLBACK_MODEL_POINTERS.
    const prop = settings.find(({ name }) => new RegExp(`\\b${name}\\b`).test(message))?.prop;
    const where = prop === undefined ? scope.node.path : `${scope.node.path}: ${prop}`;
    throw new ConfigurationError(`${where}: ${message}`, { cause: error });
  }
  const entries = settings.flatMap(({ name, value }) =>
    value === undefined ? [] : [[name, value] as const],
  );
  requireRoom(scope, entries);
  return Object.fromEntries(entries);
}

// ---------------------------------------------------------------------------------------------------

interface Setting {
  readonly name: EnvName;
  readonly prop: keyof ModelRollbackProps;
  readonly value: string | undefined;
}

/** Lambda's bound on all variables together. */
const environmentBytesMax = 4096;

/** What is known only at deployment stands for a sound value, where one is required. */
const standIns: Partial<Record<EnvName, string>> = {
  MLFLOW_TRACKING_URI: 'https://mlflow.example.com',
  ALERT_SNS_TOPIC_ARN: 'arn:aws:sns:eu-west-1:123456789012:model-rollback',
  ROLLBACK_SLACK_SECRET_ARN: 'slack',
  ROLLBACK_TEAMS_SECRET_ARN: 'teams',
  ROLLBACK_PAGERDUTY_SECRET_ARN: 'pagerduty',
  ROLLBACK_EVENT_BUS: 'default',
  ROLLBACK_WEBHOOK_URL: 'https://example.com',
  ROLLBACK_WEBHOOK_SECRET_ARN: 'webhook',
  ROLLBACK_SMOKE_CHECK: 'smoke-check',
  ROLLBACK_RELOAD: 'reload',
};

function settingsOf(
  scope: Construct,
  props: ModelRollbackProps,
  { table, topic }: { readonly table: ITable | Table; readonly topic: ITopic },
): readonly Setting[] {
  const set = (
    name: EnvName,
    prop: keyof ModelRollbackProps,
    value: string | undefined,
  ): Setting => ({
    name,
    prop,
    value,
  });
  return [
    set('MLFLOW_TRACKING_URI', 'mlflowTrackingUri', props.mlflowTrackingUri),
    set('MLFLOW_REGISTRY_URI', 'mlflowRegistryUri', props.mlflowRegistryUri),
    set('MLFLOW_WORKSPACE', 'mlflowWorkspace', props.mlflowWorkspace),
    set('SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN', 'mlflowRole', props.mlflowRole?.roleArn),
    set('MLFLOW_TRACKING_SECRET_ARN', 'credentials', props.credentials?.secretArn),
    set('ROLLBACK_STATE_TABLE', 'table', table.tableName),
    set('ALERT_SNS_TOPIC_ARN', 'topic', topic.topicArn),
    set('ROLLBACK_SNS_FORMAT', 'snsFormat', props.snsFormat),
    set('ROLLBACK_CHANNELS', 'slack', channelsIn(props)),
    set('ROLLBACK_SLACK_SECRET_ARN', 'slack', props.slack?.secretArn),
    set('ROLLBACK_TEAMS_SECRET_ARN', 'teams', props.teams?.secretArn),
    set('ROLLBACK_PAGERDUTY_SECRET_ARN', 'pagerDuty', props.pagerDuty?.secretArn),
    set('ROLLBACK_PAGERDUTY_URL', 'pagerDutyUrl', props.pagerDutyUrl),
    set('ROLLBACK_EVENT_BUS', 'eventBus', props.eventBus?.eventBusArn),
    set('ROLLBACK_WEBHOOK_URL', 'webhookUrl', props.webhookUrl),
    set('ROLLBACK_WEBHOOK_SECRET_ARN', 'webhookSecret', props.webhookSecret?.secretArn),
    set('ROLLBACK_MODE', 'mode', props.mode),
    set('ROLLBACK_COOLDOWN_HOURS', 'cooldown', hours(props.cooldown)),
    set('ROLLBACK_POINTER', 'pointer', props.pointer),
    set('ROLLBACK_MODEL_POINTERS', 'modelPointers', jsonText(scope, props.modelPointers)),
    set('ROLLBACK_TARGET_RULE', 'targetRule', props.targetRule),
    set('ROLLBACK_TARGET_MAX_AGE', 'targetMaxAge', age(props.targetMaxAge)),
    set('ROLLBACK_PROMOTION_EVIDENCE', 'promotionEvidence', age(props.promotionEvidence)),
    set('ROLLBACK_SMOKE_CHECK', 'smokeCheck', hook(scope, props, 'smokeCheck')),
    set('ROLLBACK_RELOAD', 'reload', hook(scope, props, 'reload')),
    set('ROLLBACK_BUDGET', 'budget', props.budget),
    set('ROLLBACK_BLAST_RADIUS', 'blastRadius', props.blastRadius),
    set('ROLLBACK_CAUSE_CHECK', 'causeCheck', onOrOff(props.causeCheck)),
    set('ROLLBACK_PENDING_ACT_MINUTES', 'pendingAct', minutes(props.pendingAct)),
    set('ROLLBACK_BAKE_MINUTES', 'bake', minutes(props.bake)),
    set('ROLLBACK_OBSERVE_MINUTES', 'observe', minutes(props.observe)),
    set('ROLLBACK_EVENT_AGE_MAX_MINUTES', 'eventAgeMax', minutes(props.eventAgeMax)),
    set('ROLLBACK_ALARM_AGE_MIN_MINUTES', 'alarmAgeMin', minutes(props.alarmAgeMin)),
    set('ROLLBACK_WRITE_HORIZON_SECONDS', 'writeHorizon', seconds(props.writeHorizon)),
    set('ROLLBACK_MODEL_DIMENSION', 'modelDimension', props.modelDimension),
    set('ROLLBACK_ALARM_MODELS', 'modelsByAlarm', jsonText(scope, props.modelsByAlarm)),
    set('ROLLBACK_ALLOWED_ACCOUNTS', 'allowedAccounts', props.allowedAccounts?.join(',')),
  ];
}

/** The channels that have what they need; a part of one is an error of the settings. */
function channelsIn(props: ModelRollbackProps): string | undefined {
  const { slack, teams, pagerDuty, eventBus, webhookUrl } = props;
  const parts = { slack, teams, pagerduty: pagerDuty, eventbridge: eventBus, webhook: webhookUrl };
  const names = Object.entries(parts).flatMap(([name, part]) => (part === undefined ? [] : [name]));
  return names.length === 0 ? undefined : names.join(',');
}

/** Who reads the template would read it too. */
function requireNoLogin(scope: Construct, settings: readonly Setting[]): void {
  for (const { name, prop, value } of settings) {
    const isAddress = name === 'MLFLOW_TRACKING_URI' || name === 'MLFLOW_REGISTRY_URI';
    if (!isAddress || value === undefined || !/\/\/[^/]*@/.test(value)) continue;
    throw new ConfigurationError(
      `${scope.node.path}: ${prop} holds a login, which would stand in the template for all to read. ` +
        'Put it into a secret, and pass that as credentials.',
    );
  }
}

function requireRoom(
  scope: Construct,
  entries: readonly (readonly [name: string, value: string])[],
): void {
  const bytes = entries
    .filter(([, value]) => !Token.isUnresolved(value))
    .reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value), 0);
  if (bytes <= environmentBytesMax) return;
  throw new ConfigurationError(
    `${scope.node.path}: the settings take ${bytes} bytes, and Lambda has room for ${environmentBytesMax}. ` +
      'Shorten modelsByAlarm or modelPointers: use prefixes, or tag the alarms (addAlarm does).',
  );
}

/** @throws ConfigurationError when a hook is a function and an address */
function hook(
  scope: Construct,
  props: ModelRollbackProps,
  name: 'smokeCheck' | 'reload',
): string | undefined {
  const url = props[`${name}Url`];
  if (props[name] !== undefined && url !== undefined) {
    throw new ConfigurationError(
      `${scope.node.path}: ${name} and ${name}Url are both set. Leave out one of them.`,
    );
  }
  return props[name]?.functionArn ?? url;
}

function age(time: Duration | undefined): string | undefined {
  return time && `${hours(time)}h`;
}

function hours(time: Duration | undefined): string | undefined {
  return time && numberText(time.toHours({ integral: false }));
}

function minutes(time: Duration | undefined): string | undefined {
  return time && numberText(time.toMinutes({ integral: false }));
}

function seconds(time: Duration | undefined): string | undefined {
  return time && numberText(time.toSeconds({ integral: false }));
}

/** A number may be a parameter of the template. */
function numberText(number: number): string {
  return Tokenization.stringifyNumber(number);
}

/** Tokens inside need the stack's help, which makes a token of the whole. */
function jsonText(scope: Construct, value: object | undefined): string | undefined {
  const text = value && JSON.stringify(value);
  return Token.isUnresolved(text) ? Stack.of(scope).toJsonString(value) : text;
}

function onOrOff(isOn: boolean | undefined): string | undefined {
  return isOn === undefined ? undefined : isOn ? 'on' : 'off';
}
