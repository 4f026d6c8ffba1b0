import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryEvidenceStore } from '../../../../src/adapters/memory/memory-evidence-store.ts';
import { systemIdentity } from '../../../../src/adapters/system/system-identity.ts';
import type { Evidence } from '../../../../src/domain/evidence/evidence.ts';
import type { ShownMetric } from '../../../../src/domain/evidence/read-finding.ts';
import { intervalSvg } from '../../../../src/http/console/interval-svg.ts';
import { makeService } from '../../../../src/http/service.ts';
import type { EvidenceStore } from '../../../../src/ports/evidence-store.ts';
import { makeWorld, type World } from '../../../fakes/world.ts';

const host = '127.0.0.1:8080';
let world: World;
let items: Map<string, Map<number, string>>;
let store: EvidenceStore;

beforeEach(() => {
  world = makeWorld();
  world.seed('m', ['Archived', 'Production']);
  items = new Map();
  store = new MemoryEvidenceStore(items, systemIdentity);
});

const open = async (path: string, evidence: EvidenceStore | null = store) => {
  const access = { kind: 'open', hosts: () => [host], name: 'ana' } as const;
  const service = makeService({ deps: world.deps, access, evidence });
  const headers = { host, accept: 'text/html' };
  const response = await service.fetch(new Request(`http://${host}${path}`, { headers }));
  return { status: response.status, text: await response.text() };
};

const metric = (fields: object): object => ({
  name: 'profit',
  champion: 10,
  challenger: 12,
  change: 2,
  interval: [1, 3],
  result: 'passed',
  reason: 'profit is 12.',
  critical: true,
  observe_only: false,
  ...fields,
});

const finding = (fields: object = {}): string =>
  JSON.stringify({
    rules: {
      metrics: { profit: { direction: 'higher', margin: 0.1, must_improve: false } },
      significance: 0.05,
    },
    metrics: [metric({})],
    slices: [],
    problems: [],
    ...fields,
  });

const write = async (fields: Partial<Evidence> = {}): Promise<string> => {
  const text = fields.text ?? finding();
  const sha256 = systemIdentity.digest(text);
  const pair = { modelName: 'm', champion: '1', challenger: '2' };
  const verdict = { decision: 'PROMOTE', confidence: 0.875 } as const;
  const createdAtMs = world.clock.nowMs();
  await store.writeEvidence(
    { ...pair, ...verdict, createdAtMs, ...fields, text, sha256 },
    world.deadline(),
  );
  return sha256;
};

