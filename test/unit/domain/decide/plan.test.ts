import { describe, expect, test } from 'vitest';
import { refusalsOf } from '../../../../src/domain/decide/guard.ts';
import { needsEvidence, needsOlderVersions } from '../../../../src/domain/decide/plan.ts';
import { planMessage, planWarnings } from '../../../../src/domain/decide/plan-text.ts';
import { VersionNotFoundError } from '../../../../src/domain/errors.ts';
import { MarkKind, type RollbackMark } from '../../../../src/domain/registry/rollback-mark.ts';
import type { LastCommit } from '../../../../src/domain/state/model-state.ts';
import {
  nowMs,
  planOf,
  requestOf,
  row,
  settingsOf,
  snapshotOf,
  stateOf,
} from '../../../fakes/facts.ts';

const three = [row('3', 'Production', 9), row('2', 'Archived', 9), row('1', 'Archived', 1)];
const hourMs = 3_600_000;
const committed = (agoMs: number, from: string | null = '3'): { lastCommit: LastCommit } => ({
  lastCommit: { rollbackId: 'm/1', atMs: nowMs - agoMs, from, to: '2' },
});
const codes = (plan: ReturnType<typeof planOf>): string[] =>
  refusalsOf(plan.guards).map((refusal) => refusal.code);
const warningCodes = (plan: ReturnType<typeof planOf>): string[] =>
  planWarnings(plan, { state: stateOf(), snapshot: snapshotOf(three) }).map(({ code }) => code);

