import { movesPointer } from '../domain/decide/outcome.ts';
import type { Plan } from '../domain/decide/plan.ts';
import { messageOf } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import {
  leftBehind,
  mayBeDoubtful,
  pointerDoubt,
  previousAliases,
  previousDiffers,
} from '../domain/pointer/alias.ts';
import { TargetRule } from '../domain/pointer/target-rule.ts';
import type { ModelAlias, RegistrySnapshot } from '../domain/registry/model.ts';
import { parsePointer } from '../domain/registry/pointer.ts';
import type { RollbackRequest, Warning } from '../domain/request/request.ts';
import { type Deadline, deadlineWithin } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/** A planned move, to compare with the aliases of the model. */
export interface PlannedMove {
  readonly request: RollbackRequest;
  readonly plan: Plan;
  /** What the plan was made from; null for a run that is resumed: its record has the warnings of the plan. */
  readonly snapshot: RegistrySnapshot | null;
}

/**
 * The warnings that the aliases of the model give about a planned move: one is left behind, one shows that
 * the stage is perhaps not what consumers load by, or that of the previous version contradicts the record. Also
 * refused where the registry would refuse the move for the name of the model, so a preview promises no more
 * than a real run does.
 * @throws RegistryRefusedError, RegistryUnavailableError
 */
export async function aliasWarnings(
  deps: RollbackDeps,
  move: PlannedMove,
  deadline: Deadline,
): Promise<Warning[]> {
  return await warningsOf(deps, move, { isWaitedFor: true }, deadline);
}

/** The same beside a run: what cannot be found out in time is left out, and stops nothing. */
export async function aliasWarningsBeside(
  deps: RollbackDeps,
  move: PlannedMove,
  deadline: Deadline,
): Promise<Warning[]> {
  const within = deadlineWithin(deps.clock, limits.readTimeoutMs, deadline);
  try {
    return await warningsOf(deps, move, { isWaitedFor: false }, within);
  } catch (error) {
    deps.logger.log('warn', 'the aliases of the live version could not be read', {
      model_name: move.request.modelName,
      error: messageOf(error),
    });
    return [];
  }
}

/** The same for an alarm, which has to know it before its claim; null where one reading beside the run does. */
export async function aliasWarningsForAlarm(
  deps: RollbackDeps,
  move: PlannedMove,
  deadline: Deadline,
): Promise<Warning[] | null> {
  const { plan, snapshot, request } = move;
  const isDoubtPossible = snapshot !== null && mayBeDoubtful(snapshot, request);
  if (!movesPointer(plan.verdict) || !isDoubtPossible) return null;
  return await aliasWarnings(deps, move, deadline);
}

// ---------------------------------------------------------------------------------------------------

/** How long the answer may take: a run does not wait for what is found out beside it. */
interface Patience {
  readonly isWaitedFor: boolean;
}

async function warningsOf(
  { registry }: RollbackDeps,
  move: PlannedMove,
  patience: Patience,
  deadline: Deadline,
): Promise<Warning[]> {
  const { request, plan, snapshot } = move;
  const { from, to, pointer } = plan;
  if (from === null) return [];
  const aliases = await readAliases(registry, move, patience, deadline);
  if (to === null || !movesPointer(plan.verdict)) return [];
  const { modelName } = request;
  const planned = { modelName, pointer, from, to: to.version };
  const isRecorded = plan.rule === TargetRule.RECORDED;
  return [
    ...(snapshot === null ? [] : pointerDoubt(snapshot, request, aliases)),
    ...(isRecorded ? previousDiffers(planned, aliases, snapshot) : []),
    ...leftBehind(planned, aliases),
  ];
}

/**
 * The aliases that matter, in one call: those of the live version, or of all versions where another version
 * matters too. The time of the second call grows with the number of versions: it is made for a model whose
 * versions are all on the page that was read, or where somebody waits. So a run makes as many calls for 10,000
 * versions as for 10.
 */
async function readAliases(
  registry: RollbackDeps['registry'],
  { request, plan, snapshot }: PlannedMove,
  { isWaitedFor }: Patience,
  deadline: Deadline,
): Promise<readonly ModelAlias[]> {
  const { modelName } = request;
  const isDoubtPossible = snapshot !== null && mayBeDoubtful(snapshot, request);
  const hasPrevious = previousAliases(parsePointer(plan.pointer, 'pointer')).length > 0;
  const isMore = isDoubtPossible || (hasPrevious && plan.rule === TargetRule.RECORDED);
  const isAffordable = isWaitedFor || snapshot?.isComplete === true;
  if (isMore && isAffordable) return await registry.readAliases(modelName, deadline);
  const version = plan.from?.version ?? '';
  const aliases = await registry.readAliasesOf(modelName, version, deadline);
  return aliases.map((alias) => ({ alias, version }));
}
