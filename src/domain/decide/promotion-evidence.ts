import { commandText } from '../command-line.ts';
import { Decision, type Evidence, type EvidencePair } from '../evidence/evidence.ts';
import { isoTime } from '../registry/model.ts';
import { sourceText } from '../request/policy.ts';
import type { ModelState } from '../state/model-state.ts';
import type { Refusal } from './guard.ts';
import { PromotionRefusal } from './promotion.ts';

/**
 * Why the evidence of a comparison does not allow a promotion, where the policy wants some; null when it does. The
 * latest comparison of exactly these two versions counts.
 */
export function evidenceRefusal(
  { modelName, champion, challenger }: EvidencePair,
  found: Evidence | undefined,
  {
    state,
    ageMaxMs,
    nowMs,
  }: {
    readonly state: ModelState;
    readonly ageMaxMs: number;
    readonly nowMs: number;
  },
): Refusal | null {
  const pair = `version ${challenger} with the live version ${champion}`;
  const wanted = `${sourceText(state, 'promotion_evidence')} requires one that says PROMOTE`;
  const compare = commandText('compare', [modelName], { champion, challenger });
  const refused = (what: string): Refusal => ({
    code: PromotionRefusal.EVIDENCE_MISSING,
    message: `${what}: ${wanted}. To compare them, run ${compare}. Then promote again.`,
    clearsAtMs: null,
  });
  if (found === undefined) return refused(`No comparison of ${pair} is on record`);
  const { decision, createdAtMs, sha256 } = found;
  const which = `The comparison of ${pair} of ${isoTime(createdAtMs)} (evidence ${sha256.slice(0, 12)})`;
  if (decision !== Decision.PROMOTE) return refused(`${which} says ${decision}`);
  if (nowMs - createdAtMs <= ageMaxMs) return null;
  const days = Number((ageMaxMs / 86_400_000).toFixed(2));
  return refused(`${which} is older than ${days} days`);
}
