import { CfnResource, Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { alarmArn } from './function-role.ts';
import type { ModelRollbackProps } from './model-rollback-props.ts';

/**
 * What cdk-nag and cfn-lint find in a function and its policy, and why it is so. It travels with the construct; what
 * only some functions have is acknowledged in these alone.
 */
export function acknowledgeFunction(
  { policy, function: fn }: { readonly policy: IConstruct; readonly function: IConstruct },
  { vpc, tracing }: Pick<ModelRollbackProps, 'vpc' | 'tracing'>,
  { readsAlarms }: { readonly readsAlarms: boolean },
): void {
  const tags = nameOf(Stack.of(policy).resolve(alarmArn(policy, '*')));
  const ofAlarms = {
    id: `AwsSolutions-IAM5[Resource::${tags}]`,
    reason: 'The tag of an alarm names its model, and alarms are added without a new deployment.',
  };
  const onAnything = {
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason:
      'CloudWatch shows composite alarms and their history only to those who may read all. Network interfaces ' +
      'and traces, where they are used, are made by Lambda itself, and have no narrower resource either.',
  };
  Validations.of(policy).acknowledge(
    ...(readsAlarms || vpc !== undefined || tracing === true ? [onAnything] : []),
    ...(readsAlarms ? [ofAlarms] : []),
  );
  if (tracing !== true) {
    Validations.of(fn).acknowledge({
      id: 'Serverless-LambdaTracing',
      reason: 'The record of a rollback has each of its steps; the prop tracing switches X-Ray on.',
    });
  }
  if (readsAlarms) {
    acknowledgeLint(policy, {
      W3037: 'The list of actions that cfn-lint has lacks cloudwatch:DescribeAlarmContributors.',
    });
  }
  acknowledgeLint(fn, roleIsEnough);
}

/** The same of the queue. */
export function acknowledgeDeadLetters(queue: IConstruct): void {
  Validations.of(queue).acknowledge({
    id: 'Serverless-SQSRedrivePolicy',
    reason: 'This is the dead-letter queue.',
  });
}

/** For whatever runs with a role of ours and waits for the policy of that role. */
export const roleIsEnough: Readonly<Record<string, string>> = {
  W3005:
    'The CDK lets a resource that waits for a policy wait for its role too, which does no harm.',
};

/** cfn-lint reads the ids in the metadata of a resource, people the reasons beside them. */
export function acknowledgeLint(
  construct: IConstruct,
  reasons: Readonly<Record<string, string>>,
): void {
  const resource = construct.node.defaultChild;
  if (!CfnResource.isCfnResource(resource)) return;
  resource.addMetadata('cfn-lint', {
    config: { ignore_checks: Object.keys(reasons) },
    reasons,
  });
}

/** As cdk-nag writes a text with references in it. */
export function nameOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const {
    Ref: ref,
    'Fn::GetAtt': attribute,
    'Fn::Join': join,
  } = value as {
    readonly Ref?: string;
    readonly 'Fn::GetAtt'?: readonly string[];
    readonly 'Fn::Join'?: readonly [string, readonly unknown[]];
  };
  if (ref !== undefined) return `<${ref}>`;
  if (attribute !== undefined) return `<${attribute.join('.')}>`;
  const [delimiter, parts] = join ?? ['', []];
  return parts.map(nameOf).join(delimiter);
}
