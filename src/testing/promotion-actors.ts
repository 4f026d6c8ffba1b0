import { promote } from '../app/promote.ts';
import { isModelRollbackError } from '../domain/errors.ts';
import { parsePromotion } from '../domain/request/promotion-request.ts';
import { modelName } from './simulated-registry.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/** Pipelines that promote by our own tool, each with its duplicates: two at once, and beside rollbacks. */
export function promotionActors(world: SimulatedWorld): Promise<void>[] {
  const { choices } = world;
  if (!choices.happens(40)) return [];
  const count = 1 + choices.pick(2);
  return Array.from({ length: count }, (_, index) => pipeline(world, `pipeline ${index}`));
}

// ---------------------------------------------------------------------------------------------------

/** Registers the next version, or takes an old one, and makes it live. */
async function pipeline(world: SimulatedWorld, actor: string): Promise<void> {
  const { scheduler, registry, choices } = world;
  const delayMs = [0, 0, 60_000, 600_000][choices.pick(4)] ?? 0;
  if (delayMs > 0) await world.depsFor(`${actor}, later`).clock.sleep(delayMs);
  let version = choices.happens(25) ? '2' : '';
  if (version === '') {
    await scheduler.call({
      actor,
      label: 'register',
      isWrite: true,
      run: async () => {
        version = registry.register(scheduler.nowMs);
      },
      lost: async () => undefined,
    });
  }
  if (version === '') return;
  const key = choices.happens(50) ? { request_id: 'a' } : {};
  const copies = 1 + choices.pick(2);
  const asked = { new_version: version, ...key };
  const callers = Array.from({ length: copies }, (_, copy) =>
    caller(world, `${actor}.${copy}`, asked),
  );
  await Promise.all(callers);
}

/** Tries again on what a retry can cure. */
async function caller(world: SimulatedWorld, actor: string, fields: object): Promise<void> {
  const budgetMs = [120_000, 6_000, 30_000][world.choices.pick(3)] ?? 120_000;
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const deps = world.depsFor(`${actor}#${attempt}`);
    const { request, warnings } = parsePromotion({ model_name: modelName, ...fields });
    const deadline = world.deadline(deps, budgetMs);
    const evidence = { readEvidence: async () => undefined };
    try {
      const call = { request, warnings, invocationId: actor, deadline };
      const { outcome, promoted, new_version: to } = await promote({ ...deps, evidence }, call);
      if (promoted && to === null) world.violations.push(`${actor}: ${outcome} of no version`);
      return;
    } catch (error) {
      world.judge(error);
      if (!isModelRollbackError(error) || !error.isRetryable) return;
    }
    await deps.clock.sleep(20_000 * (attempt + 1));
  }
}
