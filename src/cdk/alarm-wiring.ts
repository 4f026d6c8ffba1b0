import { Annotations, Tags, Token, TokenComparison } from 'aws-cdk-lib';
import type {
  AlarmActionConfig,
  AlarmBase,
  CfnAlarm,
  CfnCompositeAlarm,
  IAlarm,
  IAlarmAction,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { modelTag } from '../domain/alarm/alarm.ts';
import { ConfigurationError, messageOf } from '../domain/errors.ts';
import { parseModelName } from '../domain/request/request.ts';

/**
 * Makes the function an action of an alarm. The permission is not made here: one statement of the
 * function lets all alarms in, where the CDK's own action adds one per alarm until the policy is full.
 */
export class RollbackAction implements IAlarmAction {
  readonly #function: IFunction;
  readonly #alarmNamePrefix: string;

  constructor(fn: IFunction, alarmNamePrefix: string) {
    this.#function = fn;
    this.#alarmNamePrefix = alarmNamePrefix;
  }

  /** @throws ConfigurationError for an alarm that could not call the function */
  bind(_scope: Construct, alarm: IAlarm): AlarmActionConfig {
    requireOurs(alarm);
    requireSameHome(this.#function, alarm);
    this.#judgeName(alarm);
    return { alarmActionArn: this.#function.functionArn };
  }

  #judgeName(alarm: IAlarm): void {
    const prefix = this.#alarmNamePrefix;
    if (prefix === '' || Token.isUnresolved(prefix)) return;
    const name = nameSetFor(alarm);
    if (name === undefined) {
      Annotations.of(alarm).addWarningV2(
        'model-rollback:alarmName',
        `The function lets only alarms in whose name begins with "${prefix}", and the name of this one is ` +
          'made at deployment. Set its alarmName, or leave alarmNamePrefix out.',
      );
      return;
    }
    if (name.startsWith(prefix)) return;
    throw new ConfigurationError(
      `${alarm.node.path}: the alarm "${name}" may not call the function, which lets only those in whose ` +
        `name begins with "${prefix}". Rename it, or change alarmNamePrefix.`,
    );
  }
}

/** @throws ConfigurationError for a name that no model, or no tag, can have */
export function tagWithModel(alarm: AlarmBase, model: string): void {
  if (!Token.isUnresolved(model)) requireTaggable(alarm, model);
  Tags.of(alarm).add(modelTag, model);
}

/**
 * An empty prefix is an accident, such as a variable that was not set; it would mean every alarm.
 * @throws ConfigurationError
 */
export function requirePrefix(scope: Construct, prefix: string, advice: string): void {
  const isToken = Token.isUnresolved(prefix);
  if (!isToken && prefix.trim() === '') {
    throw new ConfigurationError(
      `${scope.node.path}: alarmNamePrefix is empty, which means every alarm of the account. ${advice}`,
    );
  }
  if (isToken || !/[*?]/.test(prefix)) return;
  throw new ConfigurationError(
    `${scope.node.path}: alarmNamePrefix is "${prefix}"; it is the beginning of a name, without * and ?.`,
  );
}

// ---------------------------------------------------------------------------------------------------

/** What CloudWatch allows in the value of a tag. */
const tagValue = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,256}$/u;

/** The CDK lets people add actions to an imported alarm, and they go nowhere. */
function requireOurs(alarm: IAlarm): void {
  if (alarm.node.defaultChild !== undefined) return;
  throw new ConfigurationError(
    `${alarm.node.path}: an alarm that is made elsewhere gets no action here. Give it the ARN of the function ` +
      'as its action where it is made, or use addEventRule.',
  );
}

/** Undefined: CloudFormation makes one up. What `alarmName` says is a reference in any case. */
function nameSetFor(alarm: IAlarm): string | undefined {
  const resource = alarm.node.defaultChild as CfnAlarm | CfnCompositeAlarm | undefined;
  const name = resource?.alarmName;
  return Token.isUnresolved(name) ? undefined : name;
}

/** CloudWatch calls functions of its own region only, and the function's policy names its own account. */
function requireSameHome(fn: IFunction, alarm: IAlarm): void {
  const homes = [
    { what: 'region', ours: fn.env.region, theirs: alarm.env.region },
    { what: 'account', ours: fn.env.account, theirs: alarm.env.account },
  ];
  for (const { what, ours, theirs } of homes) {
    if (Token.compareStrings(ours, theirs) !== TokenComparison.DIFFERENT) continue;
    throw new ConfigurationError(
      `${alarm.node.path}: the alarm is in the ${what} ${theirs}, the function in ${ours}. Alarms call ` +
        `functions of their own ${what} only. Send it by a topic, or by an EventBridge rule to the bus of ` +
        `this ${what}, and name its model in modelsByAlarm: its tags cannot be read from here.`,
    );
  }
}

function requireTaggable(alarm: AlarmBase, model: string): void {
  try {
    parseModelName(model);
  } catch (cause) {
    throw new ConfigurationError(`${alarm.node.path}: model: ${messageOf(cause)}`, { cause });
  }
  if (tagValue.test(model)) return;
  throw new ConfigurationError(
    `${alarm.node.path}: the model ${JSON.stringify(model)} cannot be named by a tag, which takes letters, ` +
      'digits, spaces and _ . : / = + - @. Name it in modelsByAlarm, by the name of the alarm.',
  );
}
