/** Two promotions and a rollback at once, 200 times, with every call in an order that the seed decides. */
import { expect, test } from 'vitest';
import type { RollbackDeps } from '../../../src/app/deps.ts';
import { promote } from '../../../src/app/promote.ts';
import { rollBack } from '../../../src/app/roll-back.ts';
import { isModelRollbackError } from '../../../src/domain/errors.ts';
import { parsePromotion } from '../../../src/domain/request/promotion-request.ts';
import { parseRequest } from '../../../src/domain/request/request.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const rounds = 200;

test.each(['stage:Production', 'alias:champion'])(
  `leave exactly one live version of %s, and true answers, in ${rounds} rounds`,
  async (pointer) => {
    const ends = new Map<string, number>();
    for (let seed = 1; seed <= rounds; seed += 1) {
      for (const end of await playRound(seed, pointer)) ends.set(end, (ends.get(end) ?? 0) + 1);
    }
    // Each of them wins at times, and meets another at work at times.
    expect([...ends.keys()]).toEqual(
      expect.arrayContaining(['PROMOTED', 'ROLLED_BACK', 'RollbackInProgressError']),
    );
  },
);

// ---------------------------------------------------------------------------------------------------

/** What one caller was told. */
interface Told {
  readonly outcome: string;
  readonly to: string | null;
  readonly id: string | null;
}

async function playRound(seed: number, pointer: string): Promise<readonly string[]> {
  const world = makeWorld({ cooldownMs: 0 });
  world.seed('m', ['Archived', 'Archived', 'Production', 'None', 'None']);
  world.registry.setAlias('m', 'champion', '3');
  const order: string[] = [];
  const deps = shuffled(world, seed, order);
  const asked = { model_name: 'm', pointer };
  const told = await Promise.all([
    promoted(world, deps, { ...asked, new_version: '4' }),
    promoted(world, deps, { ...asked, new_version: '5' }),
    rolledBack(world, deps, { ...asked, target_version: '2' }),
  ]);
  const about = `seed ${seed}: ${JSON.stringify(told)}, moved to ${order.join()}`;
  const isAlias = pointer !== 'stage:Production';
  const registry = isAlias
    ? world.registry.through({ kind: 'alias', alias: 'champion' })
    : world.registry;
  const live = (await registry.read('m')).live.map(({ version }) => version);
  const moves = told.filter(({ outcome }) => ['PROMOTED', 'ROLLED_BACK'].includes(outcome));
  expect(moves.map(({ to }) => to).toSorted(), about).toEqual(order.toSorted());
  expect(live, about).toEqual(order.slice(-1));
  const records = await world.records('m');
  for (const { id, outcome } of told) {
    if (id === null) continue;
    const record = records.find((one) => one.id === id);
    expect(record?.progress.status, about).toBe(outcome);
  }
  return told.map(({ outcome }) => outcome);
}

async function promoted(world: World, deps: RollbackDeps, fields: object): Promise<Told> {
  const { request, warnings } = parsePromotion(fields);
  const call = { request, warnings, invocationId: JSON.stringify(fields) };
  const evidence = { readEvidence: async () => undefined };
  return await told(async () => {
    const answer = await promote({ ...deps, evidence }, { ...call, deadline: world.deadline() });
    return { outcome: answer.outcome, to: answer.new_version, id: answer.rollback_id };
  });
}

async function rolledBack(world: World, deps: RollbackDeps, fields: object): Promise<Told> {
  const { request, warnings } = parseRequest(fields);
  const call = { request, warnings, invocationId: 'rollback', deadline: world.deadline() };
  return await told(async () => {
    const { outcome, to_version: to, rollback_id: id } = await rollBack(deps, call);
    return { outcome, to, id };
  });
}

async function told(work: () => Promise<Told>): Promise<Told> {
  try {
    return await work();
  } catch (error) {
    if (!isModelRollbackError(error)) throw error;
    return { outcome: error.name, to: null, id: null };
  }
}

/** Every call of registry and store waits for some turns of the loop, by chance. */
function shuffled(world: World, seed: number, order: string[]): RollbackDeps {
  const random = chance(seed);
  const wait = async (): Promise<void> => {
    const turns = Math.floor(random() * 6);
    for (let turn = 0; turn < turns; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const late = async <T>(call: () => Promise<T>): Promise<T> => {
    await wait();
    const answer = await call();
    await wait();
    return answer;
  };
  return withCalls(world.deps, {
    registry: {
      read: late,
      movePointer: async (call, _model, version) =>
        await late(async () => {
          order.push(version);
          return await call();
        }),
    },
    store: { read: late, write: late },
  });
}

/** mulberry32: the same numbers for the same seed. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
