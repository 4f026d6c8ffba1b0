import { StateStoreUnavailableError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackStore } from '../ports/rollback-store.ts';
import type { SimulatedWorld } from './simulated-world.ts';

const forEver: Deadline = { leftMs: () => Number.MAX_SAFE_INTEGER };

/**
 * The store of the world, as a process reaches it over the network; it watches what was written.
 * @param clock of that process
 */
export function storeFor(
  world: SimulatedWorld,
  actor: string,
  clock: Clock,
  isDryRun: boolean,
): RollbackStore {
  const call = async <T>(
    label: string,
    isWrite: boolean,
    deadline: Deadline,
    run: () => Promise<T>,
  ): Promise<T> => {
    if (deadline.leftMs() <= 0) throw new StateStoreUnavailableError('no time was left');
    return await world.scheduler.call({
      actor,
      label,
      isWrite,
      run,
      lost: () => Promise.reject(new StateStoreUnavailableError('the store did not answer')),
    });
  };
  return {
    read: async (model, id, deadline) =>
      await call('read store', false, deadline, async () => ({
        ...(await world.store.read(model, id, forEver)),
        clockSkewMs: clock.nowMs() - world.scheduler.nowMs,
      })),
    list: async (model, deadline, page) =>
      await call('list', false, deadline, () => world.store.list(model, forEver, page)),
    readNotice: async (id, topic, deadline) =>
      await call('read notice', false, deadline, () => world.store.readNotice(id, topic, forEver)),
    listDue: async (kind, nowMs, page, deadline) =>
      await call(`list due ${kind}`, false, deadline, () =>
        world.store.listDue(kind, nowMs, page, forEver),
      ),
    write: async (change, deadline) => {
      if (isDryRun) world.violations.push('I9: a dry run wrote to the store');
      const status = change.record?.progress.status ?? Object.keys(change).join();
      return await call(`write ${status}`, true, deadline, async () => {
        const result = await world.store.write(change, forEver);
        if (result === 'written') {
          world.applied.push({ ...change, atMs: world.scheduler.nowMs, actor });
        }
        return result;
      });
    },
    readHeads: async (parts, deadline) =>
      await call('read heads', false, deadline, () => world.store.readHeads(parts, forEver)),
    listLive: async (model, deadline) =>
      await call('list live', false, deadline, () => world.store.listLive(model, forEver)),
    close: () => undefined,
  };
}
