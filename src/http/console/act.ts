import { type ApprovedCall, approveRollback } from '../../app/approve-rollback.ts';
import type { RollbackDeps } from '../../app/deps.ts';
import { type RollbackCall, rollBack } from '../../app/roll-back.ts';
import { undoRequest } from '../../app/undo.ts';
import type { RollbackResponse } from '../../domain/answer/response.ts';
import { reloadText } from '../../domain/answer/serving.ts';
import type { ConfirmedPlan } from '../../domain/decide/guard-answer.ts';
import { parseOverrides, parseRequest } from '../../domain/request/request.ts';
import { answerEvent, anyCall } from '../../lambda/answer-event.ts';
import { serveCall } from '../../lambda/serve-call.ts';
import type { HttpCall } from '../http-call.ts';
import { requireRecord } from '../reads.ts';
import { modelPath, rollbackPath } from './paths.ts';
import type { Done } from './session.ts';

/** A form that was sent, by somebody who may. */
export interface Sent extends Omit<HttpCall, 'request' | 'afterwards' | 'evidence'> {
  readonly form: URLSearchParams;
  /** Of the form: the same one acts once. */
  readonly requestId: string;
}

/** What each form does, by its action. */
export const actions: Readonly<Record<string, (sent: Sent) => Promise<Done>>> = {
  rollback: async (sent) => {
    const { form } = sent;
    const { request, warnings } = parseRequest({
      model_name: form.get('model_name'),
      target_version: form.get('target_version'),
      pointer: form.get('pointer'),
      overrides: form.getAll('overrides'),
      request_id: `console:${sent.requestId}`,
      requested_by: sent.caller.name,
    });
    return doneBy(await run(sent, async () => ({ request, warnings })));
  },
  undo: async (sent) => {
    const what = await idOf(sent);
    return doneBy(
      await run(sent, async (deps) => ({
        request: await undoRequest(deps, { what, ...by(sent) }, sent.deadline),
        warnings: [],
      })),
    );
  },
  approve: async (sent) => {
    const rollbackId = await idOf(sent);
    const approval = { rollbackId, ...by(sent) };
    const answer = await serve(sent, async (deps) => {
      const approved = async (asked: ApprovedCall) => {
        const one = await rollBack(deps, { ...asked, ...callOf(sent) });
        return { answer: one, isRolledBack: one.rolled_back };
      };
      return (await approveRollback(deps, approval, approved, () => sent.deadline)).answer;
    });
    return doneBy(answer);
  },
  decide: async (all) => {
    const { form, requestId, ...sent } = all;
    const fields = decisionFields.flatMap((name) => {
      const value = form.get(name);
      // What need not be filled in comes as an empty text.
      return value === null || value === '' ? [] : [[name, value] as const];
    });
    const id = form.get('rollback_id') === null ? null : await idOf(all);
    const event = {
      ...Object.fromEntries(fields),
      ...(form.get('fleet') === 'true' ? { fleet: true } : {}),
      requested_by: sent.caller.name,
    };
    const answer = await answerEvent(sent.deps, event, {
      ...sent,
      invocationId: `console:${requestId}`,
    });
    const model = form.get('model_name');
    const message = 'message' in answer ? answer.message : '';
    if (id !== null) return { message, path: rollbackPath(id) };
    return { message, path: model === null ? '/' : modelPath(model) };
  },
};

// ---------------------------------------------------------------------------------------------------

const decisionFields = ['operation', 'model_name', 'rollback_id', 'version', 'until', 'reason'];

/** @throws HttpError when nothing has this id */
async function idOf({ form, deps, deadline }: Sent): Promise<string> {
  const id = form.get('rollback_id') ?? '';
  await requireRecord(deps, id, deadline);
  return id;
}

/** Who asks, and which guards that person passes on purpose. */
function by({ form, caller }: Sent): {
  readonly overrides: RollbackCall['request']['overrides'];
  readonly requestedBy: string | null;
} {
  const overrides = parseOverrides(form.getAll('overrides'), 'overrides');
  return { overrides, requestedBy: caller.name };
}

/** Exactly the plan that the page showed, or nothing. */
function callOf({
  form,
  requestId,
  deadline,
}: Sent): Pick<RollbackCall, 'confirmed' | 'invocationId' | 'deadline' | 'announcesRefusals'> {
  const confirmed: ConfirmedPlan = {
    kind: 'move',
    live: form.get('confirmed_live') || null,
    to: form.get('confirmed_to') || null,
  };
  // The person sees a refusal at once.
  const isAnnounced = { announcesRefusals: false };
  return { confirmed, invocationId: `console:${requestId}`, deadline, ...isAnnounced };
}

async function run(
  sent: Sent,
  ask: (deps: RollbackDeps) => Promise<Pick<RollbackCall, 'request' | 'warnings'>>,
): Promise<RollbackResponse> {
  return await serve(sent, async (deps) =>
    rollBack(deps, { ...(await ask(deps)), ...callOf(sent) }),
  );
}

async function serve(
  { deps, report, requestId, form }: Sent,
  work: (deps: RollbackDeps) => Promise<RollbackResponse>,
): Promise<RollbackResponse> {
  const modelName = form.get('model_name');
  const call = { ...anyCall, triggerId: `console:${requestId}`, modelName };
  return await serveCall(deps, call, work, report);
}

function doneBy(answer: RollbackResponse): Done {
  const { rollback_id: id, model_name: model, rolled_back: isRolledBack } = answer;
  const message = isRolledBack ? `Done. ${reloadText(answer)}` : 'Nothing was moved.';
  return { message, path: id === null ? modelPath(model ?? '') : rollbackPath(id) };
}
