import { runOperation } from '../app/run-operation.ts';
import { undoRequest } from '../app/undo.ts';
import { isModelRollbackError } from '../domain/errors.ts';
import { pointerText } from '../domain/registry/pointer.ts';
import { parseOperation } from '../domain/request/operation.ts';
import { modelName, otherPointer } from './simulated-registry.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/** People who decide something while requests and alarms are at work: a freeze, a policy, an undo. */
export function operatorActors(world: SimulatedWorld): Promise<void>[] {
  const { choices, isOneRelease } = world;
  // Release 0.1.0 refuses a model that such a decision is about.
  if (!isOneRelease || !choices.happens(35)) return [];
  const actors = [decider(world, 'operator', 1 + choices.pick(3))];
  if (choices.happens(30)) actors.push(decider(world, 'second operator', 1));
  if (choices.happens(25)) actors.push(undoer(world));
  return actors;
}

// ---------------------------------------------------------------------------------------------------

async function decider(world: SimulatedWorld, actor: string, times: number): Promise<void> {
  const { choices } = world;
  for (let time = 0; time < times; time += 1) {
    const process = `${actor}#${time}`;
    const delayMs = [0, 5_000, 90_000, 1_200_000][choices.pick(4)] ?? 0;
    const deps = world.depsFor(process);
    if (delayMs > 0) await deps.clock.sleep(delayMs);
    const fields = decisions(world)[choices.pick(8)];
    const operation = parseOperation(
      { model_name: modelName, reason: 'why', requested_by: actor, ...fields },
      deps.clock.nowMs(),
    );
    try {
      await runOperation(deps, operation, world.deadline(deps, 30_000));
    } catch (error) {
      world.judge(error);
    }
  }
}

function decisions({ registry }: SimulatedWorld): readonly object[] {
  const set = (policy: object): object => ({ operation: 'policy-set', policy });
  const all = ['mode', 'pointer', 'cooldown_hours'];
  return [
    { operation: 'freeze', until: '10m' },
    { operation: 'freeze', until: '2h' },
    { operation: 'unfreeze' },
    set({ mode: 'ask' }),
    set({ cooldown_hours: 0 }),
    set({ cooldown_hours: 6, mode: 'act' }),
    set({ pointer: pointerText(otherPointer(registry.pointer)) }),
    { operation: 'policy-unset', fields: all },
  ];
}

/** Takes back the latest rollback, some minutes later. */
async function undoer(world: SimulatedWorld): Promise<void> {
  await world.depsFor('undo, waiting').clock.sleep(600_000);
  const deps = world.depsFor('undo');
  const undo = {
    what: modelName,
    pointer: pointerText(world.registry.pointer),
    overrides: [],
    requestedBy: 'operator',
  };
  try {
    const deadline = world.deadline(deps, 30_000);
    const request = await undoRequest(deps, undo, deadline);
    const call = { request, warnings: [], invocationId: 'undo', deadline };
    await world.useCasesFor('undo', deps).rollBack(deps, call);
  } catch (error) {
    if (!isModelRollbackError(error)) throw error;
    world.judge(error);
  }
}
