import { type Fitness, noFitness } from '../domain/decide/fitness.ts';
import type { Refusal } from '../domain/decide/guard.ts';
import { requireVersion } from '../domain/decide/plan.ts';
import {
  fitnessFindings,
  type GuardText,
  namedVersion,
  PromotionRefusal,
  planPromotion,
} from '../domain/decide/promotion.ts';
import { evidenceRefusal } from '../domain/decide/promotion-evidence.ts';
import { smokeReport } from '../domain/decide/promotion-smoke.ts';
import { hookName } from '../domain/hook.ts';
import { limits } from '../domain/limits.ts';
import type { ModelVersion, RegistrySnapshot } from '../domain/registry/model.ts';
import { pointerText } from '../domain/registry/pointer.ts';
import { RefusalCode } from '../domain/request/request.ts';
import { lastPromotion } from '../domain/state/live-history.ts';
import { pointerState } from '../domain/state/pointer-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { EvidenceStore } from '../ports/evidence-store.ts';
import type { Decision, decide, Question } from './decide.ts';
import type { RollbackDeps } from './deps.ts';
import { type FoundVersion, findNewVersion } from './find-new-version.ts';
import { promotionRefusals } from './promotion-refusals.ts';
import { readFitness } from './read-fitness.ts';

/** What finds the evidence of a comparison. */
export type EvidenceReader = Pick<EvidenceStore, 'readEvidence'>;

/**
 * How it is decided what one call promotes. All its attempts are about the version that was live at the first: what
 * somebody else promoted meanwhile is newer, and stays.
 */
export function promotionDecider(evidence: EvidenceReader): typeof decide {
  let first: { readonly live: string | null } | null = null;
  return async (deps, question, deadline) => {
    const live = question.snapshot.live[0]?.version ?? null;
    first ??= { live };
    const { snapshot, choice } = await readNewVersion(deps, question, deadline);
    const { target } = choice;
    const asked = { ...question, snapshot };
    const refusals =
      target === null
        ? []
        : [
            ...(first.live === live ? [] : [await overtaken(deps, asked, deadline)]),
            ...(await promotionRefusals(deps, target, question, deadline)),
            ...(await evidenceRefusals(deps, evidence, { asked, target }, deadline)),
          ];
    const facts = { asked, choice, refusals };
    const plain = decisionOf(deps, facts, noFitness);
    const fitness = await readFitness(deps, { plan: plain.plan, snapshot }, false, deadline);
    return fitness === noFitness ? plain : decisionOf(deps, facts, fitness);
  };
}

// ---------------------------------------------------------------------------------------------------

function decisionOf(
  { settings, registry, clock }: RollbackDeps,
  {
    asked,
    choice,
    refusals,
  }: Pick<FoundVersion, 'choice'> & {
    readonly asked: Question;
    readonly refusals: readonly Refusal[];
  },
  fitness: Fitness,
): Decision {
  const { request, snapshot, confirmed } = asked;
  const version = choice.target?.version ?? '';
  const { smokeCheck: hook = null, promotionEvidenceMs = null } = settings;
  const passed: readonly GuardText[] = [
    { code: RefusalCode.LIVE_VERSION_CHANGED, message: 'the live version is as expected' },
    { code: RefusalCode.FROZEN, message: 'nothing is frozen' },
    { code: RefusalCode.QUARANTINED, message: `version ${version} is not in quarantine` },
    ...(promotionEvidenceMs === null
      ? []
      : [
          {
            code: PromotionRefusal.EVIDENCE_MISSING,
            message: 'a comparison of the two versions says PROMOTE',
          },
        ]),
  ];
  const found = fitnessFindings(fitness);
  const plan = (more: readonly Refusal[], ready: string) =>
    planPromotion(choice, {
      request,
      snapshot,
      confirmed,
      registry: registry.address,
      nowMs: clock.nowMs(),
      refusals: [...refusals, ...found.refusals, ...more],
      warned: found.warned,
      passed:
        choice.target === null
          ? []
          : [...passed, { code: RefusalCode.TARGET_UNFIT, message: ready }],
    });
  const ready = `version ${version} is READY`;
  const later =
    hook === null ? '' : `; the smoke check (${hookName(hook)}) is called right before a move`;
  return {
    plan: plan([], `${ready}${later}`),
    snapshot,
    withSmoke: (smoke) => {
      const message = smokeReport(version, smoke);
      return message === null
        ? plan([], `${ready}, and the smoke check (${smoke.hook}) said ok`)
        : plan([{ code: RefusalCode.TARGET_UNFIT, message, clearsAtMs: null }], ready);
    },
  };
}

/** @throws VersionNotFoundError, RegistryRefusedError, RegistryUnavailableError */
async function readNewVersion(
  deps: RollbackDeps,
  { request, snapshot, state }: Question,
  deadline: Deadline,
): Promise<FoundVersion> {
  const { targetVersion } = request;
  if (targetVersion !== null) {
    return { snapshot, choice: namedVersion(requireVersion(snapshot, targetVersion)) };
  }
  const found = await findNewVersion(deps, snapshot, deadline);
  const again = found.choice.target === null ? repeated(deps, found.snapshot, state) : null;
  return again === null ? found : { ...found, choice: namedVersion(again) };
}

/**
 * The live version, when a promotion of ours made it live a short time ago: a caller that did not get the answer asks
 * once more, and the version is not in Staging any more.
 */
function repeated(
  { clock }: RollbackDeps,
  { live, pointer }: RegistrySnapshot,
  state: Question['state'],
): ModelVersion | null {
  const [row] = live;
  const last = lastPromotion(pointerState(state, pointerText(pointer)));
  const isSame = row !== undefined && row.version === last?.version;
  return isSame && clock.nowMs() - last.atMs < limits.equalRequestMs ? row : null;
}

/** Somebody else was quicker, while this call was at work. */
async function overtaken(
  { store }: RollbackDeps,
  { snapshot }: Question,
  deadline: Deadline,
): Promise<Refusal> {
  const { modelName, live } = snapshot;
  const version = live[0]?.version ?? null;
  const { entries } = await store.listLive(modelName, deadline);
  const pointer = pointerText(snapshot.pointer);
  const latest = entries.find((entry) => entry.pointer === pointer && entry.version === version);
  const id = latest?.how === 'made' || latest?.how === 'promoted' ? latest.source : null;
  const { record } =
    id === null ? { record: undefined } : await store.read(modelName, id, deadline);
  const who =
    record === undefined
      ? 'somebody'
      : `${record.request.requestedBy ?? 'somebody'} (${record.id})`;
  return {
    code: RefusalCode.LIVE_VERSION_CHANGED,
    message: `While this promotion was at work, ${who} made version ${version ?? 'none'} live.`,
    clearsAtMs: null,
  };
}

async function evidenceRefusals(
  { settings, clock }: RollbackDeps,
  evidence: EvidenceReader,
  { asked, target }: { readonly asked: Question; readonly target: ModelVersion },
  deadline: Deadline,
): Promise<readonly Refusal[]> {
  const { promotionEvidenceMs: ageMaxMs = null } = settings;
  const { state, snapshot } = asked;
  const champion = snapshot.live.find(({ version }) => version !== target.version);
  // Without a live version there is nothing to compare with.
  if (ageMaxMs === null || champion === undefined) return [];
  const pair = {
    modelName: snapshot.modelName,
    champion: champion.version,
    challenger: target.version,
  };
  const found = await evidence.readEvidence(pair, deadline);
  const refusal = evidenceRefusal(pair, found, { state, ageMaxMs, nowMs: clock.nowMs() });
  return refusal === null ? [] : [refusal];
}
