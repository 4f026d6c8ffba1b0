/** Which version is compared and promoted where nobody names one: the same by both. */
import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryEvidenceStore } from '../../../src/adapters/memory/memory-evidence-store.ts';
import { compareModels } from '../../../src/app/compare-models.ts';
import { promote } from '../../../src/app/promote.ts';
import { parsePromotion } from '../../../src/domain/request/promotion-request.ts';
import type { EvaluationReader } from '../../../src/ports/evaluation-reader.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

let world: World;

const evaluations: EvaluationReader = {
  readEvaluation: async (_model, version) => ({
    version,
    registeredAtMs: 0,
    runId: null,
    modelId: null,
    values: ['profit_total', 'sharpe_ratio', 'max_drawdown', 'win_rate'].map((name) => ({
      name,
      value: 1,
      atMs: 1,
      dataSets: [],
    })),
  }),
  readTable: async () => {
    throw new Error('no table is asked for');
  },
  close: () => undefined,
};

function newWorld(pointer: string): void {
  const champion = { kind: 'alias', alias: 'champion' } as const;
  const pointers = { default: champion, byModel: new Map() };
  world = makeWorld(pointer === 'alias:champion' ? { pointers } : {});
  world.seed('m', ['Archived', 'Production', 'None', 'None', 'None']);
  world.registry.setAlias('m', 'champion', '2');
}

beforeEach(() => newWorld('stage:Production'));

const compared = async () => {
  const evidence = new MemoryEvidenceStore(new Map(), world.deps.identity);
  const call = { modelName: 'm', champion: null, challenger: null, rules: null, rows: null };
  return await compareModels({ ...world.deps, evaluations, evidence }, call, () =>
    world.deadline(),
  );
};
const planned = async () => {
  const { request, warnings } = parsePromotion({ model_name: 'm', dry_run: true });
  const evidence = new MemoryEvidenceStore(new Map(), world.deps.identity);
  const call = { request, warnings, invocationId: 'a plan', deadline: world.deadline() };
  return await promote({ ...world.deps, evidence }, call);
};

describe.each(['stage:Production', 'alias:champion'])('the new version of %s', (pointer) => {
  test.each([
    ['in Staging', { staged: ['3', '4'], challenger: null }, ['4', '4']],
    ['with the alias challenger', { staged: [], challenger: '3' }, ['3', '3']],
    ['of two', { staged: ['4'], challenger: '3' }, ['4', '3']],
    ['that is not older than the live one', { staged: ['1'], challenger: '5' }, ['5', '5']],
  ])('is the one %s', async (_title, { staged, challenger }, [ofStage, ofAlias]) => {
    newWorld(pointer);
    for (const version of staged) world.registry.transition('m', version, 'Staging', false);
    if (challenger !== null) world.registry.setAlias('m', 'challenger', challenger);
    const expected = pointer === 'stage:Production' ? ofStage : ofAlias;
    expect((await compared()).challenger).toBe(expected);
    expect((await planned()).new_version).toBe(expected);
  });

  test('is none where nothing is in Staging, and both say so', async () => {
    newWorld(pointer);
    const why = 'No Staging version found. The alias challenger names no version either.';
    await expect(compared()).rejects.toThrow(
      `${why} Name the challenger: pass it with --challenger.`,
    );
    expect(await planned()).toMatchObject({ reason: 'No Staging version found' });
  });
});
