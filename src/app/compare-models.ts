import { commandText } from '../domain/command-line.ts';
import { requireVersion } from '../domain/decide/plan.ts';
import { InvalidRequestError, type ModelRollbackError, messageOf } from '../domain/errors.ts';
import { compareRows, compareValues } from '../domain/evidence/compare.ts';
import { Decision, type EvidencePair } from '../domain/evidence/evidence.ts';
import { comparedWithItself } from '../domain/evidence/fairness.ts';
import { evidenceText, type Finding } from '../domain/evidence/finding.ts';
import type { RowTable } from '../domain/evidence/rows.ts';
import type { Rules } from '../domain/evidence/rules.ts';
import { pointerText } from '../domain/registry/pointer.ts';
import type { Warning } from '../domain/request/request.ts';
import { together } from '../domain/together.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { EvaluationReader } from '../ports/evaluation-reader.ts';
import type { EvidenceStore } from '../ports/evidence-store.ts';
import type { RollbackDeps } from './deps.ts';
import { findNewVersion } from './find-new-version.ts';
import { type ModelReading, readModel } from './read-model.ts';

/** What a comparison works with. */
export interface CompareDeps extends RollbackDeps {
  readonly evaluations: EvaluationReader;
  readonly evidence: EvidenceStore;
}

/** Which two versions are compared, by what. */
export interface CompareCall {
  readonly modelName: string;
  /** Null: the live one. */
  readonly champion: string | null;
  /** Null: the one that a promotion would take. */
  readonly challenger: string | null;
  /** Null: those of a trading strategy. */
  readonly rules: Rules | null;
  /** The rows of both, or the path of a table in the run of each; null: the values that the registry has. */
  readonly rows: RowsOfBoth | { readonly table: string } | null;
}

interface RowsOfBoth {
  readonly champion: RowTable;
  readonly challenger: RowTable;
}

/** The answer to a comparison (docs/reference/compare.md). */
export interface ComparisonAnswer extends Omit<Finding, 'data'> {
  readonly model_name: string;
  readonly champion: string | null;
  readonly challenger: string | null;
  /** Null where none was stored, because of an error. */
  readonly evidence_sha256: string | null;
  readonly warnings: readonly Warning[];
  readonly error: { readonly name: string; readonly code: string; readonly message: string } | null;
}

/**
 * Compares two versions, stores what was found, and tags the challenger with its digest.
 * @param startDeadline for each of reading and writing: resampling in between may take long
 * @throws VersionNotFoundError, InvalidRequestError, RegistryUnavailableError, …: then `keptFor` is the answer
 */
export async function compareModels(
  deps: CompareDeps,
  call: CompareCall,
  startDeadline: () => Deadline,
): Promise<ComparisonAnswer> {
  const deadline = startDeadline();
  const pair = await pairOf(deps, call, deadline);
  const { finding, rules } = await compared(deps, call, pair, deadline);
  const text = evidenceText(pair, rules, finding);
  const { data: _, ...shown } = finding;
  const sha256 = deps.identity.digest(text);
  const { decision, confidence } = finding;
  const createdAtMs = deps.clock.nowMs();
  const evidence = { ...pair, decision, confidence, sha256, createdAtMs, text };
  const writing = startDeadline();
  const [, warnings] = await together([
    deps.evidence.writeEvidence(evidence, writing),
    tagged(deps, pair, sha256, writing),
  ]);
  return { ...answerTo(pair), ...shown, evidence_sha256: sha256, warnings, error: null };
}

/** The answer where no comparison was made: the champion is kept. */
export function keptFor(
  { name, code, message }: ModelRollbackError,
  asked: Pick<CompareCall, 'modelName' | 'champion' | 'challenger'>,
): ComparisonAnswer {
  return {
    ...answerTo(asked),
    decision: Decision.KEEP,
    confidence: 0,
    metrics: [],
    slices: [],
    problems: [],
    uncertainty: 'unknown',
    evidence_sha256: null,
    warnings: [],
    error: { name, code, message },
  };
}

