import { InvalidRequestError } from '../errors.ts';
import { canonicalJson } from './canonical.ts';
import { Decision, type EvidencePair } from './evidence.ts';
import { evidenceLimits } from './evidence-limits.ts';
import { type MetricFinding, totalSupport } from './judge.ts';
import { rulesFile } from './parse-rules.ts';
import { Result, type Rules } from './rules.ts';

/** Where the numbers of a comparison came from. */
export type FindingData =
  | {
      readonly kind: 'rows';
      readonly rows: number;
      readonly champion_sha256: string;
      readonly challenger_sha256: string;
    }
  | {
      readonly kind: 'registry';
      readonly champion: SourceOfValues;
      readonly challenger: SourceOfValues;
    };

export interface SourceOfValues {
  readonly run_id: string | null;
  readonly model_id: string | null;
  /** Of the data sets that the compared values were measured on. */
  readonly data_sets: readonly { readonly name: string; readonly digest: string }[];
}

/** All that a comparison found; the same input gives the same finding. */
export interface Finding {
  readonly decision: Decision;
  readonly confidence: number;
  readonly metrics: readonly MetricFinding[];
  readonly slices: readonly MetricFinding[];
  /** Why the comparison is not fair, or cannot be made; empty when it is fair. */
  readonly problems: readonly string[];
  /** Whether chance was taken into account: only rows show it. */
  readonly uncertainty: 'measured' | 'unknown';
  readonly data: FindingData;
}

/** The verdict of what was judged. */
export function findingOf(
  judged: Pick<Finding, 'metrics' | 'slices' | 'problems' | 'data'>,
  rules: Pick<Rules, 'minimumConfidence'>,
): Finding {
  const uncertainty = judged.data.kind === 'rows' ? 'measured' : 'unknown';
  return { ...verdictOf(judged, rules), ...judged, uncertainty };
}

/**
 * The stored text of a finding: who was compared, by which rules, with what result. No time stands in it.
 * @throws InvalidRequestError when it is larger than evidence may be
 */
export function evidenceText(pair: EvidencePair, rules: Rules, finding: Finding): string {
  const { modelName: model_name, champion, challenger } = pair;
  const about = { schema: 1, model_name, champion, challenger, rules: rulesFile(rules) };
  const text = canonicalJson({ ...about, ...finding });
  if (new TextEncoder().encode(text).length <= evidenceLimits.evidenceBytesMax) return text;
  throw new InvalidRequestError(
    `The evidence of this comparison is larger than ${evidenceLimits.evidenceBytesMax} bytes. Compare fewer metrics or slices.`,
  );
}

// ---------------------------------------------------------------------------------------------------

function verdictOf(
  { metrics, slices, problems }: Pick<Finding, 'metrics' | 'slices' | 'problems'>,
  { minimumConfidence }: Pick<Rules, 'minimumConfidence'>,
): Pick<Finding, 'decision' | 'confidence'> {
  const gates = [...metrics, ...slices].filter(({ observe_only: isObserved }) => !isObserved);
  if (problems.length > 0 || gates.length === 0) {
    return { decision: Decision.INVESTIGATE, confidence: 0 };
  }
  const support = totalSupport(metrics);
  const veto = gates.filter(({ critical, result }) => critical && result === Result.FAILED);
  if (veto.length > 0) {
    // One metric that must not fail decides, however well the others speak.
    const certainty = veto.map(({ p_value: p }) => 1 - (p ?? 0));
    return { decision: Decision.KEEP, confidence: Math.max(1 - support, ...certainty) };
  }
  if (gates.some(({ result }) => result === Result.UNKNOWN)) {
    return { decision: Decision.INVESTIGATE, confidence: 0 };
  }
  if (gates.every(({ passed }) => passed)) {
    const decision = support >= minimumConfidence ? Decision.PROMOTE : Decision.INVESTIGATE;
    return { decision, confidence: support };
  }
  const against = 1 - support;
  const decision = against >= minimumConfidence ? Decision.KEEP : Decision.INVESTIGATE;
  return { decision, confidence: Math.max(support, against) };
}
