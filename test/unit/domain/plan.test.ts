import { describe, expect, test } from 'vitest';
import { VersionNotFoundError } from '../../../src/domain/errors.ts';
import { refusalsOf } from '../../../src/domain/guard.ts';
import { needsOlderVersions, planMessage, planWarnings } from '../../../src/domain/plan.ts';
import type { LastCommit } from '../../../src/domain/rollback.ts';
import { nowMs, planOf, requestOf, row, snapshotOf, stateOf } from '../../fakes/facts.ts';

const three = [row('3', 'Production', 9), row('2', 'Archived', 9), row('1', 'Archived', 1)];
const hourMs = 3_600_000;
const committed = (agoMs: number, from: string | null = '3'): { lastCommit: LastCommit } => ({
  lastCommit: { rollbackId: 'm/1', atMs: nowMs - agoMs, from, to: '2' },
});
const codes = (plan: ReturnType<typeof planOf>): string[] =>
  refusalsOf(plan.guards).map((refusal) => refusal.code);

describe('planRollback', () => {
  test('moves from the live version to the target', () => {
    const plan = planOf(three);
    expect(plan).toMatchObject({
      verdict: 'ROLLED_BACK',
      live: ['3'],
      pointer: 'stage:Production',
    });
    expect(plan.from?.version).toBe('3');
    expect(plan.to?.version).toBe('2');
    expect(planMessage(plan)).toBe('stage:Production would move from 3 to 2.');
  });

  test('gives the same plan for the same facts', () => {
    expect(planOf(three)).toEqual(planOf(three));
  });

  test('takes an explicit target, also a newer one', () => {
    const rows = [...three, row('4', 'Archived', 2)];
    const plan = planOf(rows, { request: { target_version: '4' } });
    expect(plan).toMatchObject({ verdict: 'ROLLED_BACK', rule: 'explicit' });
    expect(plan.to?.version).toBe('4');
  });

  test('throws for an explicit target that is not there', () => {
    expect(() => planOf(three, { request: { target_version: '7' } })).toThrow(VersionNotFoundError);
  });

  test('does nothing when the target is the only live version', () => {
    const plan = planOf(three, {
      request: { target_version: '3' },
      state: committed(1),
      cooldownMs: 5,
    });
    expect(plan.verdict).toBe('ALREADY_LIVE');
    expect(planMessage(plan)).toContain('already');
  });

  test('moves when the target is one of two live versions, whichever', () => {
    const rows = [row('3', 'Production', 9), row('2', 'Production', 8)];
    const down = planOf(rows, { request: { target_version: '2' } });
    expect([down.verdict, down.from?.version, down.to?.version]).toEqual(['ROLLED_BACK', '3', '2']);
    const up = planOf(rows, { request: { target_version: '3' } });
    expect([up.verdict, up.from?.version, up.to?.version]).toEqual(['ROLLED_BACK', '2', '3']);
  });

  test('ends as NO_TARGET with what a person could name', () => {
    const plan = planOf([row('3', 'Production', 9), row('2', 'None', 1)]);
    expect(plan.verdict).toBe('NO_TARGET');
    expect(planMessage(plan)).toContain('2 (its stage is None');
    expect(planMessage(planOf([row('1', 'Production', 1)]))).toContain('no other version');
  });

  test('reports every refusal, not only the first', () => {
    const plan = planOf(three, {
      request: { target_version: '2', expected_from_version: '1' },
      state: {
        ...committed(hourMs),
        quarantine: [{ version: '2', atMs: 0, rollbackId: 'm/1' }],
      },
      cooldownMs: 2 * hourMs,
    });
    expect(plan.verdict).toBe('REFUSED');
    expect(codes(plan)).toEqual(['COOLDOWN', 'LIVE_VERSION_CHANGED', 'QUARANTINED']);
    expect(planMessage(plan)).toContain('override COOLDOWN');
  });

  test('shows the target also when refused', () => {
    const plan = planOf(three, { state: committed(1), cooldownMs: hourMs });
    expect([plan.verdict, plan.to?.version]).toEqual(['REFUSED', '2']);
  });
});

