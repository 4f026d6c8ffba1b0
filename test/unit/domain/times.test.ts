import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dryRunResponse, responseOf } from '../../../src/domain/answer/response.ts';
import { movesPointer } from '../../../src/domain/decide/outcome.ts';
import { planWarnings } from '../../../src/domain/decide/plan-text.ts';
import { limits } from '../../../src/domain/limits.ts';
import { claim } from '../../../src/domain/protocol/transition.ts';
import { decodeRollbackRecord, encodeRecord } from '../../../src/domain/record/stored-item.ts';
import type { ModelVersion } from '../../../src/domain/registry/model.ts';
import { markText, parseMark } from '../../../src/domain/registry/rollback-mark.ts';
import { newModelState } from '../../../src/domain/state/model-state.ts';
import { modelState } from '../../contract/rollback-arbitraries.ts';
import { attemptAt, committed, firstClaim, unclaimed } from '../../contract/rollback-samples.ts';
import { planOf, requestOf, snapshotOf, stateOf } from '../../fakes/facts.ts';

/**
 * Times come as numbers: from the registry, from stored items, from tags, from alarms. Each is bounded where
 * it comes in, so that no number of them throws inside a guard, and what is written can be read again.
 */

/** The ends of what is let in, and anything between. */
const timeUpTo = (max: number): fc.Arbitrary<number> =>
  fc.oneof(fc.constantFrom(0, 1, max - 1, max), fc.integer({ min: 0, max }));
const ours = timeUpTo(limits.timeMaxMs);
const theirs = timeUpTo(limits.dateMaxMs);
/** The longest that can be set. */
const cooldown = fc.constantFrom(0, 86_400_000, 8_760 * 3_600_000);

const mark = fc
  .record({
    kind: fc.constantFrom('model_rollback.rolled_back', 'model_rollback.restored'),
    // Years that a tag can write.
    year: fc.constantFrom('0000', '1969', '2026', '9999'),
  })
  .map(({ kind, year }) => {
    const word = kind.endsWith('restored') ? 'from' : 'to';
    const text = `${word} 1, ${year}-12-31T23:59:59.999Z, DRIFT_SEVERE, by ada, m/0123456789abcdef`;
    return parseMark(kind, text);
  });

const row = (version: string, stage: string): fc.Arbitrary<ModelVersion> =>
  fc.tuple(theirs, theirs, fc.option(mark)).map(([createdAtMs, lastUpdatedAtMs, found]) => ({
    version,
    stage,
    status: 'READY',
    createdAtMs,
    lastUpdatedAtMs,
    ...(found === null ? {} : { marks: [found] }),
  }));

const rows = fc.tuple(row('1', 'Archived'), row('2', 'Archived'), row('3', 'Production'));
const lease = { owner: 'o', leaseEndsAtMs: 1 };
const lastCommit = fc.option(
  ours.map((atMs) => ({ rollbackId: 'm/0123456789abcdef', atMs, from: '4', to: '3' })),
);

describe('whatever times there are', () => {
  test('a plan is made, shown, stored and read again', () => {
    fc.assert(
      fc.property(
        rows,
        modelState('m'),
        lastCommit,
        cooldown,
        fc.option(ours),
        fc.constantFrom({}, { target_version: '2' }),
        (versions, stored, commit, cooldownMs, alarmAtMs, request) => {
          const state = { ...stored, registry: 'http://registry', lastCommit: commit };
          const alarm = alarmAtMs === null ? {} : { alarmAtMs };
          const plan = planOf(versions, { state, cooldownMs, request, ...alarm });
          const facts = { state: stateOf(state), snapshot: snapshotOf(versions) };
          dryRunResponse(plan, requestOf(request), planWarnings(plan, facts));
          const attempt = { ...attemptAt('m', '0123456789abcdef'), plan };
          const { verdict } = plan;
          const { record } = movesPointer(verdict)
            ? claim(newModelState('m', 'http://registry'), attempt, lease)
            : unclaimed(attempt, verdict);
          const again = decodeRollbackRecord(encodeRecord(record), 'i');
          expect(again.plan?.guards.map(({ clearsAtMs }) => clearsAtMs)).toEqual(
            plan.guards.map(({ clearsAtMs }) => clearsAtMs),
          );
          responseOf(again);
        },
      ),
    );
  });

  test('a tag is written that is read again', () => {
    fc.assert(
      fc.property(ours, (atMs) => {
        const { record } = committed(firstClaim('m', '0123456789abcdef'));
        const about = { kind: 'model_rollback.restored', other: '3', atMs, by: 'ada' } as const;
        const written = {
          ...about,
          reason: record.request.reason,
          rollbackId: record.id,
          pointer: 'stage:Production',
        };
        expect(parseMark(about.kind, markText(written))).toEqual(written);
      }),
    );
  });
});
