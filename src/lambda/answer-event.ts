import { type ApprovedCall, approveRollback } from '../app/approve-rollback.ts';
import type { RollbackDeps } from '../app/deps.ts';
import { handleAlarm } from '../app/handle-alarm.ts';
import { planFleet } from '../app/plan-fleet.ts';
import { rejectRollback } from '../app/reject-rollback.ts';
import { type RollbackCall, rollBack } from '../app/roll-back.ts';
import { type OperationAnswer, runOperation } from '../app/run-operation.ts';
import { sweep } from '../app/sweep.ts';
import type { SweepReport } from '../app/sweep-report.ts';
import { undoRequest } from '../app/undo.ts';
import type { AlarmPayload } from '../domain/alarm/alarm-payload.ts';
import type { RollbackResponse } from '../domain/answer/response.ts';
import { assertNever } from '../domain/assert.ts';
import { type FleetPlan, parseFleetRequest } from '../domain/request/fleet-request.ts';
import { parseOperation } from '../domain/request/operation.ts';
import { parseRequest } from '../domain/request/request.ts';
import {
  parseRollbackOperation,
  type RollbackOperation,
} from '../domain/request/rollback-operation.ts';
import type { Deadline } from '../ports/deadline.ts';
import { parseEvent, type QueuedAlarm } from './event.ts';
import { type Call, type CallReport, serveCall } from './serve-call.ts';
import { alarmTriggerId } from './watch-ports.ts';

/** Topics: an answer for each message. */
export interface TopicAnswer {
  readonly results: readonly RollbackResponse[];
}