// ---------------------------------------------------------------------------------------------------

/** On the challenger: the digest of the latest finding about it. */
const evidenceTag = 'model_rollback.evidence';

function answerTo({
  modelName,
  champion,
  challenger,
}: Pick<CompareCall, 'modelName' | 'champion' | 'challenger'>) {
  return { model_name: modelName, champion, challenger };
}

async function pairOf(
  deps: CompareDeps,
  { modelName, champion, challenger }: CompareCall,
  deadline: Deadline,
): Promise<EvidencePair> {
  const include = [champion, challenger].filter((version) => version !== null);
  const reading = await readModel(deps, { modelName, include }, deadline);
  for (const version of include) requireVersion(reading.snapshot, version);
  return {
    modelName,
    champion: champion ?? liveVersion(reading),
    challenger: challenger ?? (await challengerOf(reading, deadline)),
  };
}

function liveVersion({ snapshot }: ModelReading): string {
  const [live, ...others] = snapshot.live;
  if (live !== undefined && others.length === 0) return live.version;
  const what = live === undefined ? 'no version' : 'several versions';
  throw new InvalidRequestError(
    `${pointerText(snapshot.pointer)} of ${snapshot.modelName} names ${what}, so the champion is not known. ` +
      `Pass it with --champion. To see what is live, run ${commandText('status', [snapshot.modelName])}.`,
  );
}

async function challengerOf({ deps, snapshot }: ModelReading, deadline: Deadline): Promise<string> {
  const { choice } = await findNewVersion(deps, snapshot, deadline);
  if (choice.target !== null) return choice.target.version;
  throw new InvalidRequestError(`${choice.why} Name the challenger: pass it with --challenger.`);
}

async function compared(
  deps: CompareDeps,
  { rows, rules }: CompareCall,
  pair: EvidencePair,
  deadline: Deadline,
): Promise<{ readonly finding: Finding; readonly rules: Rules }> {
  const { modelName, champion, challenger } = pair;
  const { evaluations } = deps;
  if (rows !== null) {
    const both = 'table' in rows ? await tablesOf(deps, rows.table, pair, deadline) : rows;
    const problems = champion === challenger ? [comparedWithItself(champion)] : [];
    return compareRows(both, rules, { problems });
  }
  const sides = await together([
    evaluations.readEvaluation(modelName, champion, deadline),
    evaluations.readEvaluation(modelName, challenger, deadline),
  ]);
  return compareValues(...sides, rules);
}

/** The same table of both runs. @throws InvalidRequestError for a version without a run */
async function tablesOf(
  { evaluations }: CompareDeps,
  path: string,
  { modelName, champion, challenger }: EvidencePair,
  deadline: Deadline,
): Promise<RowsOfBoth> {
  const read = async (version: string): Promise<RowTable> => {
    const { runId } = await evaluations.readEvaluation(modelName, version, deadline);
    if (runId !== null) return await evaluations.readTable(runId, path, deadline);
    throw new InvalidRequestError(
      `Version ${version} of ${modelName} was registered without a run, so it has no table. Pass the tables of other ` +
        'runs with --champion-rows and --challenger-rows (runs:/RUN_ID/PATH), or files with the rows.',
    );
  };
  const [left, right] = await together([read(champion), read(challenger)]);
  return { champion: left, challenger: right };
}

/** Best effort: the evidence counts, not the tag. */
async function tagged(
  { registry }: CompareDeps,
  { modelName, challenger }: EvidencePair,
  sha256: string,
  deadline: Deadline,
): Promise<readonly Warning[]> {
  try {
    const tag = { key: evidenceTag, value: sha256 };
    await registry.annotate(modelName, challenger, tag, deadline);
    return [];
  } catch (error) {
    const message = `The tag ${evidenceTag} was not written: ${messageOf(error)}`;
    return [{ code: 'TAG_NOT_WRITTEN', message }];
  }
}
