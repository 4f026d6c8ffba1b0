/** The alias `NAME-previous`, which follows the moves of `alias:NAME` where the policy asks for it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryEvidenceStore } from '../../../src/adapters/memory/memory-evidence-store.ts';
import type { RollbackDeps, RollbackSettings } from '../../../src/app/deps.ts';
import { promote } from '../../../src/app/promote.ts';
import { rollBack } from '../../../src/app/roll-back.ts';
import { runOperation } from '../../../src/app/run-operation.ts';
import { sweep } from '../../../src/app/sweep.ts';
import { undoRequest } from '../../../src/app/undo.ts';
import { RegistryRefusedError, StateStoreUnavailableError } from '../../../src/domain/errors.ts';
import { parseOperation } from '../../../src/domain/request/operation.ts';
import { parsePromotion } from '../../../src/domain/request/promotion-request.ts';
import { type RegistryCalls, type StoreCalls, withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const champion = { kind: 'alias', alias: 'champion' } as const;
const refusal = new RegistryRefusedError('The registry refuses: no EDIT.');
let world: World;
let calls = 0;

function newWorld(settings: Partial<RollbackSettings> = { previousAlias: 'on' }): void {
  const pointers = { default: champion, byModel: new Map() };
  world = makeWorld({ pointers, cooldownMs: 0, ...settings });
  world.seed('m', ['None', 'None', 'None', 'None']);
  world.registry.setAlias('m', 'champion', '2');
}

beforeEach(() => newWorld());

const ask = async (version: string, fields: object = {}, deps = world.deps) => {
  calls += 1;
  const asked = { model_name: 'm', new_version: version, ...fields };
  const { request, warnings } = parsePromotion(asked);
  const evidence = new MemoryEvidenceStore(new Map(), deps.identity);
  const call = { request, warnings, invocationId: `promotion ${calls}` };
  return await promote({ ...deps, evidence }, { ...call, deadline: world.deadline() });
};
const roll = (fields: object = {}) => world.ask({ model_name: 'm', ...fields });
const undo = async () => {
  const what = { what: 'm', overrides: [], requestedBy: null };
  const request = await undoRequest(world.deps, what, world.deadline());
  const call = { request, warnings: [], invocationId: 'an undo', deadline: world.deadline() };
  return await rollBack(world.deps, call);
};
const named = async (alias = 'champion-previous'): Promise<string | undefined> =>
  (await world.registry.readAlias('m', alias))?.version;
const setPolicy = async (policy: object): Promise<void> => {
  const given = { operation: 'policy-set', model_name: 'm', policy, reason: 'why' };
  const operation = parseOperation(given, world.clock.nowMs());
  await runOperation(world.deps, operation, world.deadline());
};
/** The first move is that of the pointer; the one that follows it is refused. */
const withoutPrevious = (deps: RollbackDeps, store: StoreCalls = {}): RollbackDeps => {
  let moves = 0;
  const movePointer: RegistryCalls['movePointer'] = async (next) => {
    moves += 1;
    return moves === 1 ? await next() : { kind: 'refused', error: refusal };
  };
  return withCalls(deps, { registry: { movePointer }, store });
};

