import { isNotified } from '../../app/announce.ts';
import { approveRollback } from '../../app/approve-rollback.ts';
import { compareVersions } from '../../app/compare-versions.ts';
import type { RollbackDeps } from '../../app/deps.ts';
import { explainInFull } from '../../app/explain-in-full.ts';
import { inParallel } from '../../app/in-parallel.ts';
import { type FleetReading, readFleet } from '../../app/read-fleet.ts';
import { readStatus } from '../../app/read-status.ts';
import { rollBack } from '../../app/roll-back.ts';
import { undoRequest } from '../../app/undo.ts';
import type { Comparison } from '../../domain/answer/comparison.ts';
import { type LiveSpan, liveTimeline } from '../../domain/answer/live-timeline.ts';
import { type RollbackResponse, responseOf } from '../../domain/answer/response.ts';
import { commandLine } from '../../domain/command-line.ts';
import { isModelRollbackError } from '../../domain/errors.ts';
import { evidenceLimits } from '../../domain/evidence/evidence-limits.ts';
import { isApprovable } from '../../domain/protocol/watch.ts';
import { parsePosition } from '../../domain/record/list-position.ts';
import {
  parseModelName,
  parseRequest,
  type RollbackRequest,
} from '../../domain/request/request.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { EvidenceStore } from '../../ports/evidence-store.ts';
import { HttpError } from '../http-error.ts';
import { httpLimits } from '../http-limits.ts';
import { decodePart, pathAfter, splitVerb } from '../path.ts';
import { requireRecord } from '../reads.ts';
import { type ConfirmFacts, confirmPage } from './confirm-page.ts';
import { evidencePage } from './evidence-page.ts';
import { fleetPage } from './fleet-page.ts';
import { modelPage } from './model-page.ts';
import type { Page, PageContext } from './page.ts';
import { planPath, rollbackPath } from './paths.ts';
import { rollbackPage } from './rollback-page.ts';
import { type RangeName, rangeNames } from './timeline.ts';

/** One reading of a page. */
export interface Visit {
  readonly deps: RollbackDeps;
  /** Null where the console does not show it. */
  readonly evidence: EvidenceStore | null;
  readonly request: Request;
  readonly context: PageContext;
  readonly deadline: Deadline;
}

/** `/`: all models. */
export async function visitFleet({ deps, request, context, deadline }: Visit): Promise<Page> {
  const before = queryOf(request).get('before');
  const position = before === null ? undefined : parsePosition(before, 'before');
  const [reading, list] = await Promise.all([
    readFleet(deps, position, deadline),
    deps.store.list(null, deadline, { limit: 12 }),
  ]);
  const spans = await spansOf(deps, reading, deadline);
  return fleetPage(context, { reading, spans, latest: list.records.map(({ record }) => record) });
}

/** `/models/NAME`, `/models/NAME/plan` and `/models/NAME/evidence` */
export async function visitModel(visit: Visit): Promise<Page> {
  const { deps, request, context, deadline } = visit;
  const part = pathAfter(request, '/models/');
  const { name, verb } = splitVerb(part);
  if (name !== '' && verb === 'plan') return await visitPlan(visit, parseModelName(name));
  if (name !== '' && verb === 'evidence') return await visitEvidence(visit, parseModelName(name));
  const modelName = parseModelName(decodePart(part));
  const [status, log, list] = await Promise.all([
    readStatus(deps, modelName, deadline).catch((error: unknown) => error),
    deps.store.listLive(modelName, deadline),
    deps.store.list(modelName, deadline, { limit: httpLimits.consoleRows }),
  ]);
  const records = list.records.map(({ record }) => record);
  const isKnown = records.length + log.entries.length > 0;
  if (status instanceof Error && !(isModelRollbackError(status) && isKnown)) throw status;
  return modelPage(context, {
    modelName,
    status: status instanceof Error ? { problem: status.message } : (status as StatusRead),
    spans: liveTimeline(log.entries),
    records,
    waiting: records.filter(
      (record) => record.watch.kind === 'pending' && isApprovable(record, context.nowMs),
    ),
    unreadable: [...list.unreadable, ...log.unreadable],
    hasEvidence: visit.evidence !== null,
    range: rangeOf(queryOf(request).get('range')),
    nowMs: context.nowMs,
  });
}

/** `/rollbacks/ID`, and what can be done about it: `/rollbacks/ID/approve` and `/rollbacks/ID/undo` */
export async function visitRollback(visit: Visit): Promise<Page> {
  const { deps, request, context, deadline } = visit;
  const part = pathAfter(request, '/rollbacks/');
  const { name, verb } = splitVerb(part);
  if (verb === 'approve' || verb === 'undo') return await visitDecision(visit, name, verb);
  const id = decodePart(part);
  await requireRecord(deps, id, deadline);
  const { record, notice, explanation } = await explainInFull(deps, id, deadline);
  const answer = responseOf(record, { isNotified: isNotified({ record, notice }) });
  return rollbackPage(context, { record, answer, explanation });
}

// ---------------------------------------------------------------------------------------------------

