import { describe, expect, test } from 'vitest';
import { judgeInvoke, rulesOf } from '../../../src/domain/resource-policy.ts';

const SERVICE = 'lambda.alarms.cloudwatch.amazonaws.com';
const ALARM = 'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:churn-high';

const statement = (parts: object = {}): object => ({
  Effect: 'Allow',
  Principal: { Service: SERVICE },
  Action: 'lambda:InvokeFunction',
  ...parts,
});
const policyOf = (...Statement: object[]): string => JSON.stringify({ Statement });
const judge = (...statements: object[]): string =>
  judgeInvoke(policyOf(...statements), { service: SERVICE, sourceArn: ALARM });

describe('judgeInvoke', () => {
  test.each([
    ['the service', {}],
    ['every service', { Principal: { Service: ['a.amazonaws.com', SERVICE] } }],
    ['everybody', { Principal: '*' }],
    ['every call', { Action: ['lambda:*'] }],
    ['its own ARN', { Condition: { ArnLike: { 'AWS:SourceArn': ALARM } } }],
    [
      'a pattern',
      {
        Condition: {
          ArnLike: { 'aws:SourceArn': ['x', 'arn:aws:cloudwatch:*:111122223333:alarm:churn-????'] },
        },
      },
    ],
    ['its account', { Condition: { StringEquals: { 'AWS:SourceAccount': '111122223333' } } }],
  ])('allows by a statement on %s', (_what, parts) => {
    expect(judge(statement(parts))).toBe('allowed');
  });

  test.each([
    ['another service', { Principal: { Service: 'events.amazonaws.com' } }],
    ['an account', { Principal: { AWS: 'arn:aws:iam::111122223333:root' } }],
    ['another call', { Action: 'lambda:GetFunction' }],
    [
      'another alarm',
      { Condition: { ArnLike: { 'AWS:SourceArn': 'arn:aws:cloudwatch:*:*:alarm:other*' } } },
    ],
    ['another account', { Condition: { StringEquals: { 'AWS:SourceAccount': '999' } } }],
    [
      'an ARN that only looks like a pattern',
      { Condition: { ArnLike: { 'AWS:SourceArn': ALARM.replaceAll('.', 'x').replace('c', '.') } } },
    ],
  ])('denies when the only statement is on %s', (_what, parts) => {
    expect(judge(statement(parts))).toBe('denied');
  });

  test('denies without a policy, and without a statement', () => {
    const caller = { service: SERVICE, sourceArn: ALARM };
    expect([judgeInvoke(null, caller), judge()]).toEqual(['denied', 'denied']);
  });

  test('lets a denial win', () => {
    expect(judge(statement(), statement({ Effect: 'Deny' }))).toBe('denied');
  });

  test('is unsure about a condition that it does not know, and about what is no policy', () => {
    const Condition = { Bool: { 'aws:SecureTransport': 'true' } };
    expect(judge(statement({ Condition }))).toBe('unsure');
    expect(judge(statement(), statement({ Effect: 'Deny', Condition }))).toBe('unsure');
    const caller = { service: SERVICE, sourceArn: ALARM };
    for (const text of ['', 'null', '{"Statement": 1}'])
      expect(judgeInvoke(text, caller)).toBe('unsure');
  });
});

describe('rulesOf', () => {
  test('names the rules that may call', () => {
    const rule = 'arn:aws:events:eu-west-1:111122223333:rule/sweep';
    const Principal = { Service: 'events.amazonaws.com' };
    const Condition = { ArnLike: { 'AWS:SourceArn': rule } };
    expect(rulesOf(policyOf(statement(), statement({ Principal, Condition })))).toEqual([rule]);
    expect([rulesOf(null), rulesOf('{')]).toEqual([[], []]);
  });
});
