import { dryRunResponse, type RollbackResponse } from '../domain/answer/response.ts';
import { movesPointer } from '../domain/decide/outcome.ts';
import type { Plan } from '../domain/decide/plan.ts';
import { policyAnswer } from '../domain/request/policy.ts';
import type { RollbackRequest, Warning } from '../domain/request/request.ts';
import type { ModelState } from '../domain/state/model-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import { aliasWarnings } from './alias-warnings.ts';
import type { Decision } from './decide.ts';
import type { RollbackDeps } from './deps.ts';
import { smokeCheck } from './smoke-check.ts';

/** The answer to a dry run: what a real request would do. Nothing is written anywhere. */
export async function preview(
  deps: RollbackDeps,
  {
    request,
    deadline,
    callsSmokeCheck = false,
  }: {
    readonly request: RollbackRequest;
    readonly deadline: Deadline;
    readonly callsSmokeCheck?: boolean;
  },
  {
    decision,
    warningsOf,
    state: { active, policy },
  }: {
    readonly decision: Decision;
    readonly warningsOf: (plan: Plan) => readonly Warning[];
    readonly state: ModelState;
  },
): Promise<RollbackResponse> {
  const { snapshot } = decision;
  const asked = { request, plan: decision.plan, snapshot, rollbackId: null };
  const isAsked = callsSmokeCheck && movesPointer(decision.plan.verdict);
  const smoke = isAsked ? await smokeCheck(deps, asked, deadline) : null;
  const plan = smoke === null ? decision.plan : decision.withSmoke(smoke);
  const besides = await aliasWarnings(deps, { request, plan, snapshot }, deadline);
  const warnings = [...warningsOf(plan), ...besides];
  if (active !== null) {
    const message = `The rollback ${active.rollbackId} of this model is in progress; until it ends, a real request gets RollbackInProgressError.`;
    warnings.push({ code: 'ROLLBACK_IN_PROGRESS', message });
  }
  const answer = dryRunResponse(plan, request, warnings);
  return policy === undefined ? answer : { ...answer, policy: policyAnswer(policy) };
}
