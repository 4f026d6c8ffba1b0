import { limits } from '../limits.ts';
import { evidenceOf } from '../pointer/evidence.ts';
import { isoTime, type ModelVersion, type RegistrySnapshot } from '../registry/model.ts';
import { pointerText } from '../registry/pointer.ts';
import { isAbout } from '../state/live-history.ts';
import type { ModelState } from '../state/model-state.ts';
import { pointerState } from '../state/pointer-state.ts';

/** Whether a live version can be the cause of an alarm: what went live later cannot. */
export type CauseAnswer =
  | { readonly kind: 'possible'; readonly message: string }
  | { readonly kind: 'unsure'; readonly message: string }
  | { readonly kind: 'impossible'; readonly message: string };

/**
 * MLflow keeps no time of a promotion. Surely later: the version was created after the alarm, or our log has
 * it live only after that, or it shares its last change with a version that this change archived. Surely
 * earlier: nothing about it changed since, or our log has it live before. Anything else may be an edit of
 * its description, a rename, or the move of an alias, which leaves nothing behind.
 * @param alarmAtMs when the alarm went to ALARM (epoch ms); clocks may differ by `limits.clockSkewMaxMs`
 */
export function judgeCause(
  snapshot: RegistrySnapshot,
  live: ModelVersion,
  state: ModelState,
  alarmAtMs: number,
): CauseAnswer {
  const evidence = evidenceOf(snapshot.pointer);
  const hasDisplaced = evidence.displacedBy(snapshot, live).length > 0;
  const latest = pointerState(state, pointerText(snapshot.pointer)).liveHistory.at(-1);
  const entry = latest !== undefined && isAbout(latest, live) ? latest : undefined;
  const liveNoEarlierMs = Math.max(
    live.createdAtMs,
    hasDisplaced ? live.lastUpdatedAtMs : 0,
    // What was only seen, or reported, may have been live for long.
    entry?.notBeforeMs ?? (entry?.how === 'made' ? entry.atMs : 0),
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
  const wasLive = entry !== undefined && entry.atMs <= alarmAtMs;
  if (wasLive || evidence.isLiveUnchangedSince(live, alarmAtMs)) {
    const message = `version ${live.version} was live when the alarm went to ALARM`;
    return { kind: 'possible', message };
  }
  if (!evidence.leavesTrace) {
    return {
      kind: 'unsure',
      message:
        `MLflow keeps no time of a move of ${pointerText(snapshot.pointer)}, and ${alarm}: version ` +
        `${live.version} may have gone live only then, and not be the cause.`,
    };
  }
  return {
    kind: 'unsure',
    message:
      `Version ${live.version} was changed at ${isoTime(live.lastUpdatedAtMs)}, and ${alarm}: it may ` +
      'have gone live only then, and not be the cause.',
  };
}
