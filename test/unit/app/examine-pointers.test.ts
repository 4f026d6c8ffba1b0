import { beforeEach, describe, expect, test } from 'vitest';
import { examinePointers } from '../../../src/app/examine-pointers.ts';
import { type Check, Verdict } from '../../../src/domain/answer/check.ts';
import { RegistryUnavailableError } from '../../../src/domain/errors.ts';
import { limits } from '../../../src/domain/limits.ts';
import type { ModelPointers } from '../../../src/domain/pointer/observe.ts';
import { type PointerSettings, parsePointer } from '../../../src/domain/registry/pointer.ts';
import type { ModelRegistry } from '../../../src/ports/model-registry.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

let world: World;
let models: ModelPointers[];
/** Rows of each page that was asked for. */
let asked: number[];
let pages: ModelRegistry['listPointers'];

beforeEach(() => {
  world = makeWorld();
  models = [];
  asked = [];
  pages = async ({ from, rows }) => {
    asked.push(rows);
    const start = Number(from ?? '0');
    const end = start + rows;
    const next = end < models.length ? String(end) : null;
    return { rows: models.slice(start, end), next };
  };
});

const put = (name: string, ...pointers: readonly string[]): void => {
  models.push({
    modelName: name,
    staged: pointers.includes('stage:Production') ? '1' : null,
    aliases: pointers
      .filter((text) => text.startsWith('alias:'))
      .map((text) => ({ alias: text.slice('alias:'.length), version: '1' })),
  });
};

const look = async (
  set = 'stage:Production',
  byModel: Readonly<Record<string, string>> = {},
): Promise<Check> => {
  const entries = Object.entries(byModel);
  const pointers: PointerSettings = {
    default: parsePointer(set, 'it'),
    byModel: new Map(entries.map(([name, text]) => [name, parsePointer(text, 'it')])),
  };
  const registry = Object.assign(world.registry, { listPointers: pages });
  const deps = { ...world.deps, registry, settings: { ...world.deps.settings, pointers } };
  return await examinePointers(deps, world.deadline(limits.doctorCheckMs));
};

describe('examinePointers', () => {
  test('counts the pointers that models use, most first', async () => {
    put('a', 'stage:Production');
    put('b', 'alias:champion', 'stage:Production');
    put('c', 'alias:champion');
    put('d', 'alias:champion', 'alias:challenger');
    put('e', 'alias:shadow');
    expect(await look('alias:champion', { a: 'stage:Production' })).toEqual({
      name: 'pointers',
      verdict: Verdict.OK,
      message:
        'Of 5 registered models, 4 use a pointer: alias:champion (3), stage:Production (2). ' +
        'The settings fit all of them.',
      fix: null,
    });
  });

  test('names a model that the settings do not fit', async () => {
    put('a', 'stage:Production');
    put('b', 'alias:champion');
    const { verdict, message } = await look();
    expect(verdict).toBe(Verdict.OK);
    expect(message).toContain('The settings fit all but 1, such as b (alias:champion).');
  });

  test('warns when the setting fits none, with the setting that fits most', async () => {
    put('a', 'alias:champion', 'alias:prod');
    put('b', 'alias:champion');
    put('c', 'alias:prod');
    put('d', 'alias:champion');
    const { verdict, message, fix } = await look();
    expect(verdict).toBe(Verdict.WARNING);
    expect(message).toContain(
      '(stage:Production, or by ROLLBACK_MODEL_POINTERS) fits none of them',
    );
    expect(fix).toContain('run `export ROLLBACK_POINTER=alias:champion`.');
  });

  test('gives entries of models where theirs come before the default', async () => {
    put("o'hara", 'alias:champion');
    const { fix } = await look('stage:Production', { '*': 'stage:Production' });
    expect(fix).toContain(
      `export ROLLBACK_MODEL_POINTERS='{"*":"stage:Production","o'\\''hara":"alias:champion"}'`,
    );
  });

  test('has nothing to compare where no model uses a pointer', async () => {
    put('a');
    put('b', 'alias:candidate');
    expect(await look()).toMatchObject({
      verdict: Verdict.OK,
      message: 'Of 2 registered models, none has a pointer that is in use.',
    });
  });

  test('reads the first models only, and says so', async () => {
    const most = limits.pointerPageRows * limits.surveyPagesMax;
    for (let count = 0; count < most + 1; count += 1) put(`m${count}`, 'stage:Production');
    expect((await look()).message).toMatch(new RegExp(`^Of the first ${most} registered models`));
    expect(asked).toHaveLength(limits.surveyPagesMax);
  });

  test('asks for half as many after a slow page, and ends in time', async () => {
    for (let count = 0; count < 300; count += 1) put(`m${count}`, 'stage:Production');
    const quick = pages;
    pages = async (page, deadline) => {
      world.clock.advance(4_000);
      return await quick(page, deadline);
    };
    expect((await look()).message).toMatch(/^Of the first 37 registered models/);
    expect(asked).toEqual([20, 10, 5, 2]);
  });

  test('counts what was read when a later page fails; a first one that fails is a problem', async () => {
    for (let count = 0; count < 30; count += 1) put(`m${count}`, 'stage:Production');
    const quick = pages;
    const down = new RegistryUnavailableError('It did not answer. Check the address.');
    pages = async (page, deadline) => {
      if (asked.length === 1) throw down;
      return await quick(page, deadline);
    };
    expect((await look()).message).toMatch(/^Of the first 20 registered models, 20 use/);
    pages = () => Promise.reject(down);
    expect(await look()).toMatchObject({ verdict: Verdict.PROBLEM, fix: 'Check the address.' });
  });
});
