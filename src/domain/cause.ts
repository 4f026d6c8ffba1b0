import { limits } from './limits.ts';
import { displacedBy, isoTime, type ModelVersion, type RegistrySnapshot } from './model.ts';
import type { ModelState } from './rollback.ts';

/** Whether a live version can be what turned an alarm red: what went live later cannot. */
export type CauseAnswer =
  | { readonly kind: 'possible'; readonly message: string }
  | { readonly kind: 'unsure'; readonly message: string }
  | { readonly kind: 'impossible'; readonly message: string };

/**
 * MLflow keeps no time of a promotion. Surely later: the version was created after the red time, or was
 * made live by us after it, or shares its last change with a version that this change archived. Surely
 * earlier: nothing about it changed since. Anything else may be an edit of its description.
 * @param redAtMs when the alarm went red (epoch ms); clocks may differ by `limits.clockSkewMaxMs`
 */
export function judgeCause(
  snapshot: RegistrySnapshot,
  live: ModelVersion,
  state: ModelState,
  redAtMs: number,
): CauseAnswer {
  const hasDisplaced = displacedBy(snapshot, live).length > 0;
  const lastMade = state.liveHistory.at(-1);
  const isOurs = lastMade?.how === 'made' && lastMade.version === live.version;
  const liveNoEarlierMs = Math.max(
    live.createdAtMs,
    hasDisplaced ? live.lastUpdatedAtMs : 0,
    isOurs ? lastMade.atMs : 0,
  );
  const red = `the alarm is red since ${isoTime(redAtMs)}`;
  if (liveNoEarlierMs > redAtMs + limits.clockSkewMaxMs) {
    const since = isoTime(liveNoEarlierMs);
    return {
      kind: 'impossible',
      message:
        `Version ${live.version} went live at ${since} or later, and ${red}: something else made it red. ` +
        'Look at the alarm; a person may roll back by a request.',
    };
  }
  if (live.lastUpdatedAtMs <= redAtMs) {
    const message = `version ${live.version} was live when the alarm went red`;
    return { kind: 'possible', message };
  }
  return {
    kind: 'unsure',
    message:
      `Version ${live.version} was changed at ${isoTime(live.lastUpdatedAtMs)}, and ${red}: ` +
      'perhaps it went live only then, and is not the cause.',
  };
}
