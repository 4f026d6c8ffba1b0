import { beforeEach, describe, expect, test } from 'vitest';
import type { RollbackDeps } from '../../../src/app/deps.ts';
import type { RollbackResponse } from '../../../src/domain/answer/response.ts';
import { RegistryUnavailableError } from '../../../src/domain/errors.ts';
import type { ModelRegistry } from '../../../src/ports/model-registry.ts';
import { run, takes } from '../../fakes/version-details.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

let world: World;
let deps: RollbackDeps;
let calls: string[];
let broken: readonly string[];

/** Counts what is read of a version beside its row; `broken` ones cannot be read. */
const watched = (registry: ModelRegistry): ModelRegistry =>
  new Proxy(registry, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (name === 'through') return () => watched(target);
      return async (...args: unknown[]) => {
        if (!['readRun', 'readSignature'].includes(String(name))) {
          return await Reflect.apply(member, target, args);
        }
        calls.push(String(name));
        if (broken.includes(String(name))) throw new RegistryUnavailableError('No answer in time.');
        return await Reflect.apply(member, target, args);
      };
    },
  });

beforeEach(() => {
  world = makeWorld({ targetMaxAgeMs: 90 * 86_400_000 });
  world.seed('m', ['Archived', 'Archived', 'Production']);
  calls = [];
  broken = [];
  deps = { ...world.deps, registry: watched(world.registry) };
});

const ask = async (fields: object = {}): Promise<RollbackResponse> =>
  await world.ask({ model_name: 'm', ...fields }, { deps });

describe('the fitness of a target', () => {
  test('takes no call for versions without a run', async () => {
    expect(await ask()).toMatchObject({ outcome: 'ROLLED_BACK', warnings: [] });
    expect(calls).toEqual([]);
  });

  test('is read in one round for versions with one', async () => {
    world.registry.logged.set('m', '2', { run: run('r2'), signature: takes('age') });
    world.registry.logged.set('m', '3', { run: run('r3'), signature: takes('age', 'sex') });
    expect(await ask()).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2', warnings: [] });
    expect(calls).toEqual(['readRun', 'readSignature', 'readSignature']);
    const [record] = await world.records();
    expect(JSON.stringify(record)).not.toContain('"runId"');
  });

  test.each([true, false])('refuses a deleted run; dry run: %s', async (isDryRun) => {
    world.registry.logged.set('m', '2', { run: run('r2', true), signature: null });
    const answer = await ask({ dry_run: isDryRun });
    expect(answer.outcome).toBe(isDryRun ? 'DRY_RUN' : 'REFUSED');
    expect(answer.plan?.verdict).toBe('REFUSED');
    expect(answer.refusals).toMatchObject([
      {
        code: 'TARGET_UNFIT',
        overridable: true,
        message: expect.stringMatching(
          /^The run r2 of version 2 is deleted, .* mlflow runs restore --run-id r2\)\. Choose another version/,
        ),
      },
    ]);
  });

  test('refuses a target that does not take what the live version takes, unless overridden', async () => {
    world.registry.logged.set('m', '2', { run: run('r2'), signature: takes('age', 'zip') });
    world.registry.logged.set('m', '3', { run: run('r3'), signature: takes('age') });
    const answer = await ask();
    expect(answer.refusals[0]?.message).toContain(
      'Version 2 does not accept the input of version 3: it needs the input "zip", which version 3 does not take.',
    );
    const passed = await ask({ overrides: ['TARGET_UNFIT'] });
    expect(passed).toMatchObject({
      outcome: 'ROLLED_BACK',
      warnings: [{ code: 'OVERRIDDEN_TARGET_UNFIT' }],
    });
  });

  test('names everything that speaks against it', async () => {
    world.registry.logged.set('m', '2', { run: run('r2', true), signature: takes('zip') });
    world.registry.logged.set('m', '3', { run: run('r3'), signature: takes('age') });
    world.clock.advance(91 * 86_400_000);
    const { refusals } = await ask();
    expect(refusals).toHaveLength(1);
    expect(refusals[0]?.message).toMatch(/90 days ago .*r2.* is deleted.*"zip"/);
  });

  test('that cannot be read is a warning, and no reason to refuse', async () => {
    world.registry.logged.set('m', '2', { run: run('r2', true), signature: takes('zip') });
    world.registry.logged.set('m', '3', { run: run('r3'), signature: takes('age') });
    broken = ['readRun', 'readSignature'];
    const answer = await ask();
    expect(answer.outcome).toBe('ROLLED_BACK');
    expect(answer.warnings).toEqual([
      {
        code: 'TARGET_NOT_CHECKED',
        message:
          'Whether the run of version 2 still exists was not checked: No answer in time. ' +
          'Whether version 2 accepts the input of version 3 was not checked: No answer in time.',
      },
    ]);
  });

  test('is read for the whole list of refusals of a person', async () => {
    world.registry.logged.set('m', '2', { run: run('r2', true), signature: null });
    const { refusals } = await ask({ expected_from_version: '1' });
    expect(refusals.map(({ code }) => code)).toEqual(['LIVE_VERSION_CHANGED', 'TARGET_UNFIT']);
  });

  test('is its age, where a limit is set', async () => {
    world.clock.advance(89 * 86_400_000);
    expect((await ask({ dry_run: true })).plan?.verdict).toBe('ROLLED_BACK');
    world.clock.advance(2 * 86_400_000);
    const { refusals } = await ask();
    expect(refusals[0]?.message).toMatch(
      /^Version 2 was created at 2026-\S+Z, which is more than 90 days ago \(ROLLBACK_TARGET_MAX_AGE\)\./,
    );
    const without = { ...deps, settings: { ...deps.settings, targetMaxAgeMs: null } };
    const answer = await world.ask({ model_name: 'm' }, { deps: without });
    expect(answer.outcome).toBe('ROLLED_BACK');
  });
});
