import { describe, expect, test } from 'vitest';
import { explainRollback } from '../../../../src/app/operate.ts';
import { explain } from '../../../../src/domain/answer/explanation.ts';
import { makeWorld } from '../../../fakes/world.ts';

describe('explain', () => {
  test('puts the request before its plan, also when its record is a millisecond younger', async () => {
    const world = makeWorld();
    world.seed('m', ['Archived', 'Production']);
    const { rollback_id: id } = await world.ask({ model_name: 'm' });
    const { record, state } = await explainRollback(world.store, id ?? '', world.deadline());
    const younger = { ...record, createdAtMs: (record.plan?.plannedAtMs ?? 0) + 1 };
    const nowMs = world.clock.nowMs();
    const { moments } = explain({ record: younger, notices: [], state, isWaiting: false, nowMs });
    expect(moments.map(({ what }) => what).slice(0, 2)).toEqual([
      'the request arrived',
      'registry and state were read, and the plan was made',
    ]);
  });
});