describe('the guards', () => {
  test('ALARM_NOT_CONFIRMED is there only for an alarm that could not be confirmed', () => {
    const inDoubt = planOf(three, { redAtMs: nowMs, doubt: 'CloudWatch refused.' });
    expect(codes(inDoubt)).toEqual(['ALARM_NOT_CONFIRMED']);
    expect(inDoubt.to?.version).toBe('2');
    expect(inDoubt.guards.at(-1)?.message).toMatch(/^CloudWatch refused\. So the alarm/);
    // Release 0.1.0 cannot read a plan that names it.
    for (const plan of [planOf(three), planOf(three, { redAtMs: nowMs })]) {
      expect(JSON.stringify(plan)).not.toContain('ALARM_NOT_CONFIRMED');
    }
    expect(codes(planOf(three, { doubt: 'A person asks.' }))).toEqual([]);
  });

  test.each([
    [24 * hourMs - 1, ['COOLDOWN']],
    [24 * hourMs, []],
    [-5_000, ['COOLDOWN']],
  ])('COOLDOWN after %d ms: %j', (agoMs, expected) => {
    expect(codes(planOf(three, { state: committed(agoMs), cooldownMs: 24 * hourMs }))).toEqual(
      expected,
    );
  });

  test('COOLDOWN says when it clears, and can be overridden by name', () => {
    const facts = { state: committed(hourMs), cooldownMs: 2 * hourMs };
    const [refusal] = refusalsOf(planOf(three, facts).guards);
    expect(refusal).toMatchObject({ clearsAtMs: nowMs + hourMs });
    const plan = planOf(three, { ...facts, request: { overrides: ['COOLDOWN'] } });
    expect(plan.verdict).toBe('ROLLED_BACK');
    expect(planWarnings(plan, stateOf()).map((warning) => warning.code)).toEqual([
      'OVERRIDDEN_COOLDOWN',
    ]);
  });

  test('COOLDOWN words a rollback from nowhere', () => {
    const plan = planOf(three, { state: committed(1, null), cooldownMs: hourMs });
    expect(planMessage(plan)).toContain('(to 2, m/1)');
  });

  test('COOLDOWN passes when it is switched off, or nothing is on record', () => {
    expect(codes(planOf(three, { state: committed(0), cooldownMs: 0 }))).toEqual([]);
    expect(codes(planOf(three, { cooldownMs: hourMs }))).toEqual([]);
  });

  test('LIVE_VERSION_CHANGED looks at the live version', () => {
    const expecting = (version: string) =>
      planOf(three, { request: { expected_from_version: version, overrides: [] } });
    expect(codes(expecting('3'))).toEqual([]);
    expect(codes(expecting('2'))).toEqual(['LIVE_VERSION_CHANGED']);
    const none = planOf([row('2', 'Archived')], {
      request: { expected_from_version: '3', target_version: '2' },
    });
    expect(codes(none)).toEqual(['LIVE_VERSION_CHANGED']);
    expect(planMessage(none)).toContain('it is none');
  });

  test('LIVE_VERSION_CHANGED holds a person to the plan that was shown', () => {
    expect(planOf(three, { confirmed: { live: '3', to: '2' } }).verdict).toBe('ROLLED_BACK');
    expect(codes(planOf(three, { confirmed: { live: '4', to: '2' } }))).toEqual([
      'LIVE_VERSION_CHANGED',
    ]);
    expect(codes(planOf(three, { confirmed: { live: '3', to: '1' } }))).toEqual([
      'LIVE_VERSION_CHANGED',
    ]);
    const noTarget = planOf([row('3', 'Production')], { confirmed: { live: '3', to: '2' } });
    expect(planMessage(noTarget)).toContain('3 to none');
  });

  test('NO_LIVE_VERSION refuses unless the request names a target', () => {
    const rows = [row('2', 'Archived'), row('1', 'Archived')];
    expect(codes(planOf(rows))).toEqual(['NO_LIVE_VERSION']);
    const plan = planOf(rows, { request: { target_version: '1' } });
    expect([plan.verdict, plan.from, plan.to?.version]).toEqual(['ROLLED_BACK', null, '1']);
    expect(planMessage(plan)).toContain('from none to 1');
  });

  test('QUARANTINED refuses an explicit target, unless overridden', () => {
    const state = { quarantine: [{ version: '2', atMs: 0, rollbackId: 'm/1' }] };
    expect(codes(planOf(three, { state, request: { target_version: '2' } }))).toEqual([
      'QUARANTINED',
    ]);
    const request = { target_version: '2', overrides: ['QUARANTINED'] };
    expect(planOf(three, { state, request }).verdict).toBe('ROLLED_BACK');
    expect(planOf(three, { state }).to?.version).toBe('1');
  });

  test('TARGET_UNFIT refuses an explicit target that is not READY, unless overridden', () => {
    const rows = [row('3', 'Production', 9), row('2', 'Archived', 9, 'PENDING_REGISTRATION')];
    expect(codes(planOf(rows, { request: { target_version: '2' } }))).toEqual(['TARGET_UNFIT']);
    const request = { target_version: '2', overrides: ['TARGET_UNFIT'] };
    expect(planOf(rows, { request }).verdict).toBe('ROLLED_BACK');
  });

  test('SEVERAL_LIVE_VERSIONS only warns', () => {
    const plan = planOf([row('3', 'Production', 9), row('2', 'Production', 8)]);
    expect(plan.verdict).toBe('ROLLED_BACK');
    expect(planWarnings(plan, stateOf()).map((warning) => warning.code)).toEqual([
      'SEVERAL_LIVE_VERSIONS',
    ]);
  });
});

