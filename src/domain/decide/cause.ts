import { limits } from '../limits.ts';
import { displacedBy } from '../pointer/evidence.ts';
import { isoTime, type ModelVersion, type RegistrySnapshot } from '../registry/model.ts';
import type { ModelState } from '../state/model-state.ts';

/** Whether a live version can be the cause of an alarm: what went live later cannot. */
export type CauseAnswer =
  | { readonly kind: 'possible'; readonly message: string }
  | { readonly kind: 'unsure'; readonly message: string }
  | { readonly kind: 'impossible'; readonly message: string };

/**
 * MLflow keeps no time of a promotion. Surely later: the version was created after the alarm, or was made
 * live by us after it, or shares its last change with a version that this change archived. Surely
 * earlier: nothing about it changed since. Anything else may be an edit of its description, or a rename.
 * @param alarmAtMs when the alarm went to ALARM (epoch ms); clocks may differ by `limits.clockSkewMaxMs`
 */
export function judgeCause(
  snapshot: RegistrySnapshot,
  live: ModelVersion,
  state: ModelState,
  alarmAtMs: number,
): CauseAnswer {
  const hasDisplaced = displacedBy(snapshot, live).length > 0;
  const lastMade = state.liveHistory.at(-1);
  const isOurs = lastMade?.how === 'made' && lastMade.version === live.version;
  const liveNoEarlierMs = Math.max(
    live.createdAtMs,
    hasDisplaced ? live.lastUpdatedAtMs : 0,
    isOurs ? lastMade.atMs : 0,
  );
  const alarm = `the alarm went to ALARM at ${isoTime(alarmAtMs)}`;
  if (liveNoEarlierMs > alarmAtMs + limits.clockSkewMaxMs) {
    const since = isoTime(liveNoEarlierMs);
    return {
      kind: 'impossible',
      message:
        `Version ${live.version} went live at ${since} or later, and ${alarm}: the cause is something ` +
        'else. Check the alarm. A person can still roll back with a request.',
    };
  }
  if (live.lastUpdatedAtMs <= alarmAtMs) {
    const message = `version ${live.version} was live when the alarm went to ALARM`;
    return { kind: 'possible', message };
  }
  return {
    kind: 'unsure',
    message:
      `Version ${live.version} was changed at ${isoTime(live.lastUpdatedAtMs)}, and ${alarm}: it may ` +
      'have gone live only then, and not be the cause.',
  };
}
