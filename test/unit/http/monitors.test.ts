import { beforeEach, describe, expect, test } from 'vitest';
import { makeService, type Service } from '../../../src/http/service.ts';
import { blocksOf } from '../../fakes/pages.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const host = '127.0.0.1:8080';
const page = 'docs/reference/alerts.md';
const templates = blocksOf(page)
  .filter(({ language }) => language === 'json')
  .map(({ section, text }) => [section, text] as const);

let world: World;
let service: Service;

beforeEach(() => {
  world = makeWorld();
  world.seed('PascalStrategy', ['Archived', 'Archived', 'Production']);
  service = makeService({
    deps: world.deps,
    access: { kind: 'open', hosts: () => [host] },
  });
});

/** As the monitor would: each variable becomes a text. */
const filled = (template: string, id: string): string =>
  template.replaceAll(/\$[A-Z_]+|\{\{[\w.]+\}\}|ALERT_ID/g, id);

async function post(body: string): Promise<{ status: number; json: Record<string, unknown> }> {
  const headers = { host, 'content-type': 'application/json' };
  const url = `http://${host}/v1/rollbacks`;
  const response = await service.fetch(new Request(url, { method: 'POST', headers, body }));
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

describe('the templates for other monitors', () => {
  test('are on the page', () => {
    expect(templates.map(([section]) => section)).toEqual([
      'Datadog',
      'New Relic',
      'Kibana',
      'Arize, Fiddler, Arthur and others',
    ]);
  });

  test.each(templates)('%s: rolls back, once for an alert', async (_, template) => {
    const done = await post(filled(template, '4711'));
    const again = await post(filled(template, '4711'));
    const other = await post(filled(template, '4712'));

    expect(done).toMatchObject({
      status: 200,
      json: { rolled_back: true, warnings: [], reason: 'PERFORMANCE_DEGRADATION' },
    });
    expect(again.json).toMatchObject({ rollback_id: done.json['rollback_id'], replayed: true });
    expect(other.json).toMatchObject({ outcome: 'REFUSED' });
  });
});
