/** `state-machines/promote-and-watch.asl.json` against the code, and its page against it. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { Outcome } from '../../src/domain/decide/outcome.ts';
import { Decision } from '../../src/domain/evidence/evidence.ts';
import { parseCompareRequest } from '../../src/domain/request/compare-request.ts';
import { parsePromotion } from '../../src/domain/request/promotion-request.ts';
import { parseRequest } from '../../src/domain/request/request.ts';

interface State {
  readonly Type: string;
  readonly Resource?: string;
  readonly Arguments?: { readonly Payload: unknown };
  readonly Retry?: readonly { readonly ErrorEquals: readonly string[] }[];
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[];
  readonly Choices?: readonly { readonly Condition: string; readonly Next: string }[];
  readonly Default?: string;
  readonly Output?: Readonly<Record<string, unknown>>;
  readonly Error?: string;
}

interface Definition {
  readonly States: Readonly<Record<string, State>>;
}

const read = (name: string): Definition =>
  JSON.parse(readFileSync(`state-machines/${name}.asl.json`, 'utf8'));
const definition = read('promote-and-watch');
const single = read('roll-back.jsonata').States['RollBack'];
const page = readFileSync('docs/reference/promote-and-watch.md', 'utf8');
const state = (name: string): State => definition.States[name] ?? expect.fail(`no state ${name}`);
/** What a choice asks for, by equality: value to state. */
const ways = (name: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (state(name).Choices ?? []).flatMap(({ Condition, Next }) => {
      const [, value] = /^\{% \$states\.input\.\w+ = '(\w+)' %\}$/.exec(Condition) ?? [];
      return value === undefined ? [] : [[value, Next]];
    }),
  );
const bareCatch = (task: State | undefined) =>
  task?.Catch?.map(({ ErrorEquals, Next }) => ({ ErrorEquals, Next }));
const ends = Object.entries(definition.States).filter(([, { Type }]) => /Pass|Fail/.test(Type));

describe('promote-and-watch.asl.json', () => {
  test('is a sound state machine', () => {
    // It has no types, and it writes into what it is given.
    const validate = createRequire(import.meta.url)('asl-validator') as (definition: unknown) => {
      readonly isValid: boolean;
      errorsText(separator: string): string;
    };
    const { isValid, errorsText } = validate(structuredClone(definition));
    expect(isValid ? '' : errorsText('\n')).toBe('');
  });

  test('retries and catches as the single rollback does, where it moves a pointer', () => {
    for (const name of ['Promote', 'RollBack']) {
      expect(state(name)).toMatchObject({ Retry: single?.Retry, TimeoutSeconds: 150 });
      expect(bareCatch(state(name))).toEqual(bareCatch(single));
    }
    // A comparison answers its own errors.
    const [retrier] = state('Compare').Retry ?? [];
    const passing = single?.Retry?.[0]?.ErrorEquals.filter((name) => /\./.test(name));
    expect(retrier).toEqual({ ...single?.Retry?.[0], ErrorEquals: passing });
    expect(bareCatch(state('Compare'))).toEqual([{ ErrorEquals: ['States.ALL'], Next: 'GaveUp' }]);
  });

  test('has a way for each decision, and for each outcome that it can get', () => {
    expect(Object.keys(ways('WhatWasFound')).toSorted()).toEqual(
      Object.values(Decision).toSorted(),
    );
    const { PROMOTED, ALREADY_LIVE, REFUSED, CONTESTED, FAILED, NO_TARGET, ROLLED_BACK } = Outcome;
    // It names the version to promote, and none to restore.
    expect(Object.keys(ways('WasPromoted')).toSorted()).toEqual(
      [PROMOTED, ALREADY_LIVE, REFUSED, CONTESTED, FAILED].toSorted(),
    );
    expect(Object.keys(ways('WhatHappened')).toSorted()).toEqual(
      [ROLLED_BACK, REFUSED, NO_TARGET, CONTESTED, FAILED].toSorted(),
    );
    for (const name of ['WhatWasFound', 'WasPromoted', 'WhatHappened']) {
      expect(state(name).Default).toBe('UnknownOutcome');
    }
  });

  test('sends requests that are sound, and two keys for one model', () => {
    const filled = (name: string): Record<string, unknown> => {
      const { Payload } = state(name).Arguments ?? expect.fail('no arguments');
      const values: Readonly<Record<string, unknown>> = {
        new_version: '4',
        expected_from_version: name === 'Promote' ? '3' : '4',
        confidence: 1,
        reason: 'DRIFT_SEVERE',
      };
      return Object.fromEntries(
        Object.entries(Payload as object).map(([field, text]) => [field, values[field] ?? text]),
      );
    };
    expect(parsePromotion(filled('Promote'))).toMatchObject({
      request: { targetVersion: '4', expectedFromVersion: '3', promotes: true },
      warnings: [],
    });
    expect(parseRequest(filled('RollBack'))).toMatchObject({
      request: { targetVersion: null, expectedFromVersion: '4', reason: 'DRIFT_SEVERE' },
      warnings: [],
    });
    expect(filled('Promote')['request_id']).not.toBe(filled('RollBack')['request_id']);
    const [, fields = ''] = /\$key in \[(.*?)\]/.exec(JSON.stringify(state('Compare'))) ?? [];
    const names = [...fields.matchAll(/'(\w+)'/g)].map(([, name = '']) => name);
    const rules = { metrics: { auc: { direction: 'higher' } } };
    const request = { model_name: 'm', champion_version: '3', challenger_version: '4', rules };
    expect(names.toSorted()).toEqual(Object.keys(request).toSorted());
    expect(() => parseCompareRequest(request)).not.toThrow();
  });

  test('knows the fields that its page has, and no other', () => {
    const [condition] = state('Check').Choices ?? [];
    const known = [...(condition?.Condition ?? '').matchAll(/'(\w+)'/g)].map(([, name]) => name);
    const [, table = ''] = page.split('\n## Input\n');
    const [rows = ''] = table.split('\n## ');
    const named = [...rows.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    );
    expect(named.toSorted()).toEqual(known.toSorted());
  });

  test('has the ends that its page has', () => {
    const lasting = ends.filter(([name]) => name !== 'Begin');
    for (const [name, { Type, Output, Error: error = '' }] of lasting) {
      expect(page).toContain(`\`${name}\``);
      const said = Type === 'Fail' ? error : String(Output?.['outcome']);
      if (!said.startsWith('{%')) expect(page).toContain(`\`${said}\``);
    }
    const example = /^```json\n(\{\n {2}"outcome"[\s\S]*?)^```$/m.exec(page)?.[1] ?? '{}';
    const outputs = lasting.flatMap(([, { Output }]) => (Output === undefined ? [] : [Output]));
    expect(outputs).toHaveLength(7);
    for (const output of outputs) {
      expect(Object.keys(output)).toEqual(Object.keys(JSON.parse(example)));
    }
  });
});
