/** Aliases beside the stage: a move that they are not part of, and a stage that nobody uses. */
import { beforeEach, describe, expect, test } from 'vitest';
import { RegistryRefusedError, RegistryUnavailableError } from '../../../src/domain/errors.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const key = { model_name: 'm', request_id: 'k' };
let world: World;

beforeEach(() => {
  world = makeWorld();
  world.seed('m', ['Archived', 'Archived', 'Production']);
});

const codes = ({ warnings }: { readonly warnings: readonly { code: string }[] }): string[] =>
  warnings.map(({ code }) => code);
const live = async (): Promise<string[]> =>
  (await world.registry.read('m')).live.map(({ version }) => version);

describe('a rollback that leaves an alias behind', () => {
  beforeEach(() => world.registry.setAlias('m', 'champion', '3'));

  test('says so in the preview, and writes nothing', async () => {
    const preview = await world.ask({ ...key, dry_run: true });
    expect(codes(preview)).toEqual(['ALIAS_LEFT_BEHIND']);
    expect(preview.warnings[0]?.message).toContain(
      'model-rollback apply m --to 2 --pointer alias:champion',
    );
    expect(await live()).toEqual(['3']);
  });

  test('says so in the answer, the record and the notice', async () => {
    const answer = await world.ask(key);
    expect(answer.rolled_back).toBe(true);
    expect(codes(answer)).toEqual(['ALIAS_LEFT_BEHIND']);
    expect(world.notifier.sent.map(({ message }) => codes(message))).toEqual([
      ['ALIAS_LEFT_BEHIND'],
    ]);
    expect(codes(await world.ask(key))).toEqual(['ALIAS_LEFT_BEHIND']);
  });

  test('says so when it was cut off and is finished by a retry', async () => {
    const lost = new RegistryUnavailableError('lost');
    const deps = withCalls(world.deps, {
      registry: {
        movePointer: async () => ({ kind: 'unknown', error: lost, isAnswered: false }),
      },
    });
    await expect(world.ask(key, { deps })).rejects.toBe(lost);
    world.clock.advance(60_000);
    const answer = await world.ask(key);
    expect(answer.rolled_back).toBe(true);
    expect(codes(answer)).toEqual(['ALIAS_LEFT_BEHIND']);
  });

  test('does not fail when the aliases cannot be read, and does not wait for them', async () => {
    for (const readAliasesOf of [
      () => Promise.reject(new RegistryUnavailableError('down')),
      () => Promise.reject(new RegistryRefusedError('403')),
      () => new Promise<never>(() => undefined),
    ]) {
      world = makeWorld();
      world.seed('m', ['Archived', 'Archived', 'Production']);
      const deps = withCalls(world.deps, { registry: { readAliasesOf } });
      const answer = await world.ask(key, { deps });
      expect(answer).toMatchObject({ rolled_back: true, notified: true, warnings: [] });
    }
  });

  test('is moved although the aliases are still being read', async () => {
    let answerNow: (aliases: readonly string[]) => void = () => undefined;
    const deps = withCalls(world.deps, {
      registry: {
        readAliasesOf: () => new Promise((resolve) => (answerNow = resolve)),
        movePointer: async (next) => {
          // Only now does that answer come.
          answerNow(['champion']);
          return await next();
        },
      },
    });
    const answer = await world.ask(key, { deps });
    expect(answer.rolled_back).toBe(true);
    expect(codes(answer)).toEqual(['ALIAS_LEFT_BEHIND']);
  });

  test('is refused in the preview where the registry would refuse the move by the name', async () => {
    const refused = new RegistryRefusedError("400: Names cannot contain '/'");
    const deps = withCalls(world.deps, {
      registry: { readAliasesOf: () => Promise.reject(refused) },
    });
    await expect(world.ask({ ...key, dry_run: true }, { deps })).rejects.toBe(refused);
  });
});

describe('a rollback without an alias in use', () => {
  test('has nothing to say', async () => {
    world.registry.setAlias('m', 'challenger', '3');
    world.registry.setAlias('m', 'champion', '2');
    expect(codes(await world.ask({ ...key, dry_run: true }))).toEqual([]);
    expect(codes(await world.ask(key))).toEqual([]);
  });
});

describe('a stage that nobody uses', () => {
  beforeEach(() => {
    world.registry.transition('m', '3', 'Archived', false);
    world.registry.setAlias('m', 'champion', '3');
  });
  const request = { ...key, target_version: '2' };

  test.each([true, false])('is not moved (dry run: %j)', async (dry_run) => {
    const answer = await world.ask({ ...request, dry_run });
    expect(answer.outcome).toBe(dry_run ? 'DRY_RUN' : 'REFUSED');
    expect(answer.plan?.verdict).toBe('REFUSED');
    expect(answer.refusals).toMatchObject([{ code: 'POINTER_UNUSED', overridable: true }]);
    expect(await live()).toEqual([]);
  });

  test('is moved when the request overrides that', async () => {
    const answer = await world.ask({ ...request, overrides: ['POINTER_UNUSED'] });
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: null, to_version: '2' });
    expect(codes(answer)).toEqual(['OVERRIDDEN_POINTER_UNUSED']);
  });

  test('costs no call while a version is live', async () => {
    world.registry.transition('m', '3', 'Production', true);
    const readAliases = () => Promise.reject(new Error('read all aliases'));
    const deps = withCalls(world.deps, { registry: { readAliases } });
    expect(await world.ask(key, { deps })).toMatchObject({ rolled_back: true });
  });
});
