import type { PointerEvidence } from './pointer-evidence.ts';
import { TargetRule } from './target-rule.ts';

/**
 * An alias leaves nothing: MLflow changes no time of any version when one is set, moved or deleted, and keeps
 * no time of the alias itself (2.3.2 to 3.18.0). What was live before, and since when, only our own log knows.
 */
export const aliasEvidence: PointerEvidence = {
  leavesTrace: false,
  rules: [
    TargetRule.RECORDED,
    TargetRule.PREVIOUS_ALIAS,
    TargetRule.RECORDED_ACROSS_GAP,
    TargetRule.READY_BELOW,
  ],
  mayHaveBeenLive: () => true,
  displacedBy: () => [],
  // A description or a stage may change; consumers of the alias load the same version.
  isTouched: (earlier, now) => now.status !== earlier.status,
  isLiveUnchangedSince: () => false,
};
