import { beforeEach, describe, expect, test } from 'vitest';
import type { RollbackDeps } from '../../../src/app/deps.ts';
import { examineModels } from '../../../src/app/examine-models.ts';
import { type Check, Verdict } from '../../../src/domain/answer/check.ts';
import { RegistryUnavailableError } from '../../../src/domain/errors.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

let world: World;

beforeEach(() => {
  world = makeWorld();
  world.seed('m', ['Archived', 'Archived', 'Production']);
  world.seed('n', ['Archived', 'Production']);
});

const look = async (deps: RollbackDeps = world.deps, hasRegistry = true): Promise<Check> => {
  const list = await world.store.list(null, world.deadline());
  const about = { list, fleet: undefined };
  const checks = await examineModels(deps, about, { hasRegistry }, world.deadline());
  expect(checks.map(({ name }) => name)).toEqual(['paused', 'policies', 'quarantine']);
  const [, , quarantine] = checks;
  if (quarantine === undefined) throw new Error('no check');
  return quarantine;
};

describe('examineModels', () => {
  test('finds no live version in quarantine after a rollback', async () => {
    await world.ask({ model_name: 'm' });
    expect(await look()).toEqual({
      name: 'quarantine',
      verdict: Verdict.OK,
      message: 'No live version is in quarantine (1 model with a quarantine checked).',
      fix: null,
    });
  });

  test('warns of each version in quarantine that somebody made live again', async () => {
    for (const name of ['m', 'n']) {
      const { from_version: from } = await world.ask({ model_name: name });
      world.registry.transition(name, from ?? '', 'Production', true);
    }
    const { verdict, message } = await look();
    expect(verdict).toBe(Verdict.WARNING);
    expect(message).toContain('`model-rollback release m 3`');
    expect(message).toContain('`model-rollback release n 2`');
  });

  test('reads the pointer that is set for the model', async () => {
    world.registry.setAlias('m', 'champion', '3');
    await world.ask({ model_name: 'm', pointer: 'stage:Production' });
    expect((await look()).verdict).toBe(Verdict.OK);
    const pointers = { default: { kind: 'alias', alias: 'champion' }, byModel: new Map() } as const;
    const { settings } = world.deps;
    const { message } = await look({ ...world.deps, settings: { ...settings, pointers } });
    expect(message).toContain('Version 3 is live and in quarantine');
  });

  test('passes over a model that is gone, and names what it could not read', async () => {
    await world.ask({ model_name: 'm' });
    await world.ask({ model_name: 'n' });
    world.registry.rename('m', 'renamed');
    expect((await look()).message).toContain('(2 models with a quarantine checked)');
    const down = () => Promise.reject(new RegistryUnavailableError('It did not answer.'));
    expect(await look(withCalls(world.deps, { registry: { read: down } }))).toMatchObject({
      verdict: Verdict.WARNING,
      message: '2 of 2 models could not be checked: It did not answer.',
    });
  });

  test('does not ask a registry that cannot be read', async () => {
    await world.ask({ model_name: 'm' });
    const read = () => Promise.reject(new Error('asked'));
    const check = await look(withCalls(world.deps, { registry: { read } }), false);
    expect(check).toMatchObject({ verdict: Verdict.WARNING, fix: 'Fix that first.' });
  });
});
