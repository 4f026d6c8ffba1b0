/** What is read to decide, on registered models with many versions. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LoginAuthorizer } from '../../../src/adapters/mlflow/login-authorizer.ts';
import { MLflowClient } from '../../../src/adapters/mlflow/mlflow-client.ts';
import { MLflowModelRegistry } from '../../../src/adapters/mlflow/mlflow-model-registry.ts';
import { StaticCredentials } from '../../../src/adapters/system/static-credentials.ts';
import { systemClock } from '../../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../../src/adapters/system/system-identity.ts';
import type { RollbackDeps } from '../../../src/app/deps.ts';
import { handleAlarm } from '../../../src/app/handle-alarm.ts';
import { parseAlarmPayload } from '../../../src/domain/alarm/alarm-payload.ts';
import type { RollbackResponse } from '../../../src/domain/answer/response.ts';
import { limits } from '../../../src/domain/limits.ts';
import { type RegistryServer, startRegistryServer } from '../../../src/embedded/registry-server.ts';
import type { SeedVersion } from '../../../src/embedded/seed.ts';
import { directAlarm } from '../../fakes/alarm-events.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const MODEL = 'PascalStrategy';
let server: RegistryServer;
let registry: MLflowModelRegistry;
let world: World;
let deps: RollbackDeps;

beforeEach(async () => {
  server = await startRegistryServer();
  world = makeWorld();
  const client = new MLflowClient({
    baseUrl: new URL(server.url),
    authorizer: new LoginAuthorizer(new StaticCredentials(null)),
    workspace: null,
    clock: systemClock,
  });
  registry = new MLflowModelRegistry(client, systemClock, systemIdentity, server.url);
  deps = { ...world.deps, registry };
});

afterEach(async () => {
  registry.close();
  await server.close();
});

/** Versions in a row, each changed at its own time unless said otherwise. */
function seed(count: number, special: Readonly<Record<number, SeedVersion>>): void {
  server.seed(
    MODEL,
    Array.from({ length: count }, (_, index) => {
      const creationTimestamp = 1_000 + index;
      return { creationTimestamp, ...special[index + 1] };
    }),
  );
}

const live = (lastUpdatedTimestamp: number): SeedVersion => ({
  stage: 'Production',
  lastUpdatedTimestamp,
});
const archived = (lastUpdatedTimestamp: number): SeedVersion => ({
  stage: 'Archived',
  lastUpdatedTimestamp,
});
/** So many versions from one on, each changed a millisecond after the one before. */
const changed = (first: number, count: number, fromMs: number): Record<number, SeedVersion> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      first + index,
      { lastUpdatedTimestamp: fromMs + index },
    ]),
  );
const ask = (fields: object = {}): Promise<RollbackResponse> =>
  world.ask({ model_name: MODEL, ...fields }, { deps });
const preview = (fields: object = {}): Promise<RollbackResponse> =>
  ask({ dry_run: true, ...fields });
const calls = (): string[] =>
  server.requests.map(({ path, search }) => {
    const order = new URLSearchParams(search).get('order_by') ?? '';
    return `${path.split('/').slice(-2).join('/')} ${order}`.trim();
  });

describe('two live versions, and more than 100 between them', () => {
  beforeEach(() => {
    // Both were promoted without archiving, as the API does by default. Between them 99 more were registered,
    // so the first page of changes ends before the first one.
    seed(101, { 1: live(5_000), ...changed(2, 99, 6_000), 101: live(9_000) });
  });

  test('are both live in the preview, and the real run does what it shows', async () => {
    const shown = await preview();
    expect(shown).toMatchObject({
      from_version: '101',
      to_version: '1',
      live_versions: ['101', '1'],
    });
    expect(shown.plan?.rule).toBe('also-live');
    expect(shown.warnings.map(({ code }) => code)).toEqual(['SEVERAL_LIVE_VERSIONS']);

    const done = await ask();
    expect(done).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '101', to_version: '1' });
    expect(done.plan?.live_versions).toEqual(['101', '1']);
    expect((await registry.read(MODEL, [], world.deadline())).live).toMatchObject([
      { version: '1' },
    ]);
  });

  test('are rolled back by an alarm, too', async () => {
    const event = parseAlarmPayload(directAlarm({ model: MODEL }));
    if (event === undefined) throw new Error('no alarm');
    const answer = await handleAlarm(deps, event, null, world.deadline());
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '1' });
  });
});

