import { commandText } from '../domain/command-line.ts';
import type { Refusal } from '../domain/decide/guard.ts';
import { isoTime, type ModelVersion } from '../domain/registry/model.ts';
import { RefusalCode } from '../domain/request/request.ts';
import { quarantineMark } from '../domain/state/counting-marks.ts';
import type { FleetState } from '../domain/state/fleet.ts';
import type { ModelState } from '../domain/state/model-state.ts';
import { freezeNow, freezeText, unfreezeText } from '../domain/state/operator.ts';
import { isQuarantined, quarantineCause } from '../domain/state/quarantine.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/** What is stored of the model, and of all. */
export interface StoredFacts {
  readonly state: ModelState;
  readonly fleet: FleetState;
}

/**
 * What speaks against a promotion, whoever makes it: a freeze, the quarantine, a version that is not READY. A version
 * in quarantine is refused with who rolled it back, when and why, as far as that is on record.
 */
export async function promotionRefusals(
  deps: Pick<RollbackDeps, 'store' | 'clock'>,
  row: ModelVersion,
  { state, fleet }: StoredFacts,
  deadline: Deadline,
): Promise<readonly Refusal[]> {
  const { modelName } = state;
  const { version, status } = row;
  const nowMs = deps.clock.nowMs();
  const freezes = [
    [freezeNow(state, nowMs), modelName],
    [freezeNow(fleet, nowMs), null],
  ] as const;
  const cause = await causeOf(deps, row, state, deadline);
  const release = commandText('release', [modelName, version]);
  return [
    ...freezes.flatMap(([freeze, name]) =>
      freeze === null
        ? []
        : [
            refusal(
              RefusalCode.FROZEN,
              `${freezeText(freeze, name)}. To end that, run ${unfreezeText(name)}.`,
              freeze.untilMs,
            ),
          ],
    ),
    ...(cause === null
      ? []
      : [
          refusal(
            RefusalCode.QUARANTINED,
            `Version ${version} is in quarantine: ${cause}. To allow it again, run ${release}.`,
          ),
        ]),
    ...(status === 'READY'
      ? []
      : [refusal(RefusalCode.TARGET_UNFIT, `Version ${version} has status ${status}, not READY.`)]),
  ];
}

// ---------------------------------------------------------------------------------------------------

function refusal(code: RefusalCode, message: string, clearsAtMs: number | null = null): Refusal {
  return { code, message, clearsAtMs };
}

/** Why it is in quarantine, as the end of a sentence; null when it is not. */
async function causeOf(
  { store, clock }: Pick<RollbackDeps, 'store' | 'clock'>,
  row: ModelVersion,
  state: ModelState,
  deadline: Deadline,
): Promise<string | null> {
  if (!isQuarantined(state, row)) {
    const mark = quarantineMark(row, state, clock.nowMs());
    if (mark === null) return null;
    const { by, atMs, reason, rollbackId } = mark;
    return `${movedAway({ by, atMs, reason, id: rollbackId })}, as its tag ${mark.kind} shows`;
  }
  const entry = state.quarantine.find(({ version }) => version === row.version);
  const isByRollback = entry !== undefined && entry.byHand === undefined;
  if (!isByRollback) return quarantineCause(state, row);
  const { atMs, rollbackId: id } = entry;
  const { record } = await store.read(state.modelName, id, deadline);
  if (record === undefined) return `${id} moved away from it at ${isoTime(atMs)}`;
  const { alarmName, requestedBy, reason } = record.request;
  const by = alarmName === null ? requestedBy : `the alarm ${alarmName}`;
  return movedAway({ by: by ?? 'somebody', atMs, reason, id });
}

function movedAway({
  by,
  atMs,
  reason,
  id,
}: {
  readonly by: string;
  readonly atMs: number;
  readonly reason: string;
  readonly id: string;
}): string {
  return `${by} rolled it back at ${isoTime(atMs)}, reason ${reason} (${id})`;
}
