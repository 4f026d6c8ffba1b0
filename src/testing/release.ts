import type { RollbackDeps } from '../app/deps.ts';
import { handleAlarm } from '../app/handle-alarm.ts';
import { rollBack } from '../app/roll-back.ts';
import { sweep } from '../app/sweep.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/** What a process of a release does. */
export interface UseCases {
  readonly rollBack: typeof rollBack;
  readonly handleAlarm: typeof handleAlarm;
  readonly sweep: typeof sweep;
}

/** Another release at work in the same world: its own code, on the ports that it is given. */
export type OtherRelease = (world: SimulatedWorld, actor: string, deps: RollbackDeps) => UseCases;

export const thisRelease: UseCases = { rollBack, handleAlarm, sweep };
