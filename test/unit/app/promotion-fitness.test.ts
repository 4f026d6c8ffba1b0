/** What the run and the signature of a new version say for and against its promotion. */
import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryEvidenceStore } from '../../../src/adapters/memory/memory-evidence-store.ts';
import { promote } from '../../../src/app/promote.ts';
import type { PromotionResponse } from '../../../src/domain/answer/promotion.ts';
import { RegistryRefusedError, RegistryUnavailableError } from '../../../src/domain/errors.ts';
import type { ModelSignature, RunDetails } from '../../../src/domain/registry/version-details.ts';
import { parsePromotion } from '../../../src/domain/request/promotion-request.ts';
import type { ModelRegistry } from '../../../src/ports/model-registry.ts';
import { run, takes } from '../../fakes/version-details.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

let world: World;
/** Why the run, or the signature, of any version cannot be read. */
let broken: { readRun?: Error; readSignature?: Error };
let calls: string[];
let invocations = 0;

const watched = (registry: ModelRegistry): ModelRegistry =>
  new Proxy(registry, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (name === 'through') return () => watched(target);
      return async (...args: unknown[]) => {
        if (name === 'readRun' || name === 'readSignature') {
          calls.push(name);
          const error = broken[name];
          if (error !== undefined) throw error;
        }
        return await Reflect.apply(member, target, args);
      };
    },
  });

beforeEach(() => {
  world = makeWorld();
  world.seed('m', ['Archived', 'Archived', 'Production', 'Staging']);
  broken = {};
  calls = [];
});

const ask = async (fields: object = {}): Promise<PromotionResponse> => {
  invocations += 1;
  const { request, warnings } = parsePromotion({ model_name: 'm', ...fields });
  const call = {
    request,
    warnings,
    invocationId: `promotion ${invocations}`,
    deadline: world.deadline(),
  };
  const evidence = new MemoryEvidenceStore(new Map(), world.deps.identity);
  return await promote({ ...world.deps, registry: watched(world.registry), evidence }, call);
};
const log = (version: string, details: { run: RunDetails; signature: ModelSignature | null }) =>
  world.registry.logged.set('m', version, details);
const live = async (): Promise<string[]> =>
  (await world.registry.read('m')).live.map(({ version }) => version);

describe('the fitness of a new version', () => {
  test('takes no call for a version without a run, nor for one that is live', async () => {
    expect(await ask()).toMatchObject({ outcome: 'PROMOTED', warnings: [] });
    expect(await ask({ new_version: '4' })).toMatchObject({ already_promoted: true });
    expect(calls).toEqual([]);
  });

  test('is read in one round, and says nothing about a version that takes the same', async () => {
    log('3', { run: run('r3'), signature: takes('age', 'sex') });
    log('4', { run: run('r4'), signature: takes('age') });
    const answer = await ask();
    expect(answer).toMatchObject({ outcome: 'PROMOTED', warnings: [] });
    expect(calls).toEqual(['readRun', 'readSignature', 'readSignature']);
    expect(answer.plan?.guards).toContainEqual(
      expect.objectContaining({ code: 'TARGET_UNFIT', verdict: 'passed' }),
    );
  });

  test.each([true, false])('refuses a deleted run; dry run: %s', async (isDryRun) => {
    log('4', { run: run('r4', true), signature: null });
    const answer = await ask({ dry_run: isDryRun });
    expect(answer).toMatchObject({
      promoted: false,
      outcome: isDryRun ? 'DRY_RUN' : 'REFUSED',
      plan: { verdict: 'REFUSED' },
      refusals: [
        {
          code: 'TARGET_UNFIT',
          overridable: false,
          message:
            'The run r4 of version 4 is deleted, so its files may be removed at any time (to restore it: mlflow runs restore --run-id r4).',
        },
      ],
    });
    expect(await live()).toEqual(['3']);
  });

  test('warns of an input that the live version does not take, and promotes', async () => {
    log('3', { run: run('r3'), signature: takes('age') });
    log('4', { run: run('r4'), signature: takes('age', 'zip') });
    const warnings = [
      {
        code: 'SIGNATURE_DIFFERS',
        message:
          'Version 4 does not accept the input of version 3: it needs the input "zip", which version 3 does not take. ' +
          'Consumers that go on sending the earlier input will get errors.',
      },
    ];
    expect(await ask({ dry_run: true })).toMatchObject({ outcome: 'DRY_RUN', warnings });
    expect(await ask()).toMatchObject({ outcome: 'PROMOTED', warnings });
    expect(await live()).toEqual(['4']);
    expect((await world.records()).map((record) => record.warnings)).toEqual([warnings]);
  });

  test.each([
    ['that does not answer', new RegistryUnavailableError('No answer in time.')],
    ['that removed it for good', new RegistryRefusedError('Run not found.')],
    ['with a bug', new TypeError('a bug')],
  ])('warns of what it did not read from a registry %s', async (_title, error) => {
    broken = { readRun: error, readSignature: error };
    log('3', { run: run('r3'), signature: takes('age') });
    log('4', { run: run('r4'), signature: takes('age', 'zip') });
    const answer = await ask();
    expect(answer.outcome).toBe('PROMOTED');
    expect(answer.warnings.map(({ code }) => code)).toEqual(['TARGET_NOT_CHECKED']);
    expect(answer.warnings[0]?.message).toContain('was not checked');
  });

  test('is judged also where something else refuses', async () => {
    world.registry.register('m');
    log('5', { run: run('r5', true), signature: null });
    const answer = await ask({ new_version: '5', expected_from_version: '1' });
    expect(answer.refusals.map(({ code }) => code)).toEqual([
      'LIVE_VERSION_CHANGED',
      'TARGET_UNFIT',
    ]);
  });
});
