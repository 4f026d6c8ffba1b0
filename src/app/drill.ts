import { commandText } from '../domain/command-line.ts';
import { Outcome } from '../domain/decide/outcome.ts';
import { messageOf } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import type { RollbackRecord } from '../domain/record/record.ts';
import { drillModelName } from '../domain/registry/drill-model.ts';
import { type ModelPointer, pointerText } from '../domain/registry/pointer.ts';
import { parseRequest } from '../domain/request/request.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { ScratchModels } from '../ports/scratch-models.ts';
import { checkPointer } from './check-pointer.ts';
import { type RollbackDeps, registryFor } from './deps.ts';
import { reportPromotion } from './report-promotion.ts';
import { rollBack } from './roll-back.ts';

/** One step of a drill. */
export interface DrillStep {
  readonly step: string;
  readonly ok: boolean;
  readonly ms: number;
  /** What it showed, or why it failed. */
  readonly message: string;
}

export interface DrillReport {
  readonly model_name: string;
  readonly pointer: string;
  /** `passed`, `failed` at the last step, or `interrupted` by somebody. */
  readonly result: 'passed' | 'failed' | 'interrupted';
  readonly steps: readonly DrillStep[];
  readonly rollback_id: string | null;
  /** What is there now that was not before, as sentences. */
  readonly left_behind: readonly string[];
}

/** How a drill is watched and stopped. */
export interface DrillWatch {
  startDeadline(): Deadline;
  isStopped(): boolean;
  onStep(step: DrillStep): void;
}

/**
 * The whole path of a rollback in the real registry, the real store and the real channels, on a registered model that
 * it makes for itself. It names no other model in any call.
 * @returns the report, and why the last step failed
 */
export async function drill(
  deps: RollbackDeps,
  scratch: ScratchModels,
  { pointer, requestedBy }: { readonly pointer: ModelPointer; readonly requestedBy: string | null },
  watch: DrillWatch,
): Promise<{ readonly report: DrillReport; readonly error: unknown }> {
  const modelName = drillModelName(deps.identity.digest(deps.identity.random()).slice(0, 8));
  const drilled: Drilled = { deps, scratch, modelName, pointer, requestedBy, versions: [] };
  const done: DrillStep[] = [];
  let [result, failure]: [DrillReport['result'], unknown] = ['passed', null];
  for (const [step, work] of steps) {
    if (watch.isStopped()) {
      result = 'interrupted';
      break;
    }
    const startedMs = deps.clock.monotonicMs();
    const ended = (ok: boolean, message: string): void => {
      const ms = Math.round(deps.clock.monotonicMs() - startedMs);
      done.push({ step, ok, ms, message });
      watch.onStep({ step, ok, ms, message });
    };
    try {
      ended(true, await work(drilled, watch.startDeadline()));
    } catch (error) {
      ended(false, messageOf(error));
      [result, failure] = ['failed', error];
      break;
    }
  }
  const report: DrillReport = {
    model_name: modelName,
    pointer: pointerText(pointer),
    result,
    steps: done,
    rollback_id: drilled.record?.id ?? null,
    left_behind: leftBehind(drilled, done),
  };
  return { report, error: failure };
}

// ---------------------------------------------------------------------------------------------------

/** What the steps hand on. */
interface Drilled {
  readonly deps: RollbackDeps;
  readonly scratch: ScratchModels;
  readonly modelName: string;
  readonly pointer: ModelPointer;
  readonly requestedBy: string | null;
  readonly versions: string[];
  record?: RollbackRecord;
}

/** A step throws when it does not show what it must. */
type Work = (drilled: Drilled, deadline: Deadline) => Promise<string>;

const archiveStep = 'archive';
const steps: readonly (readonly [step: string, work: Work])[] = [
  ['create', createModel],
  ['promote', promote],
  ['plan', makePlan],
  ['roll back', roll],
  ['notice', checkNotice],
  ['replay', replay],
  ['pointer', checkAgain],
  [archiveStep, archive],
];

async function createModel(drilled: Drilled, deadline: Deadline): Promise<string> {
  const { scratch, modelName, versions } = drilled;
  await scratch.createModel(modelName, deadline);
  for (let count = 1; count <= 2; count += 1) {
    versions.push(await scratch.createVersion(modelName, deadline));
  }
  return `the registered model ${modelName} has versions ${versions.join(' and ')}`;
}

