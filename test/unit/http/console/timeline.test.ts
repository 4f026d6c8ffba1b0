import { beforeEach, describe, expect, test } from 'vitest';
import { rollBack } from '../../../../src/app/roll-back.ts';
import { undoRequest } from '../../../../src/app/undo.ts';
import { type LiveSpan, liveTimeline } from '../../../../src/domain/answer/live-timeline.ts';
import {
  eventsOf,
  fittingRange,
  type TimelineFacts,
  timelineOf,
} from '../../../../src/http/console/timeline.ts';
import { stripSvg, timelineSvg } from '../../../../src/http/console/timeline-svg.ts';
import { makeWorld, type World } from '../../../fakes/world.ts';

const hourMs = 3_600_000;
let world: World;

beforeEach(() => {
  world = makeWorld({ cooldownMs: 0 });
  world.seed('m', ['Archived', 'Archived', 'Production']);
});

const factsOf = async (): Promise<TimelineFacts> => ({
  spans: liveTimeline((await world.store.listLive('m', world.deadline())).entries),
  records: await world.records('m'),
  nowMs: world.clock.nowMs(),
});

const span = (fields: Partial<LiveSpan>): LiveSpan => ({
  pointer: 'stage:Production',
  version: '1',
  began_after: null,
  began_by: '2026-01-01T00:00:00.000Z',
  ended_by: null,
  how: 'observed',
  has_gap: false,
  rollback_id: null,
  ...fields,
});

describe('timelineOf', () => {
  test('shows what was rolled back, and what a rollback restored', async () => {
    world.clock.advance(2 * hourMs);
    await world.ask({ model_name: 'm' });
    world.clock.advance(hourMs);
    const { lanes, ends } = timelineOf(await factsOf(), '24h');

    expect(lanes[0]?.bars.map(({ version, state }) => [version, state])).toEqual([['2', 'live']]);
    expect(ends).toMatchObject([{ kind: 'rollback' }]);
    expect(ends[0]?.at).toBeCloseTo(23 / 24, 3);
  });

  test('does not call bad what an undo ended', async () => {
    await world.ask({ model_name: 'm', request_id: 'r' });
    world.clock.advance(hourMs);
    const undo = { what: 'm', overrides: [], requestedBy: null };
    const request = await undoRequest(world.deps, undo, world.deadline());
    const call = { request, warnings: [], invocationId: 'i', deadline: world.deadline() };
    expect((await rollBack(world.deps, call)).rolled_back).toBe(true);
    world.clock.advance(hourMs);
    const { lanes, ends } = timelineOf(await factsOf(), '24h');

    expect(lanes[0]?.bars.map(({ version, state }) => [version, state])).toEqual([
      ['2', 'past'],
      ['3', 'live'],
    ]);
    expect(ends.map(({ kind }) => kind)).toEqual(['rollback', 'undo']);
  });

  test('ends a version that a rollback moved away from as rolled back, and one of a promotion as past', () => {
    const spans = [
      span({ version: '2', began_by: '2026-01-03T00:00:00.000Z', rollback_id: 'm/0', how: 'made' }),
      span({
        version: '3',
        began_by: '2026-01-02T00:00:00.000Z',
        ended_by: '2026-01-03T00:00:00.000Z',
      }),
      span({ version: '2', ended_by: '2026-01-02T00:00:00.000Z', how: 'seen' }),
    ];
    const facts = { spans, records: [], nowMs: Date.UTC(2026, 0, 4) };
    const { lanes, ends } = timelineOf(facts, '7d');

    expect(lanes[0]?.bars.map(({ state }) => state)).toEqual(['past', 'rolled-back', 'live']);
    expect(ends).toMatchObject([{ kind: 'promotion', events: [{ text: 'Version 3 went live' }] }]);
  });

  test('does not call bad what a promotion by model-rollback replaced', () => {
    const spans = [
      span({
        version: '3',
        began_by: '2026-01-02T00:00:00.000Z',
        rollback_id: 'm/0',
        how: 'promoted',
      }),
      span({ version: '2', ended_by: '2026-01-02T00:00:00.000Z', how: 'seen' }),
    ];
    const { lanes } = timelineOf({ spans, records: [], nowMs: Date.UTC(2026, 0, 4) }, '7d');
    expect(lanes[0]?.bars.map(({ state }) => state)).toEqual(['past', 'live']);
  });

  test('puts signs that stand too near together into one that counts them, with that of the worst', async () => {
    await world.ask({ model_name: 'm' });
    await world.ask({ model_name: 'm', expected_from_version: '9' });
    world.clock.advance(hourMs);
    const { ends } = timelineOf(await factsOf(), '30d');

    expect(ends).toMatchObject([{ kind: 'rollback', events: { length: 2 } }]);
    expect(timelineSvg(timelineOf(await factsOf(), '30d')).markup).toContain('class="count"');
  });

  test('has places within the picture only, also for a history that nobody can believe', () => {
    const spans = [
      span({ began_by: '2026-02-01T00:00:00.000Z' }),
      span({ began_by: '1970-01-01T00:00:00.000Z', ended_by: '2026-02-01T00:00:00.000Z' }),
    ];
    const facts = { spans, records: [], nowMs: Date.UTC(2026, 0, 4) };
    for (const range of ['24h', '7d', '30d', 'all'] as const) {
      const { lanes, ticks, ends } = timelineOf(facts, range);
      const places = [
        ...lanes.flatMap(({ bars }) => bars.flatMap(({ from, to }) => [from, to])),
        ...[...ticks, ...ends].map(({ at }) => at),
      ];
      for (const place of places) expect(place).toBeGreaterThanOrEqual(0);
      for (const place of places) expect(place).toBeLessThanOrEqual(1);
      expect(ticks.length).toBeLessThanOrEqual(9);
    }
  });

  test('draws nothing for a model of which nothing is known', () => {
    const facts = { spans: [], records: [], nowMs: Date.UTC(2026, 0, 4) };
    expect(timelineOf(facts, 'all')).toMatchObject({ lanes: [], alarms: [], ends: [] });
    expect(stripSvg(timelineOf(facts, '7d')).markup).toContain('not read yet');
  });
});

describe('fittingRange', () => {
  test('is the shortest that shows the latest events', async () => {
    await world.ask({ model_name: 'm' });
    expect(fittingRange(await factsOf())).toBe('24h');
    world.clock.advance(48 * hourMs);
    expect(fittingRange(await factsOf())).toBe('7d');
    world.clock.advance(24 * 30 * hourMs);
    expect(fittingRange(await factsOf())).toBe('all');
  });
});

describe('eventsOf', () => {
  test('has the newest first, and an id for each but promotions', async () => {
    await world.ask({ model_name: 'm' });
    const facts = await factsOf();
    const promoted = span({ version: '4', began_by: new Date(facts.nowMs + 1).toISOString() });
    expect(eventsOf({ ...facts, spans: [promoted, ...facts.spans] })).toMatchObject([
      { kind: 'promotion', rollbackId: null },
      { kind: 'rollback', rollbackId: expect.stringMatching(/^m\//) },
    ]);
  });
});