const mark: RollbackMark = {
  kind: MarkKind.ROLLED_BACK,
  other: '1',
  atMs: nowMs - hourMs,
  reason: 'DRIFT_SEVERE',
  by: 'ada',
  rollbackId: 'old-name/0123456789abcdef',
  pointer: 'stage:Production',
};
/** Version 2 was rolled back from, as only its tag shows. */
const markedTwo = three.map((version) =>
  version.version === '2' ? { ...version, marks: [mark] } : version,
);

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
    const inDoubt = planOf(three, { alarmAtMs: nowMs, doubt: 'CloudWatch refused.' });
    expect(codes(inDoubt)).toEqual(['ALARM_NOT_CONFIRMED']);
    expect(inDoubt.to?.version).toBe('2');
    expect(inDoubt.guards.at(-1)?.message).toMatch(/^CloudWatch refused\. The alarm/);
    // Release 0.1.0 cannot read a plan that names it.
    for (const plan of [planOf(three), planOf(three, { alarmAtMs: nowMs })]) {
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
    expect(warningCodes(plan)).toEqual(['OVERRIDDEN_COOLDOWN']);
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
    expect(planOf(three, { confirmed: { kind: 'move', live: '3', to: '2' } }).verdict).toBe(
      'ROLLED_BACK',
    );
    expect(codes(planOf(three, { confirmed: { kind: 'move', live: '4', to: '2' } }))).toEqual([
      'LIVE_VERSION_CHANGED',
    ]);
    expect(codes(planOf(three, { confirmed: { kind: 'move', live: '3', to: '1' } }))).toEqual([
      'LIVE_VERSION_CHANGED',
    ]);
    const noTarget = planOf([row('3', 'Production')], {
      confirmed: { kind: 'move', live: '3', to: '2' },
    });
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

  test('QUARANTINED refuses an explicit target that only its tag bars, and says so', () => {
    const request = { target_version: '2' };
    const plan = planOf(markedTwo, { request });
    expect(codes(plan)).toEqual(['QUARANTINED']);
    expect(planMessage(plan)).toMatch(
      /known from its tag model_rollback\.rolled_back of 2025-12-31T23/,
    );
    expect(planMessage(plan)).toContain('`model-rollback release m 2`');
    const released = { released: [{ version: '2', atMs: nowMs }] };
    expect(planOf(markedTwo, { request, state: released }).verdict).toBe('ROLLED_BACK');
    const overridden = planOf(markedTwo, { request: { ...request, overrides: ['QUARANTINED'] } });
    expect(overridden.verdict).toBe('ROLLED_BACK');
  });

  test('COOLDOWN counts from a tag that the state knows nothing of, and says so', () => {
    const plan = planOf(markedTwo, { cooldownMs: 2 * hourMs });
    expect(codes(plan)).toEqual(['COOLDOWN']);
    expect(refusalsOf(plan.guards)[0]?.clearsAtMs).toBe(nowMs + hourMs);
    expect(planMessage(plan)).toMatch(
      /known from the tag model_rollback\.rolled_back on version 2; this state/,
    );
    // Its own commit is newer; or the tag is about another pointer.
    const own = { lastCommit: { rollbackId: 'm/1', atMs: nowMs - 1, from: '9', to: '8' } };
    const newer = planOf(markedTwo, { state: own, cooldownMs: 2 * hourMs });
    expect(planMessage(newer)).toContain('(from 9 to 8, m/1)');
    const rows = [...three, { ...row('9', 'None'), marks: [{ ...mark, pointer: 'alias:prod' }] }];
    expect(codes(planOf(rows, { cooldownMs: 2 * hourMs }))).toEqual([]);
  });

  test('an overridden refusal does not ask for what the request did', () => {
    const facts = { state: committed(hourMs), cooldownMs: 2 * hourMs };
    const plan = planOf(three, { ...facts, request: { overrides: ['COOLDOWN'] } });
    const [warning] = planWarnings(plan, { state: stateOf(), snapshot: snapshotOf(three) });
    expect(warning?.message).toMatch(
      /next one is allowed at .*Z\. An override in the request passes this guard\.$/,
    );
  });

  test('COOLDOWN names the command that overrides it', () => {
    const facts = { state: committed(hourMs), cooldownMs: 2 * hourMs };
    const advice = 'Wait until then, or run `model-rollback apply m --override COOLDOWN`.';
    expect(planMessage(planOf(three, facts)).endsWith(advice)).toBe(true);
  });

  test('a live version in quarantine is named, with the command that releases it', () => {
    const quarantine = [{ version: '3', atMs: 0, rollbackId: 'm/x' }];
    const facts = { state: stateOf({ quarantine }), snapshot: snapshotOf(three) };
    const plan = planOf(three, { state: { quarantine } });
    const warnings = planWarnings(plan, facts);
    expect(warnings.map(({ code }) => code)).toEqual(['LIVE_IS_QUARANTINED']);
    expect(warnings[0]?.message).toContain('`model-rollback release m 3`');
    expect(planWarnings(plan, { ...facts, state: stateOf() })).toEqual([]);
  });

  describe('POINTER_UNUSED', () => {
    const none = [row('2', 'Archived'), row('1', 'Archived')];
    const champion = [{ alias: 'champion', version: '2' }];
    const request = { target_version: '1' };

    test('refuses when no version is live and an alias is in use, also an explicit target', () => {
      const unused = planOf(none, { aliases: champion }).guards.find(
        (guard) => guard.code === 'POINTER_UNUSED',
      );
      expect(unused?.message).toMatch(/run `model-rollback apply m --pointer alias:champion`\.$/);
      expect(codes(planOf(none, { aliases: champion }))).toEqual([
        'NO_LIVE_VERSION',
        'POINTER_UNUSED',
      ]);
      const plan = planOf(none, { aliases: champion, request });
      expect([plan.verdict, ...codes(plan)]).toEqual(['REFUSED', 'POINTER_UNUSED']);
      expect(planMessage(plan)).toContain('alias:champion names version 2');
      expect(planMessage(plan)).toContain(
        '`model-rollback apply m --to 1 --pointer alias:champion`',
      );
      expect(planMessage(plan)).toContain(
        '`model-rollback apply m --to 1 --override POINTER_UNUSED`',
      );
    });

    test('can be overridden by name', () => {
      const overriding = { ...request, overrides: ['POINTER_UNUSED'] };
      const plan = planOf(none, { aliases: champion, request: overriding });
      expect(plan.verdict).toBe('ROLLED_BACK');
      expect(warningCodes(plan)).toEqual(['OVERRIDDEN_POINTER_UNUSED']);
    });

    test('passes when a version is live, or no alias is in use', () => {
      expect(codes(planOf(three, { aliases: champion }))).toEqual([]);
      const others = [
        { alias: 'challenger', version: '2' },
        { alias: 'champion-previous', version: '1' },
      ];
      expect(codes(planOf(none, { aliases: others, request }))).toEqual([]);
      expect(codes(planOf(none, { request }))).toEqual([]);
    });
  });

  test('LIVE_VERSION_CHANGED words that none is live', () => {
    const rows = [row('2', 'Archived')];
    const plan = planOf(rows, {
      confirmed: { kind: 'move', live: null, to: '1' },
      request: { target_version: '2' },
    });
    expect(planMessage(plan)).toContain('from none to 1; it would now move from none to 2');
    expect(planMessage(plan)).toMatch(/run `model-rollback apply m`\.$/);
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
    expect(warningCodes(plan)).toEqual(['SEVERAL_LIVE_VERSIONS']);
  });
});

