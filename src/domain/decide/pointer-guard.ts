import { commandText } from '../command-line.ts';
import { usedInstead } from '../pointer/alias.ts';
import { isoTime } from '../registry/model.ts';
import { RefusalCode } from '../request/request.ts';
import { deletedAtMs } from '../state/live-history.ts';
import { pointerState } from '../state/pointer-state.ts';
import { type Guard, passed, refused } from './guard-answer.ts';

/** Guards on what the pointer names: nothing, nothing while an alias is in use, or several versions. */

export const noLiveVersion: Guard = {
  code: RefusalCode.NO_LIVE_VERSION,
  check: ({ request, snapshot, state, pointer }) => {
    if (snapshot.live.length > 0) return passed('a version is live');
    if (request.targetVersion !== null)
      return passed('no version is live; the request names a target');
    const { liveHistory } = pointerState(state, pointer);
    const goneAtMs = deletedAtMs(liveHistory);
    const since =
      goneAtMs === null
        ? ''
        : ` ${pointer} named version ${liveHistory.at(-1)?.version}, and nothing any more at ${isoTime(goneAtMs)}.`;
    return refused(
      `${pointer} names no version, so there is nothing to roll back from.${since}`,
      'Pass the version to restore: --to VERSION (in a request: "target_version").',
    );
  },
};

export const pointerUnused: Guard = {
  code: RefusalCode.POINTER_UNUSED,
  check: ({ request, snapshot, state, target, pointer, aliases }) => {
    if (snapshot.live.length > 0) return passed(`${pointer} names a version`);
    if (deletedAtMs(pointerState(state, pointer).liveHistory) !== null)
      return passed(`${pointer} was in use until somebody deleted it`);
    if (request.pointer !== undefined) return passed('the request names its pointer');
    const used = usedInstead(snapshot, aliases);
    if (used === null) return passed('no other pointer of this model is in use either');
    const { modelName } = request;
    const to = target?.version;
    const override = [...request.overrides, RefusalCode.POINTER_UNUSED];
    const moveAll =
      to === undefined
        ? ''
        : ` To move ${pointer} all the same, because consumers load by it, run ` +
          `${commandText('apply', [modelName], { to, override })}.`;
    return refused(
      `${pointer} names no version of this model, but ${used.pointer} names version ${used.version}: ` +
        `a move of ${pointer} changes nothing for consumers that load ${used.uri}.`,
      `To move ${used.pointer}, run ${commandText('apply', [modelName], { to, pointer: used.pointer })}.${moveAll}`,
    );
  },
};

export const severalLiveVersions: Guard = {
  code: 'SEVERAL_LIVE_VERSIONS',
  check: ({ snapshot: { live } }) =>
    live.length < 2
      ? passed('not more than one version is live')
      : {
          kind: 'warning',
          message:
            `${live.length} versions are live (${live.map((row) => row.version).join(', ')}); ` +
            'consumers load the highest. The move archives all but the target.',
        },
};
