import type { ModelVersion, RegistrySnapshot } from '../registry/model.ts';
import type { TargetRule } from './target-rule.ts';

/** What the registry's traces prove about one kind of pointer. */
export interface PointerEvidence {
  /** True when a move of the pointer shows on the versions that it touches. */
  readonly leavesTrace: boolean;
  /** How a target is found, the best evidence first. */
  readonly rules: readonly TargetRule[];
  /** False for a version that nothing shows to have been live; it is no target without better evidence. */
  mayHaveBeenLive(row: ModelVersion, live: ModelVersion): boolean;
  /** Versions that the promotion of `promoted` took the pointer from; none where nothing proves it. */
  displacedBy(
    snapshot: RegistrySnapshot,
    promoted: ModelVersion,
    wereLive?: readonly string[],
  ): readonly ModelVersion[];
  /** True when a version is not as an earlier reading saw it, in what matters for a move of this pointer. */
  isTouched(earlier: ModelVersion, now: ModelVersion): boolean;
  /** True when nothing can have made the version live after `atMs` (epoch ms). */
  isLiveUnchangedSince(row: ModelVersion, atMs: number): boolean;
}