describe('the page of comparisons', () => {
  test('shows verdict, metrics with interval and limit, digest and commands', async () => {
    const sha256 = await write();
    expect((await open('/models/m')).text).toContain('href="/models/m/evidence"');
    const { status, text } = await open('/models/m/evidence');
    expect(status).toBe(200);
    expect(text).toMatch(/Version 2\s+against 1/);
    expect(text).toMatch(/Promote<\/span>[\s\S]*confidence\s+0\.875/);
    expect(text).toContain('+2 (90 % +1 to +3); allowed: at least -1');
    expect(text).toContain(sha256);
    expect(text).toContain('data-copy="model-rollback promote m 2"');
    expect(text).toContain('data-copy="model-rollback compare m --champion 1 --challenger 2"');
    expect(text).not.toMatch(/ style="|<style/);
  });

  test('shows the latest of each pair, the newest first, and why one is not fair', async () => {
    await write();
    world.clock.advance(1_000);
    const problem = 'Both sides were measured on other data.';
    const later = { decision: 'INVESTIGATE', confidence: 0 } as const;
    await write({ ...later, challenger: '3', text: finding({ problems: [problem] }) });
    const { text } = await open('/models/m/evidence');
    expect(text).toMatch(/Version 3[\s\S]*Investigate[\s\S]*other data[\s\S]*Version 2/);
    expect(text).not.toContain('promote m 3');
  });

  test('escapes what a file of rules or rows named', async () => {
    const evil = '<img src=x onerror=alert(1)>\u202e';
    const slice = { column: evil, value: evil };
    const one = metric({ name: evil, reason: evil, slice });
    await write({ text: finding({ metrics: [one], slices: [one], problems: [evil] }) });
    const { text } = await open('/models/m/evidence');
    expect(text).not.toMatch(/<img|\u202e/);
    expect(text).toContain('&lt;img');
  });

  test('says so where nothing was compared, or another release wrote it, or an item is broken', async () => {
    expect((await open('/models/m/evidence')).text).toContain('No comparison is on record.');
    await write({ text: '{"schema":9}' });
    expect((await open('/models/m/evidence')).text).toContain('another release of model-rollback');
    for (const ofPair of items.values()) for (const at of ofPair.keys()) ofPair.set(at, '{}');
    const { status, text } = await open('/models/m/evidence');
    expect(status).toBe(200);
    expect(text).toMatch(/class="problem">The stored item m\/EVIDENCE cannot be read/);
  });

  test('is not there where the service has no evidence', async () => {
    expect((await open('/models/m', null)).text).not.toContain('/evidence');
    expect((await open('/models/m/evidence', null)).status).toBe(404);
  });
});

describe('intervalSvg', () => {
  const shown: ShownMetric = {
    name: 'profit',
    champion: 10,
    challenger: 12,
    change: 2,
    interval: [1, 3],
    result: 'passed',
    reason: '',
    isCritical: true,
    isObserved: false,
    slice: null,
    limit: { change: -1, worse: 'below', isEnough: true },
  };
  const placesOf = (markup: string, name: string): number[] =>
    [...markup.matchAll(new RegExp(`class="${name}" x1="([\\d.]+)%"`, 'g'))].map(([, at]) =>
      Number(at),
    );

  test('puts limit, zero and interval in their order, within the width', () => {
    const { markup = '' } = intervalSvg(shown) ?? {};
    const [limit = -1] = placesOf(markup, 'limit');
    const [zero = -1] = placesOf(markup, 'zero');
    const [low = -1, , high = -1] = placesOf(markup, 'range');
    expect([limit, zero, low, high]).toEqual([limit, zero, low, high].toSorted((a, b) => a - b));
    expect(limit).toBeGreaterThan(0);
    expect(high).toBeLessThan(100);
    // What is not allowed is left of the limit.
    expect(markup).toContain(`class="beyond" x="0.000%" y="0" width="${limit.toFixed(3)}%"`);
  });

  test('hatches the right side where less is better', () => {
    const { markup = '' } =
      intervalSvg({ ...shown, limit: { change: 1.5, worse: 'above', isEnough: true } }) ?? {};
    const [limit = -1] = placesOf(markup, 'limit');
    expect(markup).toContain(`class="beyond" x="${limit.toFixed(3)}%"`);
  });

  test.each([
    [0, null, 0],
    [0, [0, 0], 0],
    [-1e308, [-1.7e308, 1.7e308], 1e300],
    [1e-300, [0, 2e-300], -1e-300],
    [5, null, null],
  ] as const)(
    'draws change %s, interval %j, limit %s with places that are numbers',
    (change, interval, limit) => {
      const { markup = '' } =
        intervalSvg({
          ...shown,
          change,
          interval,
          limit: limit === null ? null : { change: limit, worse: 'below', isEnough: true },
        }) ?? {};
      const places = [...markup.matchAll(/"([^"]*)%"/g)].map(([, at]) => Number(at));
      expect(places.length).toBeGreaterThan(1);
      for (const at of places) {
        expect(at).toBeGreaterThanOrEqual(0);
        expect(at).toBeLessThanOrEqual(100);
      }
    },
  );

  test('draws nothing where the change is not known', () => {
    expect(intervalSvg({ ...shown, change: null })).toBe(null);
  });
});
