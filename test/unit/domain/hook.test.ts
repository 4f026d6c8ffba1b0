import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { confirmationOf, hookName, parseHook, smokeResult } from '../../../src/domain/hook.ts';

const answered = (body: unknown) => ({ kind: 'answered', body }) as const;

describe('parseHook', () => {
  test.each([
    ['https://smoke.example.com/check?key=x', 'https://smoke.example.com'],
    ['http://127.0.0.1:8080/check', 'http://127.0.0.1:8080'],
    ['http://localhost/check', 'http://localhost'],
    ['smoke-check', 'Lambda function smoke-check'],
    ['smoke-check:live', 'Lambda function smoke-check:live'],
    [
      'arn:aws:lambda:eu-west-1:123456789012:function:smoke-check:3',
      'Lambda function arn:aws:lambda:eu-west-1:123456789012:function:smoke-check:3',
    ],
  ])('%s is a hook, shown as %s', (text, name) => {
    expect(hookName(parseHook(text, 'ROLLBACK_RELOAD'))).toBe(name);
  });

  test.each([
    ['http://smoke.example.com/0SECRET', /is not https, and leads to another machine/],
    ['https://ada:0SECRET@smoke.example.com/', /holds a login/],
    ['ftp://smoke.example.com/0SECRET', /is not an https address/],
    ['smoke.example.com/0SECRET', /is not an address/],
    ['a name 0SECRET', /must be an https address, or the name or ARN/],
    ['arn:aws:sns:eu-west-1:123456789012:0SECRET', /name or ARN of a Lambda function/],
    ['', /must be/],
    [{ url: 'https://0SECRET' }, /must be/],
    [null, /must be/],
  ])('%j is none, and the message shows nothing of it', (value, problem) => {
    const parse = () => parseHook(value, 'ROLLBACK_RELOAD');
    expect(parse).toThrow(problem);
    expect(parse).toThrow(/^ROLLBACK_RELOAD /);
    expect(parse).not.toThrow(/0SECRET/);
  });

  test('whatever text it gets, it reads it or says why not, and a hook is read again as itself', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webUrl()), (text) => {
        let hook: ReturnType<typeof parseHook>;
        try {
          hook = parseHook(text, 'it');
        } catch (error) {
          expect(error).toMatchObject({ name: 'InvalidRequestError' });
          return;
        }
        const again = hook.kind === 'http' ? hook.url : hook.functionName;
        expect(parseHook(again, 'it')).toEqual(hook);
      }),
    );
  });
});

describe('smokeResult', () => {
  test.each([
    [answered({ ok: true, extra: 1 }), 'passed', ''],
    [answered({ ok: false }), 'refused', ''],
    [answered({ ok: false, reason: ' AUC is 0.4. ' }), 'refused', 'AUC is 0.4'],
    [answered({ ok: false, reason: '\u202eevil' }), 'refused', '\\u202eevil'],
    [answered({ ok: 'true' }), 'failed', /neither/],
    [answered({}), 'failed', /neither/],
    [answered([true]), 'failed', /neither/],
    [answered(null), 'failed', /neither/],
    [answered('ok'), 'failed', /neither/],
    [{ kind: 'failed', why: 'no answer in time' } as const, 'failed', 'no answer in time'],
  ])('%j is %s', (answer, kind, why) => {
    const result = smokeResult('hook', answer);
    expect(result).toMatchObject({ kind, hook: 'hook' });
    expect(result.why).toEqual(typeof why === 'string' ? why : expect.stringMatching(why));
  });

  test('a long reason is cut', () => {
    const { why } = smokeResult('hook', answered({ ok: false, reason: 'x'.repeat(9_000) }));
    expect(why.length).toBeLessThanOrEqual(300);
  });
});

describe('confirmationOf', () => {
  test.each([
    [answered(null), { kind: 'confirmed', version: null }],
    [answered({}), { kind: 'confirmed', version: null }],
    [answered('reloaded'), { kind: 'confirmed', version: null }],
    [answered({ serving_version: null }), { kind: 'confirmed', version: null }],
    [answered({ serving_version: '2' }), { kind: 'confirmed', version: '2' }],
    [answered({ serving_version: 2 }), { kind: 'confirmed', version: '2' }],
  ])('%j confirms', (answer, confirmed) => {
    expect(confirmationOf(answer, '2')).toEqual(confirmed);
  });

  test.each([
    [answered({ serving_version: '3' }), 'it answered that it serves version 3'],
    [answered({ serving_version: ['2'] }), 'it answered that it serves no version'],
    [{ kind: 'failed', why: 'it answered 500' } as const, 'it answered 500'],
  ])('%j does not', (answer, why) => {
    expect(confirmationOf(answer, '2')).toEqual({ kind: 'not-confirmed', why });
  });
});
