import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidRequestError } from '../../../../src/domain/errors.ts';
import { parseRequest, requestBody } from '../../../../src/domain/request/request.ts';

const refused = (input: unknown): string => {
  try {
    parseRequest(input);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidRequestError);
    return (error as Error).message;
  }
  throw new Error(`accepted ${JSON.stringify(input)}`);
};

describe('parseRequest', () => {
  test('reads the whole request', () => {
    const { request, warnings } = parseRequest({
      model_name: 'PascalStrategy',
      target_version: '2',
      reason: 'DRIFT_SEVERE',
      alarm_name: 'a',
      dry_run: true,
      request_id: 'r',
      expected_from_version: '3',
      overrides: ['COOLDOWN', 'COOLDOWN', 'QUARANTINED'],
      requested_by: 'me',
    });
    expect(warnings).toEqual([]);
    expect(request).toEqual({
      modelName: 'PascalStrategy',
      targetVersion: '2',
      reason: 'DRIFT_SEVERE',
      alarmName: 'a',
      isDryRun: true,
      requestId: 'r',
      expectedFromVersion: '3',
      overrides: ['COOLDOWN', 'QUARANTINED'],
      requestedBy: 'me',
    });
  });

  test('takes null for absent, everywhere', () => {
    const names = ['target_version', 'reason', 'alarm_name', 'dry_run', 'request_id', 'overrides'];
    const nulls = Object.fromEntries(names.map((name) => [name, null]));
    expect(parseRequest({ model_name: 'm', ...nulls }).request).toEqual(
      parseRequest({ model_name: 'm' }).request,
    );
  });

  test('has the defaults of the contract', () => {
    const { request } = parseRequest({ model_name: 'm' });
    expect(request).toMatchObject({ reason: 'MANUAL_REQUEST', isDryRun: false, overrides: [] });
  });

  test.each([null, [], 'm', 3, true, undefined])('refuses %j, which is no object', (input) => {
    expect(refused(input)).toContain('JSON object');
  });

  test.each([
    ['dry_rum', 'dry_run'],
    ['dryrun', 'dry_run'],
    ['Dry-Run', 'dry_run'],
    ['dyr_rnu', 'dry_run'],
    ['isDryRunOnly', 'dry_run'],
    ['modelname', 'model_name'],
    ['target_verson', 'target_version'],
    ['expectedFromVersion', 'expected_from_version'],
    ['requestedBy', 'requested_by'],
    ['over_rides', 'overrides'],
  ])('takes %s for a misspelt %s', (field, known) => {
    expect(refused({ model_name: 'm', [field]: true })).toContain(known);
  });

  test.each(['preview', 'SIMULATE', 'no_op', 'noop', 'test', 'check', 'what_if', 'whatIf', 'dry'])(
    'takes %s for a preview',
    (field) => {
      expect(refused({ model_name: 'm', [field]: false })).toContain('dry_run');
    },
  );

  test.each(['test_results', 'checksum', 'detail', 'execution'])('only warns of %s', (field) => {
    const { warnings } = parseRequest({ model_name: 'm', [field]: 1 });
    expect(warnings).toEqual([
      { code: 'UNKNOWN_FIELDS', message: `Ignored 1 unknown field(s): "${field}".` },
    ]);
  });

  test('reports at most twenty unknown fields', () => {
    const many = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`field${index}x`, 1]),
    );
    const [warning] = parseRequest({ model_name: 'm', ...many }).warnings;
    expect(warning?.message).toContain('30 unknown');
    expect(warning?.message.match(/field/g)).toHaveLength(21);
    expect(warning?.message).toContain('…');
  });

  test.each([
    [{}, 'model_name is missing'],
    [{ model_name: '' }, 'must not be empty'],
    [{ model_name: '   ' }, 'blank'],
    [{ model_name: 7 }, 'model_name must be a string'],
    [{ model_name: 'x'.repeat(257) }, '257 characters'],
    [{ model_name: 'a\u0000b' }, 'control characters'],
    [{ model_name: 'a\nb' }, 'control characters'],
    [{ model_name: 'a\ud800' }, 'half a character'],
    [{ model_name: 'm', request_id: 'a\ud800' }, 'half a character'],
    [{ model_name: `a'"` }, 'both kinds of quotes'],
    [{ model_name: 'm', target_version: 2 }, 'target_version must be a string of digits'],
    [{ model_name: 'm', target_version: '02' }, 'without leading zero'],
    [{ model_name: 'm', target_version: '0' }, 'without leading zero'],
    [{ model_name: 'm', target_version: '-1' }, 'without leading zero'],
    [{ model_name: 'm', target_version: '1.5' }, 'without leading zero'],
    [{ model_name: 'm', target_version: '٣' }, 'without leading zero'],
    [{ model_name: 'm', target_version: '9'.repeat(16) }, 'string of digits'],
    [{ model_name: 'm', dry_run: 'true' }, 'dry_run must be true or false'],
    [{ model_name: 'm', dry_run: 1 }, 'dry_run must be true or false'],
    [{ model_name: 'm', reason: 'drift_severe' }, 'reason must be one of'],
    [{ model_name: 'm', request_id: 'x'.repeat(257) }, '257 characters'],
    [{ model_name: 'm', request_id: '' }, 'must not be empty'],
    [{ model_name: 'm', overrides: 'COOLDOWN' }, 'overrides must be a list'],
    [{ model_name: 'm', overrides: ['COOL'] }, 'is not a refusal code'],
    [{ model_name: 'm', overrides: ['LIVE_VERSION_CHANGED'] }, 'cannot be overridden'],
    [{ model_name: 'm', overrides: Array(17).fill('COOLDOWN') }, 'too many'],
    [{ model_name: 'm', target_version: { a: 'x'.repeat(200) } }, '…'],
  ])('refuses %j', (input, message) => {
    expect(refused(input)).toContain(message);
  });

  test('names the accepted forms when model_name is missing', () => {
    expect(refused({})).toBe(
      'model_name is missing. Accepted are a request such as {"model_name": "NAME"}, {"sweep": true}, and ' +
        'CloudWatch alarms, sent directly or by EventBridge, SNS or SQS.',
    );
  });

  test.each(["it's", 'say "hi"', 'a/b', 'größe', '模型', 'a b', '%+&#'])(
    'takes the name %s',
    (name) => {
      expect(parseRequest({ model_name: name }).request.modelName).toBe(name);
    },
  );

  test('refuses a value that is nested too deeply to be shown', () => {
    const deep: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
    expect(refused({ model_name: deep })).toBe('model_name must be a string, not object.');
    expect(refused({ model_name: 'm', overrides: [deep] })).toContain(
      'object is not a refusal code',
    );
  });

  test('never throws anything but InvalidRequestError', () => {
    const value = fc.oneof(fc.anything(), fc.string());
    const field = fc.oneof(fc.string(), fc.constantFrom('model_name', 'dry_run', 'overrides'));
    fc.assert(
      fc.property(fc.oneof(fc.dictionary(field, value), fc.anything()), (input) => {
        try {
          parseRequest(input);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidRequestError);
        }
      }),
    );
  });

  test('never takes a dry_run with one or two typing errors for something else', () => {
    const letter = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz_');
    const edits = fc.array(fc.tuple(fc.nat(6), letter, fc.constantFrom('set', 'add', 'cut')), {
      minLength: 1,
      maxLength: 2,
    });
    fc.assert(
      fc.property(edits, (list) => {
        const name = list.reduce((text, [at, character, kind]) => {
          const rest = text.slice(kind === 'add' ? at : at + 1);
          return text.slice(0, at) + (kind === 'cut' ? '' : character) + rest;
        }, 'dry_run');
        if (name === 'dry_run' || name === '__proto__') return;
        expect(() => parseRequest({ model_name: 'm', [name]: true })).toThrow(InvalidRequestError);
      }),
    );
  });
});

describe('requestBody', () => {
  const body = (fields: object): string =>
    requestBody(parseRequest({ model_name: 'm', ...fields }).request);

  test('leaves the key out', () => {
    expect(body({ request_id: 'a' })).toBe(body({ request_id: 'b' }));
  });

  test.each([
    { model_name: 'n' },
    { target_version: '1' },
    { reason: 'TEST_FAILURE' },
    { alarm_name: 'a' },
    { expected_from_version: '1' },
    { overrides: ['COOLDOWN'] },
    { requested_by: 'me' },
  ])('differs with %j', (fields) => {
    expect(body(fields)).not.toBe(body({}));
  });

  test('does not care about the order of overrides', () => {
    expect(body({ overrides: ['COOLDOWN', 'QUARANTINED'] })).toBe(
      body({ overrides: ['QUARANTINED', 'COOLDOWN'] }),
    );
  });
});