describe('a version that was displaced long before the latest 100 changes', () => {
  test.each([
    ['with a higher Archived version', { 1101: archived(3_000) }],
    ['without one', {}],
  ])('is found beside the live one, %s', async (_, special) => {
    const later = changed(1_103, 101, 6_000);
    seed(1_203, { ...later, ...special, 1: archived(5_000), 1102: live(5_000) });
    const answer = await ask();
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '1102', to_version: '1' });
    expect(answer.plan).toMatchObject({ rule: 'displaced', unread_below: null });
    expect(answer.warnings).toEqual([]);
    // What changed since is left out by its number: one page is enough.
    expect(calls().slice(0, 3)).toEqual([
      'model-versions/search last_updated_timestamp DESC',
      'registered-models/get-latest-versions',
      'model-versions/search last_updated_timestamp DESC',
    ]);
    expect(calls()).not.toContain('model-versions/search version_number DESC');
  });

  test('is found behind others that changed since', async () => {
    seed(400, { ...changed(2, 250, 8_000), 1: archived(5_000), 300: live(5_000) });
    const shown = await preview();
    expect(shown).toMatchObject({ to_version: '1', plan: { rule: 'displaced' } });
  });

  test('is not made up after a rename, however many versions share the time', async () => {
    const renamed = Object.fromEntries(
      Array.from({ length: 1_500 }, (_, index) => [index + 1, { lastUpdatedTimestamp: 9_000 }]),
    );
    seed(1_500, { ...renamed, 1400: archived(9_000), 1450: live(9_000) });
    const shown = await preview();
    expect(shown).toMatchObject({ to_version: '1400', plan: { rule: 'archived-below' } });
    // The first page shows already that the time proves nothing.
    expect(shown.plan?.unread_below).toBeNull();
    expect(shown.warnings).toEqual([]);
  });
});

describe('a search for a target that ends at its bound', () => {
  const bound = limits.registryPagesMax * limits.registryPageRows;

  test('says how far it read when it found none', async () => {
    seed(bound + 200, { 2: archived(1_001), [bound + 150]: live(5_000) });
    const shown = await preview();
    expect(shown.plan).toMatchObject({ verdict: 'NO_TARGET', unread_below: '150' });
    expect(shown.message).toContain('Not every version below 150 was read');
  });

  /** What changed after the live version hides what it displaced; an Archived version is near. */
  const seedHidden = (): void => {
    const top = bound + 150;
    seed(top, {
      ...changed(2, bound + 100, 8_000),
      1: archived(5_000),
      [top - 1]: archived(4_000),
      [top]: live(5_000),
    });
  };

  test('takes a guess for a person, and says that it is one', async () => {
    seedHidden();
    const done = await ask();
    expect(done).toMatchObject({ outcome: 'ROLLED_BACK', to_version: String(bound + 149) });
    expect(done.plan).toMatchObject({ rule: 'archived-below', unread_below: '150' });
    expect(done.warnings.map(({ code }) => code)).toEqual(['NOT_ALL_VERSIONS_READ']);
    expect(world.notifier.sent[0]?.message.warnings).toMatchObject([
      { code: 'NOT_ALL_VERSIONS_READ' },
    ]);
  });

  test('leaves the guess of an alarm to a person', async () => {
    seedHidden();
    const event = parseAlarmPayload(directAlarm({ model: MODEL }));
    if (event === undefined) throw new Error('no alarm');
    const answer = await handleAlarm(deps, event, null, world.deadline());
    expect(answer).toMatchObject({ outcome: 'AWAITING_APPROVAL', rolled_back: false });
    expect(answer.message).toContain('Not every version below 150 was read');
    expect((await registry.read(MODEL, [], world.deadline())).live).toMatchObject([
      { version: String(bound + 150) },
    ]);
  });

  test('does not stop an alarm whose target rests on evidence', async () => {
    seed(bound + 300, { [bound + 100]: archived(5_000), [bound + 200]: live(5_000) });
    const event = parseAlarmPayload(directAlarm({ model: MODEL }));
    if (event === undefined) throw new Error('no alarm');
    const answer = await handleAlarm(deps, event, null, world.deadline());
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: String(bound + 100) });
  });
});

describe('the calls of a rollback', () => {
  test('are the same for 10 and for 10,000 versions', async () => {
    const counts: string[][] = [];
    for (const count of [10, 10_000]) {
      const name = `model-${count}`;
      const rows = Array.from({ length: count }, (_, index): SeedVersion => {
        const isLast = index === count - 1;
        const time = { creationTimestamp: 1_000 + index };
        return isLast
          ? { ...time, ...live(90_000) }
          : { ...time, ...(index === count - 2 ? archived(90_000) : archived(1_000 + index)) };
      });
      server.seed(name, rows);
      server.requests.length = 0;
      const answer = await ask({ model_name: name });
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', plan: { rule: 'displaced' } });
      counts.push(calls().toSorted());
    }
    expect(counts[1]).toEqual(counts[0]);
    expect(counts[0]).toEqual([
      // Aliases, beside the claim.
      'model-versions/get',
      'model-versions/search last_updated_timestamp DESC',
      'model-versions/search last_updated_timestamp DESC',
      'model-versions/search last_updated_timestamp DESC',
      'model-versions/set-tag',
      'model-versions/set-tag',
      'model-versions/transition-stage',
    ]);
  });
});
