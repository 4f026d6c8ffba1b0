import { parseAlarmArn } from './alarm.ts';

/** The parts of an SNS message that an alarm's ARN is made of. */
export interface AlarmArnParts {
  readonly AWSAccountId?: string | undefined;
  readonly AlarmName?: string | undefined;
  /** A code, or a name for people: `EU (Ireland)`. */
  readonly Region?: string | undefined;
  /** Among them the topic that it was published to, which stands in the alarm's own region. */
  readonly AlarmActions?: readonly unknown[] | undefined;
}

/**
 * The ARN of an alarm whose message leaves it out, as those of earlier years and of stand-ins for AWS do;
 * null when it cannot be known from the parts.
 */
export function alarmArnOf(parts: AlarmArnParts): string | null {
  const { AWSAccountId: account = '', AlarmName: name = '', Region: region = '' } = parts;
  const [, partition = '', , code = ''] = String(parts.AlarmActions?.[0] ?? '').split(':');
  const arns = [
    `arn:${partitionOf(region)}:cloudwatch:${region}:${account}:alarm:${name}`,
    `arn:${partition}:cloudwatch:${code}:${account}:alarm:${name}`,
  ];
  return arns.find((arn) => parseAlarmArn(arn) !== null) ?? null;
}

// ---------------------------------------------------------------------------------------------------

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