describe('the alias of the previous version', () => {
  test('names what a promotion, a rollback and an undo left', async () => {
    expect(await ask('4')).toMatchObject({ outcome: 'PROMOTED', warnings: [] });
    expect(await named()).toBe('2');
    expect(await roll()).toMatchObject({ to_version: '2', warnings: [] });
    expect(await named()).toBe('4');
    expect(await undo()).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '4' });
    expect(await named()).toBe('2');
  });

  test('is left alone without a policy that asks for it', async () => {
    newWorld({});
    await ask('4');
    await roll();
    expect(await named()).toBeUndefined();
  });

  test('follows the policy of the model', async () => {
    newWorld({});
    await setPolicy({ previous_alias: 'on' });
    await ask('4');
    expect(await named()).toBe('2');
    await setPolicy({ previous_alias: 'off' });
    await ask('3');
    expect(await named()).toBe('2');
  });

  test('is set by a sweep that finishes the run, by the policy of the model', async () => {
    newWorld({});
    await setPolicy({ previous_alias: 'on' });
    const cutOff = withCalls(world.deps, {
      store: {
        write: async (next, change) =>
          change.record?.progress.status === 'PROMOTED'
            ? await Promise.reject(new StateStoreUnavailableError('lost'))
            : await next(),
      },
    });
    await expect(ask('4', {}, cutOff)).rejects.toThrow('lost');
    expect(await named()).toBeUndefined();
    world.clock.advance(5 * 60_000);
    expect(await sweep(world.deps, world.deadline())).toMatchObject({ resumed: 1 });
    expect(await named()).toBe('2');
  });

  test('is set by the next move when a crash came before it', async () => {
    await ask('3');
    expect(await named()).toBe('2');
    newWorld({});
    world.registry.setAlias('m', 'champion-previous', '1');
    const answer = await ask('3', { request_id: 'k' });
    // As a crash leaves it: committed, and the alias as it was before.
    const on = {
      ...world.deps,
      settings: { ...world.deps.settings, previousAlias: 'on' },
    } as const;
    expect(await ask('3', { request_id: 'k' }, on)).toMatchObject({
      replayed: true,
      rollback_id: answer.rollback_id,
    });
    world.clock.advance(5 * 60_000);
    await sweep(on, world.deadline());
    expect(await named()).toBe('1');
    const back = await world.ask({ model_name: 'm' }, { deps: on });
    expect(back).toMatchObject({ to_version: '2', plan: { rule: 'recorded' } });
    expect(back.warnings.map(({ code }) => code)).toEqual(['PREVIOUS_ALIAS_DIFFERS']);
    expect(await named()).toBe('3');
  });

  test('that cannot be set is a warning in the answer, its replay and the record', async () => {
    const deps = withoutPrevious(world.deps);
    const warning = {
      code: 'PREVIOUS_ALIAS_NOT_SET',
      message:
        'The alias champion-previous was not set to version 2: The registry refuses: no EDIT. The next move tries again; to have it now, set it in MLflow.',
    };
    const answer = await ask('4', { request_id: 'k' }, deps);
    expect(answer).toMatchObject({ outcome: 'PROMOTED', notified: true, warnings: [warning] });
    const replay = await ask('4', { request_id: 'k' });
    expect(replay).toMatchObject({ replayed: true, warnings: [warning] });
    expect((await world.records()).map(({ warnings }) => warnings)).toEqual([[warning]]);
  });

  test('stays in the answer when the record cannot be written again', async () => {
    const lines: string[] = [];
    const deps = withoutPrevious(world.deps, {
      write: async (next, change) =>
        (change.record?.warnings.length ?? 0) > 0
          ? await Promise.reject(new StateStoreUnavailableError('lost'))
          : await next(),
    });
    const logger = { log: (_level: string, message: string) => lines.push(message) };
    const answer = await ask('4', {}, { ...deps, logger });
    expect(answer.warnings.map(({ code }) => code)).toEqual(['PREVIOUS_ALIAS_NOT_SET']);
    expect(answer.outcome).toBe('PROMOTED');
    expect(lines).toContain('a warning could not be recorded');
  });

  test('is left where it is when the version that the pointer left is deleted', async () => {
    world.registry.deleteVersion('m', '2');
    const answer = await ask('4');
    expect(answer.warnings.map(({ message }) => message)).toContain(
      'The alias champion-previous stays as it is, because version 2 is deleted.',
    );
    expect(await named()).toBeUndefined();
  });

  test('has none of its own', async () => {
    world.registry.setAlias('m', 'champion-previous', '2');
    const answer = await ask('4', { pointer: 'alias:champion-previous' });
    expect(answer.outcome).toBe('PROMOTED');
    expect(answer.warnings).toContainEqual({
      code: 'PREVIOUS_ALIAS_NOT_SET',
      message:
        'The alias champion-previous-previous was not set, because alias:champion-previous is itself an alias for the version before.',
    });
    expect(await named('champion-previous-previous')).toBeUndefined();
  });

  test('there is none for a stage, nor for the first version of an alias', async () => {
    expect(await ask('3', { pointer: 'alias:shadow' })).toMatchObject({ warnings: [] });
    expect(await named('shadow-previous')).toBeUndefined();
    world.registry.transition('m', '2', 'Production', true);
    const staged = await ask('4', { pointer: 'stage:Production' });
    expect(staged.warnings.map(({ code }) => code)).not.toContain('PREVIOUS_ALIAS_NOT_SET');
    expect(await world.registry.readAliases('m')).toHaveLength(2);
  });

  test('is not moved by a preview, nor by what moves nothing', async () => {
    await ask('4', { dry_run: true });
    await ask('2');
    await setPolicy({ promotion_evidence: '7d' });
    expect(await ask('4')).toMatchObject({ outcome: 'REFUSED' });
    expect(await named()).toBeUndefined();
  });
});