describe('planWarnings', () => {
  test('tells that the state belongs to another registry', () => {
    const warnings = planWarnings(planOf(three), stateOf({ registry: 'http://other' }));
    expect(warnings.map((warning) => warning.code)).toEqual(['REGISTRY_ADDRESS_CHANGED']);
  });
});

describe('needsOlderVersions', () => {
  const needs = (
    rows: Parameters<typeof planOf>[0],
    lowest: string | null,
    fields: Parameters<typeof planOf>[1] = {},
  ): boolean => {
    const isComplete = fields.isComplete ?? false;
    const plan = planOf(rows, { ...fields, isComplete });
    return needsOlderVersions(
      plan,
      requestOf(fields.request),
      snapshotOf(rows, isComplete),
      lowest,
    );
  };
  const byNumber = [row('300', 'Production', 9), row('200', 'Archived', 8)];

  test('is sure on a complete snapshot', () => {
    expect(needs([row('3', 'Production')], null, { isComplete: true })).toBe(false);
  });

  test('is sure of a displaced version', () => {
    expect(needs(three, null)).toBe(false);
  });

  test('is sure of an explicit target, and without a live version', () => {
    expect(needs(three, null, { request: { target_version: '2' } })).toBe(false);
    expect(needs([row('2', 'Archived')], null)).toBe(false);
  });

  test('walks down when there is no target, or one that was found by number only', () => {
    expect(needs([row('300', 'Production')], null)).toBe(true);
    expect(needs([row('300', 'Production')], '250')).toBe(true);
    expect(needs(byNumber, null)).toBe(true);
    expect(needs(byNumber, '250')).toBe(true);
    expect(needs(byNumber, '200')).toBe(false);
    expect(needs(byNumber, '150', { targetRule: 'latest-archived' })).toBe(false);
    expect(needs(byNumber, null, { targetRule: 'latest-archived' })).toBe(true);
  });
});