async function promote(drilled: Drilled, deadline: Deadline): Promise<string> {
  const { deps, modelName, pointer, versions } = drilled;
  for (const version of versions) {
    const answer = await registryFor(deps, pointer).movePointer(modelName, version, deadline);
    if (answer.kind !== 'moved') throw answer.error;
  }
  const [replaced = null, version = ''] = versions;
  // What a pipeline does after it: MLflow keeps nothing about the moves of an alias.
  if (pointer.kind === 'alias') {
    await reportPromotion(deps, { modelName, version, replaced, pointer }, deadline);
  }
  return `${pointerText(pointer)} named version ${replaced}, and names version ${version} now`;
}

async function makePlan(drilled: Drilled, deadline: Deadline): Promise<string> {
  const { plan, message } = await ask(drilled, { dry_run: true }, deadline);
  require(plan?.verdict === Outcome.ROLLED_BACK, message);
  return message;
}

async function roll(drilled: Drilled, deadline: Deadline): Promise<string> {
  const { deps, modelName } = drilled;
  const answer = await ask(drilled, {}, deadline);
  const id = answer.rollback_id;
  const { record } = await deps.store.read(modelName, id, deadline);
  if (record !== undefined) drilled.record = record;
  require(answer.outcome === Outcome.ROLLED_BACK, `${answer.outcome}: ${answer.message}`);
  require(answer.to_version === drilled.versions[0], `version ${answer.to_version} was restored`);
  return answer.message;
}

async function checkNotice(drilled: Drilled, deadline: Deadline): Promise<string> {
  const { deps, record } = drilled;
  const notice = await deps.store.readNotice(record?.id ?? '', 'end', deadline);
  const channels = Object.entries(notice?.channels ?? {});
  const failed = channels.flatMap(([name, { kind }]) => (kind === 'failed' ? [name] : []));
  require(notice !== undefined &&
    channels.length > 0 &&
    failed.length ===
      0, `the notice could not be sent by ${failed.join(', ') || 'any channel'}. To check the channels, run ` +
    `${commandText('doctor')}`);
  return `sent by ${channels.map(([name]) => name).join(', ')}`;
}

async function replay(drilled: Drilled, deadline: Deadline): Promise<string> {
  const { replayed, rollback_id: id } = await ask(drilled, {}, deadline);
  require(replayed && id === drilled.record?.id, 'the same request was not recognised');
  return 'the same request again moves nothing';
}

/** What the sweep does two minutes later: done now, because the next step takes the pointer away. */
async function checkAgain(drilled: Drilled, deadline: Deadline): Promise<string> {
  const { deps, modelName } = drilled;
  const { record } = await deps.store.read(modelName, drilled.record?.id ?? '', deadline);
  require(record !== undefined, 'the record is not in the state store');
  const found = await checkPointer(deps, record, deadline);
  require(found === 'as-left', `the pointer is not as the rollback left it (${found})`);
  return 'read again: as the rollback left it';
}

async function archive(drilled: Drilled, deadline: Deadline): Promise<string> {
  const { scratch, modelName, pointer, versions } = drilled;
  await scratch.archive(modelName, versions[0] ?? '', pointer, deadline);
  return pointer.kind === 'alias'
    ? `${pointerText(pointer)} was deleted: nothing is live`
    : 'both versions are archived: nothing is live';
}

function ask(
  { deps, modelName, pointer, requestedBy }: Drilled,
  fields: object,
  deadline: Deadline,
): ReturnType<typeof rollBack> {
  const { request, warnings } = parseRequest({
    model_name: modelName,
    request_id: 'drill',
    pointer: pointerText(pointer),
    requested_by: `drill${requestedBy === null ? '' : ` by ${requestedBy}`}`.slice(
      0,
      limits.textLengthMax,
    ),
    ...fields,
  });
  const invocationId = 'drill';
  return rollBack(deps, { request, warnings, invocationId, deadline, announcesRefusals: false });
}

function require(isShown: boolean, otherwise: string): asserts isShown {
  if (!isShown) throw new Error(otherwise);
}

function leftBehind({ modelName, pointer, record }: Drilled, done: readonly DrillStep[]): string[] {
  const [first] = done;
  if (first === undefined) return [];
  const isArchived = done.some(({ step, ok }) => step === archiveStep && ok);
  const isSure = first.ok ? '' : ', if it was created';
  const live = isArchived ? 'archived' : `not archived: ${pointerText(pointer)} may name a version`;
  return [
    `The registered model ${modelName}${isSure} (${live}).`,
    ...(record === undefined
      ? []
      : [`The record ${record.id} and the state of the model, in the state store.`]),
  ];
}
