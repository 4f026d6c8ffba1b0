import { describe, expect, test } from 'vitest';
import { InvalidRequestError } from '../../../../src/domain/errors.ts';
import { limits } from '../../../../src/domain/limits.ts';
import { parseFleetRequest, planOfFleet } from '../../../../src/domain/request/fleet-request.ts';

const refusalOf = (input: unknown): string => {
  try {
    parseFleetRequest(input);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidRequestError);
    return (error as Error).message;
  }
  return expect.fail(`accepted ${JSON.stringify(input)}`);
};

describe('parseFleetRequest', () => {
  test('takes a list, with defaults for the rest', () => {
    expect(parseFleetRequest({ models: ['a', 'b'] })).toEqual({
      selection: { kind: 'list', models: ['a', 'b'] },
      reason: 'MANUAL_REQUEST',
      isDryRun: false,
      requestedBy: null,
      maxConcurrency: 10,
      toleratedFailures: 10,
    });
  });

  test('takes every field', () => {
    const input = {
      models: null,
      tag: { key: 'feature_set', value: "the customer's v7" },
      reason: 'DRIFT_SEVERE',
      dry_run: true,
      requested_by: 'ana',
      max_concurrency: 1,
      tolerated_failures: 0,
    };
    expect(parseFleetRequest(input)).toEqual({
      selection: {
        kind: 'tag',
        tag: { of: 'model', key: 'feature_set', value: "the customer's v7" },
      },
      reason: 'DRIFT_SEVERE',
      isDryRun: true,
      requestedBy: 'ana',
      maxConcurrency: 1,
      toleratedFailures: 0,
    });
  });

  test('tells a tag of the live version from one of the registered model', () => {
    const { selection } = parseFleetRequest({ live_version_tag: { key: 'k', value: 'v' } });
    expect(selection).toEqual({ kind: 'tag', tag: { of: 'live-version', key: 'k', value: 'v' } });
  });

  test.each([
    ['dryrun', /"dry_run"/],
    ['dry_rum', /"dry_run"/],
    ['DryRun', /"dry_run"/],
    ['preview', /"dry_run"/],
    ['simulate', /"dry_run"/],
    ['model', /"models"/],
    ['tags', /"tag"/],
    ['max_concurency', /"max_concurrency"/],
  ])('refuses the misspelt field %s', (field, wanted) => {
    expect(refusalOf({ models: ['a'], [field]: true })).toMatch(wanted);
  });

  test('refuses any other unknown field, and names those that there are', () => {
    for (const field of ['overrides', 'request_id', 'state', 'model_name', 'target_version']) {
      const message = refusalOf({ models: ['a'], [field]: 'x' });
      expect(message).toContain(`"${field}"`);
      expect(message).toContain('tolerated_failures');
    }
  });

  test.each([
    ['nothing', {}],
    ['null alone', { models: null, tag: null }],
    ['a list and a tag', { models: ['a'], tag: { key: 'k', value: 'v' } }],
    ['two tags', { tag: { key: 'k', value: 'v' }, live_version_tag: { key: 'k', value: 'v' } }],
  ])('refuses %s', (_, input) => {
    expect(refusalOf(input)).toContain('exactly one of models, tag and live_version_tag');
  });

  test.each([null, undefined, 'a', 7, true, ['a']])('refuses %j as the whole', (input) => {
    expect(refusalOf(input)).toContain('JSON object');
  });

  test.each([
    [[], 'models must be a list'],
    ['a', 'models must be a list'],
    [{ 0: 'a' }, 'models must be a list'],
    [['a', 7], 'models[1] must be a string'],
    [['a', ''], 'models[1] must not be empty'],
    [['a', ' '], 'models[1] must not be blank'],
    [['a', null], 'models[1] must be a string'],
    [['a\n'], 'models[0] must not contain control characters'],
    [[`'a"`], 'models[0] contains both kinds of quotes'],
    [['a'.repeat(257)], 'models[0] has 257 characters'],
    [['\ud800'], 'models[0] holds half a character'],
    [Array.from({ length: 1_001 }, () => 7), 'models has 1001 entries; at most 1000'],
  ])('refuses the models %j', (models, message) => {
    expect(refusalOf({ models })).toContain(message);
  });

  test.each([
    'feature_set=v7',
    {},
    { key: 'k' },
    { value: 'v' },
    { key: 'k', value: 'v', of: 'model' },
    { key: 'k', values: 'v' },
    { key: '', value: 'v' },
    { key: 'k', value: '' },
    { key: 7, value: 'v' },
    { key: 'k', value: 7 },
    { key: 'k`', value: 'v' },
    { key: "k'", value: 'v' },
    { key: 'k"', value: 'v' },
    { key: 'k` = 1 OR `k', value: 'v' },
    { key: 'k\\', value: 'v' },
    { key: ' k', value: 'v' },
    { key: 'k\n', value: 'v' },
    { key: 'k', value: `'"` },
    { key: 'k', value: 'v\\' },
    { key: 'k', value: 'v ' },
    { key: 'k', value: 'v\u0000' },
    { key: 'k', value: '\udc00' },
    { key: 'k', value: 'v'.repeat(257) },
  ])('refuses the tag %j', (tag) => {
    expect(refusalOf({ tag })).toMatch(/\btag\b|"value"/);
    expect(refusalOf({ live_version_tag: tag })).toMatch(/\blive_version_tag\b|"value"/);
  });

  test.each([
    ['max_concurrency', 0],
    ['max_concurrency', limits.fleetConcurrencyMax + 1],
    ['max_concurrency', 1.5],
    ['max_concurrency', '10'],
    ['max_concurrency', Number.NaN],
    ['tolerated_failures', -1],
    ['tolerated_failures', limits.fleetFailuresMax + 1],
    ['tolerated_failures', '5 %'],
    ['dry_run', 'true'],
    ['dry_run', 1],
    ['reason', 'BECAUSE'],
    ['requested_by', ''],
    ['requested_by', 7],
  ])('refuses %s %j', (field, value) => {
    expect(refusalOf({ models: ['a'], [field]: value })).toContain(field);
  });
});

describe('planOfFleet', () => {
  const request = parseFleetRequest({ models: ['a'], requested_by: 'ana', dry_run: true });

  test('has each model once, in their order', () => {
    expect(planOfFleet(request, ['b', 'a', 'b', 'c', 'a'])).toEqual({
      models: ['b', 'a', 'c'],
      reason: 'MANUAL_REQUEST',
      dry_run: true,
      requested_by: 'ana',
      max_concurrency: 10,
      tolerated_failures: 10,
    });
  });

  test('takes as many models as fit, and no more', () => {
    const names = (count: number): string[] =>
      Array.from({ length: count }, (_, index) => `m${index}`);
    expect(planOfFleet(request, names(1_000)).models).toHaveLength(1_000);
    expect(() => planOfFleet(request, names(1_001))).toThrow(/at most 1000 models.*these are 1001/);
  });

  test('counts names in bytes, as they are sent', () => {
    const long = (count: number): string[] =>
      Array.from({ length: count }, (_, index) => `${'模'.repeat(100)}${1_000 + index}`);
    expect(planOfFleet(request, long(200)).models).toHaveLength(200);
    expect(() => planOfFleet(request, long(250))).toThrow(/65536 bytes of names/);
  });
});
