import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { alarmArn } from './function-role.ts';

/** What cdk-nag finds in the construct, and why it is so. It travels with the construct. */
export function acknowledgeFindings(
  scope: IConstruct,
  parts: {
    readonly policy: IConstruct;
    readonly deadLetters: IConstruct;
    readonly function: IConstruct;
  },
): void {
  const tags = nameOf(Stack.of(scope).resolve(alarmArn(scope, '*')));
  Validations.of(parts.policy).acknowledge(
    {
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'CloudWatch tells of composite alarms only who may read all. Network interfaces and traces, where ' +
        'they are used, are made by Lambda itself, and have no narrower resource either.',
    },
    {
      id: `AwsSolutions-IAM5[Resource::${tags}]`,
      reason: 'The tag of an alarm names its model, and alarms are added without a new deployment.',
    },
  );
  Validations.of(parts.deadLetters).acknowledge({
    id: 'Serverless-SQSRedrivePolicy',
    reason: 'This is the dead-letter queue.',
  });
  Validations.of(parts.function).acknowledge({
    id: 'Serverless-LambdaTracing',
    reason: 'The record of a rollback tells each of its steps; the prop tracing switches X-Ray on.',
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
