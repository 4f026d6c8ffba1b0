import { describe, expect, test } from 'vitest';
import { alarmArnOf } from '../../../../src/domain/alarm/alarm-arn.ts';
import { parseAlarmPayload } from '../../../../src/domain/alarm/alarm-payload.ts';
import { alarmArn, patched, snsMessage } from '../../../fakes/alarm-events.ts';

const parts = { AWSAccountId: '111122223333', AlarmName: 'a:b' };

describe('alarmArnOf', () => {
  test('is made of account, region and name', () => {
    expect(alarmArnOf({ ...parts, Region: 'eu-west-1' })).toBe(alarmArn('a:b'));
    expect(alarmArnOf({ ...parts, Region: 'cn-north-1' })).toBe(
      'arn:aws-cn:cloudwatch:cn-north-1:111122223333:alarm:a:b',
    );
    expect(alarmArnOf({ ...parts, Region: 'us-gov-west-1' })).toContain('arn:aws-us-gov:');
  });

  test('takes the region of the topic where it has only a name for people', () => {
    const AlarmActions = ['arn:aws:sns:eu-west-1:111122223333:t'];
    expect(alarmArnOf({ ...parts, Region: 'EU (Ireland)', AlarmActions })).toBe(alarmArn('a:b'));
    expect(alarmArnOf({ ...parts, Region: 'EU (Ireland)' })).toBeNull();
    expect(alarmArnOf({ ...parts, AWSAccountId: 'x', Region: 'eu-west-1' })).toBeNull();
  });

  test('is the ARN that the same message gives where it does', () => {
    const message = snsMessage();
    const without = parseAlarmPayload(patched(message, ['AlarmArn'], undefined));
    expect(without).toEqual(parseAlarmPayload(message));
    expect(without?.kind).toBe('transition');
  });
});