/** Queues: the messages to deliver again are exactly those that a retry can help. */
export interface QueueAnswer extends TopicAnswer {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

export type EventAnswer =
  | RollbackResponse
  | SweepReport
  | TopicAnswer
  | QueueAnswer
  | FleetPlan
  | OperationAnswer;

/** What there is to know of an invocation beside its event. */
export interface Invocation {
  /** The key of a request that brings none. A caller's own retry repeats it. */
  readonly invocationId: string;
  /** The account that the function runs in. @default null: not known */
  readonly ownAccount?: string | null;
  readonly deadline: Deadline;
  /** Gets a report of each call when it has ended. */
  readonly report?: (report: CallReport) => void;
}

/**
 * Answers one event: a request (docs/reference/request.md), an alarm in any of its forms
 * (docs/reference/alarms.md), a sweep, an operation (docs/reference/operations.md), or a fleet run's question
 * for its models (docs/reference/step-functions.md).
 * @throws InvalidRequestError, what a request throws, and of alarms only what a retry can cure
 */
export async function answerEvent(
  deps: RollbackDeps,
  event: unknown,
  invocation: Invocation,
): Promise<EventAnswer> {
  const parsed = parseEvent(event);
  switch (parsed.kind) {
    case 'sweep':
      return await answerSweep(deps, invocation);
    case 'request':
      return await answerRequest(deps, parsed.body, invocation);
    case 'fleet':
      return await answerFleet(deps, parsed.body, invocation);
    case 'operation':
      return await answerOperation(deps, parsed.body, invocation);
    case 'alarm':
      return await answerAlarm(deps, { payload: parsed.payload }, invocation);
    case 'sns':
      return { results: await answerTopic(deps, parsed.messages, invocation) };
    case 'sqs':
      return await answerQueue(deps, parsed.messages, invocation);
    default:
      return assertNever(parsed);
  }
}

// ---------------------------------------------------------------------------------------------------

export const anyCall: Call = {
  kind: 'request',
  triggerId: null,
  modelName: null,
  alarmName: null,
  messageId: null,
  quality: 'sound',
  alarmAtMs: null,
};

async function answerSweep(deps: RollbackDeps, invocation: Invocation): Promise<SweepReport> {
  const { deadline } = invocation;
  const call: Call = { ...anyCall, kind: 'sweep' };
  return await serveCall(deps, call, (watched) => sweep(watched, deadline), invocation.report);
}

async function answerRequest(
  deps: RollbackDeps,
  body: unknown,
  { invocationId, deadline, report }: Invocation,
): Promise<RollbackResponse> {
  const { request, warnings } = parseRequest(body);
  const call: Call = {
    ...anyCall,
    triggerId: request.requestId ?? invocationId,
    modelName: request.modelName,
    alarmName: request.alarmName,
    quality: request.isDryRun ? 'dry-run' : 'sound',
  };
  const work = (watched: RollbackDeps): Promise<RollbackResponse> =>
    rollBack(watched, { request, warnings, invocationId, deadline });
  return await serveCall(deps, call, work, report);
}

/** Reads only: each model becomes a request of its own. */
async function answerFleet(
  deps: RollbackDeps,
  body: unknown,
  { invocationId, deadline, report }: Invocation,
): Promise<FleetPlan> {
  const call: Call = { ...anyCall, kind: 'fleet', triggerId: invocationId };
  const work = async (watched: RollbackDeps): Promise<FleetPlan> =>
    await planFleet(watched, parseFleetRequest(body), deadline);
  return await serveCall(deps, call, work, report);
}

/** What a person decided (docs/reference/operations.md). */
async function answerOperation(
  deps: RollbackDeps,
  body: unknown,
  invocation: Invocation,
): Promise<OperationAnswer | RollbackResponse> {
  const rollback = parseRollbackOperation(body);
  if (rollback !== null) return await answerRollbackOperation(deps, rollback, invocation);
  const { invocationId, deadline, report } = invocation;
  const operation = parseOperation(body, deps.clock.nowMs());
  const { modelName } = operation;
  const call: Call = { ...anyCall, kind: 'operation', triggerId: invocationId, modelName };
  const work = (watched: RollbackDeps): Promise<OperationAnswer> =>
    runOperation(watched, operation, deadline);
  return await serveCall(deps, call, work, report);
}

/** An approval or an undo is a rollback like any other, and answered as one. */
async function answerRollbackOperation(
  deps: RollbackDeps,
  { verb, what, overrides, requestedBy, pointer, reason }: RollbackOperation,
  { invocationId, deadline, report }: Invocation,
): Promise<RollbackResponse | OperationAnswer> {
  const call: Call = { ...anyCall, triggerId: `${verb}:${what}` };
  if (verb === 'reject') {
    const rejection = { rollbackId: what, by: requestedBy, reason };
    const reject = (watched: RollbackDeps): Promise<OperationAnswer> =>
      rejectRollback(watched, rejection, deadline);
    return await serveCall(deps, { ...call, kind: 'operation' }, reject, report);
  }
  const work = async (watched: RollbackDeps): Promise<RollbackResponse> => {
    const run = async (
      asked: Pick<RollbackCall, 'request'> & Partial<ApprovedCall>,
    ): Promise<RollbackResponse> =>
      await rollBack(watched, { warnings: [], ...asked, invocationId, deadline });
    if (verb === 'undo') {
      const undo = { what, pointer, overrides, requestedBy };
      return await run({ request: await undoRequest(watched, undo, deadline) });
    }
    const approval = { rollbackId: what, overrides, requestedBy };
    const approved = async (asked: ApprovedCall) => {
      const answer = await run(asked);
      return { answer, isRolledBack: answer.rolled_back };
    };
    return (await approveRollback(watched, approval, approved, () => deadline)).answer;
  };
  return await serveCall(deps, call, work, report);
}

/** An alarm by itself, or as a message. */
type Arrived = Pick<QueuedAlarm, 'payload'> & Partial<QueuedAlarm>;

async function answerAlarm(
  deps: RollbackDeps,
  { payload, source, id }: Arrived,
  { deadline, report, ownAccount = null }: Invocation,
): Promise<RollbackResponse> {
  const origin = source === undefined ? null : { arn: source, ownAccount };
  const work = (watched: RollbackDeps): Promise<RollbackResponse> =>
    handleAlarm(watched, payload, origin, deadline);
  const call: Call = { ...alarmCall(payload), messageId: id ?? null };
  return await serveCall(deps, call, work, report);
}

function alarmCall(payload: AlarmPayload): Call {
  const call: Call = { ...anyCall, kind: 'alarm' };
  switch (payload.kind) {
    case 'transition': {
      const { transition } = payload;
      const triggerId = alarmTriggerId(transition);
      return { ...call, triggerId, alarmName: transition.ref.name, alarmAtMs: transition.atMs };
    }
    case 'ignored':
      return { ...call, alarmName: payload.alarmName };
    case 'unreadable':
      return { ...call, alarmName: payload.name, quality: 'unreadable' };
    default:
      return assertNever(payload);
  }
}

/** An error is one of the whole event: its retry finds the answered messages answered. */
async function answerTopic(
  deps: RollbackDeps,
  messages: readonly QueuedAlarm[],
  invocation: Invocation,
): Promise<RollbackResponse[]> {
  const results: RollbackResponse[] = [];
  for (const message of messages) results.push(await answerAlarm(deps, message, invocation));
  return results;
}

/** One bad message does not keep the others; what there is no time for comes again. */
async function answerQueue(
  deps: RollbackDeps,
  messages: readonly QueuedAlarm[],
  invocation: Invocation,
): Promise<QueueAnswer> {
  const results: RollbackResponse[] = [];
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const message of messages) {
    try {
      results.push(await answerAlarm(deps, message, invocation));
    } catch {
      // The log says why.
      batchItemFailures.push({ itemIdentifier: message.id });
    }
  }
  return { batchItemFailures, results };
}