describe('planWarnings', () => {
  test('tells that the state belongs to another registry', () => {
    const warnings = planWarnings(planOf(three), {
      state: stateOf({ registry: 'http://other' }),
      snapshot: snapshotOf(three),
    });
    expect(warnings.map((warning) => warning.code)).toEqual(['REGISTRY_ADDRESS_CHANGED']);
  });
});

describe('a plan that rests on less than everything', () => {
  const rows = [row('300', 'Production', 9), row('200', 'Archived', 8), row('1', 'None', 1)];

  test('says so in the candidate, the message and a warning, and keeps how far it looked', () => {
    const plan = planOf(rows, { unreadBelow: '101', isComplete: false });
    expect(plan).toMatchObject({ verdict: 'ROLLED_BACK', unreadBelow: '101' });
    expect(plan.candidates[0]?.why).toMatch(/highest Archived.*not every version below 101 was$/);
    expect(plan.candidates[1]?.why).not.toContain('101');
    expect(planMessage(plan)).toMatch(/from 300 to 200\. Not every version below 101 was read/);
    expect(warningCodes(plan)).toEqual(['NOT_ALL_VERSIONS_READ']);
  });

  test('says so when it found no target', () => {
    const plan = planOf([row('300', 'Production', 9)], { unreadBelow: '101', isComplete: false });
    expect(plan.verdict).toBe('NO_TARGET');
    expect(planMessage(plan)).toMatch(/Not every version below 101 was read.*--to VERSION/);
  });

  test('has nothing of it when everything that matters was read', () => {
    const plan = planOf(rows);
    expect(plan).not.toHaveProperty('unreadBelow');
    expect(warningCodes(plan)).toEqual([]);
  });
});

describe('the tags of earlier rollbacks', () => {
  test('are not stored with a plan', () => {
    const rows = three.map((version) => ({ ...version, marks: [{ ...mark, atMs: 1 }] }));
    const { from, to } = planOf(rows, {
      request: { target_version: '2', overrides: ['QUARANTINED'] },
    });
    expect([from, to]).toEqual([three[0], three[1]]);
  });

  test('are warned of when they are older than their version, and do not count', () => {
    const copied = markedTwo.map((version) => ({ ...version, createdAtMs: nowMs }));
    const plan = planOf(copied, { cooldownMs: 2 * hourMs });
    expect([plan.verdict, plan.to?.version]).toEqual(['ROLLED_BACK', '2']);
    const facts = { state: stateOf(), snapshot: snapshotOf(copied) };
    const [warning] = planWarnings(plan, facts);
    expect(warning).toMatchObject({
      code: 'COPIED_TAGS_IGNORED',
      message: expect.stringContaining('on version 2, and are older than the version'),
    });
  });
});

describe('needsEvidence', () => {
  const needs = (
    rows: Parameters<typeof planOf>[0],
    { isEvidenceRead = false, request = {} } = {},
  ): boolean => {
    const snapshot = { ...snapshotOf(rows, false), isEvidenceRead };
    const plan = planOf(rows, { isComplete: false, request });
    const settings = settingsOf();
    return needsEvidence(plan, { request: requestOf(request), snapshot, settings });
  };

  test('is true where what the live version displaced was not read', () => {
    expect(needs(three)).toBe(true);
    expect(needs([row('300', 'Production', 9)])).toBe(true);
  });

  test('is false where it was read, or nothing it shows would count', () => {
    expect(needs(three, { isEvidenceRead: true })).toBe(false);
    expect(needs(three, { request: { target_version: '2' } })).toBe(false);
    expect(needs([row('2', 'Archived')])).toBe(false);
    expect(needs([row('3', 'Production', 9), row('2', 'Production', 8)])).toBe(false);
  });

  test('is false for the plain rule', () => {
    const settings = settingsOf({ targetRule: 'latest-archived' });
    const snapshot = { ...snapshotOf(three, false), isEvidenceRead: false };
    const plan = planOf(three, { isComplete: false, targetRule: 'latest-archived' });
    expect(needsEvidence(plan, { request: requestOf(), snapshot, settings })).toBe(false);
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