type StatusRead = Awaited<ReturnType<typeof readStatus>>;

function queryOf({ url }: Request): URLSearchParams {
  return new URL(url).searchParams;
}

function rangeOf(text: string | null): RangeName | null {
  return rangeNames.find((name) => name === text) ?? null;
}

/** What was live of the first models; a picture that cannot be had is left out. */
async function spansOf(
  { store }: RollbackDeps,
  { models }: FleetReading,
  deadline: Deadline,
): Promise<ReadonlyMap<string, readonly LiveSpan[]>> {
  const spans = new Map<string, readonly LiveSpan[]>();
  const shown = models
    .filter(({ latest }) => latest.subject === 'model')
    .slice(0, httpLimits.consoleStripsMax);
  await inParallel(shown, deadline, async ({ modelName, latest }) => {
    const { entries } = await store.listLive(modelName, deadline);
    const pointer = latest.plan?.pointer;
    const all = liveTimeline(entries);
    spans.set(
      modelName,
      pointer === undefined ? all : all.filter((span) => span.pointer === pointer),
    );
  });
  return spans;
}

async function visitEvidence({ evidence, deadline }: Visit, modelName: string): Promise<Page> {
  if (evidence === null) {
    throw new HttpError('NotFoundError', 'This service does not show comparisons.');
  }
  const most = evidenceLimits.pairsShownMax;
  return evidencePage(modelName, await evidence.listEvidence(modelName, most, deadline));
}

async function visitPlan({ request, ...visit }: Visit, modelName: string): Promise<Page> {
  const query = queryOf(request);
  const [to, pointer] = [query.get('to') ?? undefined, query.get('pointer') ?? undefined];
  const overrides = query.getAll('override');
  const asked = parseRequest({
    model_name: modelName,
    target_version: to,
    pointer,
    overrides,
    requested_by: visit.context.caller.name,
  });
  const given = {
    ...(to === undefined ? {} : { to }),
    ...(pointer === undefined ? {} : { pointer }),
  };
  return await visitConfirm(visit, await previewOf(visit, asked.request), {
    modelName,
    title: 'Roll back',
    form: {
      action: 'rollback',
      fields: {
        model_name: modelName,
        ...(to === undefined ? {} : { target_version: to }),
        ...(pointer === undefined ? {} : { pointer }),
        overrides,
      },
    },
    overrides,
    pathWith: (more) => planPath(modelName, given, more),
    pathTo: (version) => planPath(modelName, { ...given, to: version }, overrides),
    rejectPath: null,
    command: commandLine('apply', [modelName], { to, pointer, override: overrides }),
  });
}

async function visitDecision(
  { request, ...visit }: Visit,
  id: string,
  verb: 'approve' | 'undo',
): Promise<Page> {
  const { deps, deadline, context } = visit;
  await requireRecord(deps, id, deadline);
  const sent = queryOf(request).getAll('override');
  const { overrides } = parseRequest({ model_name: 'm', overrides: sent }).request;
  const by = { overrides, requestedBy: context.caller.name };
  const preview =
    verb === 'undo'
      ? await previewOf(visit, await undoRequest(deps, { what: id, ...by }, deadline))
      : await previewApproval(visit, id, by);
  return await visitConfirm(visit, preview, {
    modelName: preview.model_name ?? '',
    title: verb === 'undo' ? 'Undo a rollback' : 'Approve a rollback',
    form: { action: verb, fields: { rollback_id: id, overrides } },
    overrides,
    pathWith: (more) => rollbackPath(id, verb, more),
    pathTo: null,
    rejectPath: verb === 'approve' ? `${rollbackPath(id)}#reject` : null,
    command: commandLine(verb, [id], { override: overrides }),
  });
}

async function visitConfirm(
  { deps, context, deadline }: Omit<Visit, 'request' | 'evidence'>,
  preview: RollbackResponse,
  facts: Omit<ConfirmFacts, 'preview' | 'comparison'>,
): Promise<Page> {
  const { from_version: from, to_version: to } = preview;
  const comparison: Comparison | null =
    from === null || to === null || from === to
      ? null
      : await compareVersions(deps, facts.modelName, { from, to }, deadline);
  return confirmPage(context, { ...facts, preview, comparison });
}

/** What a real request would do. */
async function previewOf(
  { deps, deadline }: Pick<Visit, 'deps' | 'deadline'>,
  request: RollbackRequest,
): Promise<RollbackResponse> {
  const call = { warnings: [], invocationId: 'console', deadline };
  return await rollBack(deps, { ...call, request: { ...request, isDryRun: true } });
}

async function previewApproval(
  { deps, deadline }: Pick<Visit, 'deps' | 'deadline'>,
  rollbackId: string,
  by: Pick<RollbackRequest, 'overrides' | 'requestedBy'>,
): Promise<RollbackResponse> {
  const run = async ({ request }: { readonly request: RollbackRequest }) => ({
    answer: await previewOf({ deps, deadline }, request),
    isRolledBack: false,
  });
  return (await approveRollback(deps, { rollbackId, ...by }, run, () => deadline)).answer;
}
