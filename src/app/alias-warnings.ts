import { Outcome } from '../domain/decide/outcome.ts';
import type { Plan } from '../domain/decide/plan.ts';
import { messageOf } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { leftBehind } from '../domain/pointer/alias.ts';
import type { Warning } from '../domain/request/request.ts';
import { type Deadline, deadlineWithin } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/**
 * Whether a planned move leaves an alias behind. Also refused where the registry would refuse the move for
 * the name of the model, so a preview promises no more than a real run does.
 * @throws RegistryRefusedError, RegistryUnavailableError
 */
export async function aliasWarnings(
  { registry }: RollbackDeps,
  modelName: string,
  plan: Plan,
  deadline: Deadline,
): Promise<Warning[]> {
  const { from, to, pointer } = plan;
  if (from === null) return [];
  const aliases = await registry.readAliasesOf(modelName, from.version, deadline);
  if (to === null || plan.verdict !== Outcome.ROLLED_BACK) return [];
  return leftBehind({ modelName, pointer, from, to: to.version }, aliases);
}

/** The same beside a run: what cannot be found out in time is left out, and stops nothing. */
export async function aliasWarningsBeside(
  deps: RollbackDeps,
  modelName: string,
  plan: Plan,
  deadline: Deadline,
): Promise<Warning[]> {
  const within = deadlineWithin(deps.clock, limits.readTimeoutMs, deadline);
  try {
    return await aliasWarnings(deps, modelName, plan, within);
  } catch (error) {
    deps.logger.log('warn', 'the aliases of the live version could not be read', {
      model_name: modelName,
      error: messageOf(error),
    });
    return [];
  }
}
