import { type PromotionResponse, promotionOf } from '../domain/answer/promotion.ts';
import type { RollbackResponse } from '../domain/answer/response.ts';
import { RollbackInProgressError } from '../domain/errors.ts';
import { isoTime } from '../domain/registry/model.ts';
import type { Deadline } from '../ports/deadline.ts';
import { type EvidenceReader, promotionDecider } from './decide-promotion.ts';
import type { RollbackDeps } from './deps.ts';
import { type RollbackCall, rollBack } from './roll-back.ts';

/** What a promotion works with. */
export interface PromotionDeps extends RollbackDeps {
  readonly evidence: EvidenceReader;
}

/** One call for a promotion. */
export type PromotionCall = Pick<
  RollbackCall,
  'request' | 'warnings' | 'invocationId' | 'deadline' | 'confirmed' | 'callsSmokeCheck'
>;

/**
 * Makes a new version of a registered model the live one, once, or says why not: with the claim, recheck, move,
 * read-back, commit and notices of a rollback, and other rules for what is moved where.
 * @param call `request` is one of `parsePromotion`
 * @throws what `rollBack` throws
 */
export async function promote(
  deps: PromotionDeps,
  call: PromotionCall,
): Promise<PromotionResponse> {
  return promotionOf(await runPromotion(deps, call));
}

/** The same, with the answer of the run itself. */
export async function runPromotion(
  deps: PromotionDeps,
  call: PromotionCall,
): Promise<RollbackResponse> {
  const { evidence, ...parts } = deps;
  try {
    return await rollBack(parts, { ...call, decide: promotionDecider(evidence) });
  } catch (error) {
    if (!(error instanceof RollbackInProgressError)) throw error;
    throw (await heldBy(deps, call.request.modelName, call.deadline)) ?? error;
  }
}

// ---------------------------------------------------------------------------------------------------

/** Who holds the model, and what for; null where nobody does any more, or where it cannot be read. */
async function heldBy(
  { store }: RollbackDeps,
  modelName: string,
  deadline: Deadline,
): Promise<RollbackInProgressError | null> {
  try {
    const { state } = await store.read(modelName, null, deadline);
    const active = state?.active ?? null;
    if (active === null) return null;
    const { record } = await store.read(modelName, active.rollbackId, deadline);
    if (record?.plan == null) return null;
    const { request, plan } = record;
    const by = request.alarmName === null ? request.requestedBy : `the alarm ${request.alarmName}`;
    const what = request.promotes ? 'A promotion' : 'A rollback';
    return new RollbackInProgressError(
      `${what} of ${modelName} to version ${plan.to?.version ?? 'none'} by ${by ?? 'somebody'} is in progress ` +
        `(${active.rollbackId}, until ${isoTime(active.leaseEndsAtMs)} at the latest). Nothing was done. Try again.`,
    );
  } catch {
    return null;
  }
}
