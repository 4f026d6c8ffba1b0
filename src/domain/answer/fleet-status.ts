import { commandText } from '../command-line.ts';
import { Outcome } from '../decide/outcome.ts';
import type { OutboxNotice } from '../record/outbox.ts';
import { type RollbackRecord, shownAtMs } from '../record/record.ts';
import { isoTime } from '../registry/model.ts';
import { pauseText } from '../state/fleet.ts';
import { lastMove } from '../state/live-history.ts';
import type { Head } from '../state/live-log.ts';
import type { ModelState } from '../state/model-state.ts';
import { freezeNow, freezeText, unfreezeText } from '../state/operator.ts';
import { pointerState, pointerStates } from '../state/pointer-state.ts';
import { isQuarantined } from '../state/quarantine.ts';

/** What of a model needs a person; in this order where several do. */
export const needCodes = [
  'RUN_INTERRUPTED',
  'CONTESTED',
  'FAILED',
  'NO_TARGET',
  'LIVE_IS_QUARANTINED',
  'FROZEN',
  'PAUSED',
  'AWAITING_APPROVAL',
  'NOTICE_NOT_SENT',
] as const;
export type NeedCode = (typeof needCodes)[number];

export interface Need {
  readonly code: NeedCode;
  /** What is the matter, and what to do, with its command. */
  readonly message: string;
}

/** What is stored of one model of a fleet. */
export interface ModelFacts {
  readonly modelName: string;
  readonly latest: RollbackRecord;
  /** Whether people were notified of its end. */
  readonly isNotified: boolean;
  /** Undefined when it cannot be read, or was never stored. */
  readonly state: ModelState | undefined;
  /** Records that wait for a person's approval. */
  readonly waiting: readonly RollbackRecord[];
  /** Notices that some channel did not take. */
  readonly failed: readonly OutboxNotice[];
  /** What its pointers named when the sweep read them. */
  readonly heads: Readonly<Record<string, Head>>;
}

/** One model of a fleet. */
export interface ModelOverview {
  readonly modelName: string;
  readonly latest: RollbackRecord;
  /** Whether people were notified of its end. */
  readonly isNotified: boolean;
  /** As far as is known without the registry. */
  readonly live: readonly string[];
  /** The most urgent first; empty when nothing needs a person. */
  readonly needs: readonly Need[];
}

export function overviewOf(facts: ModelFacts, nowMs: number): ModelOverview {
  const { modelName, latest, isNotified } = facts;
  const found = [
    ...interrupted(facts, nowMs),
    ...ended(facts),
    ...quarantined(facts),
    ...stopped(facts, nowMs),
    ...waiting(facts),
    ...unsent(facts),
  ];
  const needs = found.toSorted((a, b) => rankOf(a) - rankOf(b));
  return { modelName, latest, isNotified, live: liveOf(facts), needs };
}

/** Whatever needs a person first, the most urgent before the others; then by name. */
export function troubleFirst(models: readonly ModelOverview[]): readonly ModelOverview[] {
  return models.toSorted((a, b) => {
    const byRank = rankOf(a.needs[0]) - rankOf(b.needs[0]);
    if (byRank !== 0) return byRank;
    return a.modelName < b.modelName ? -1 : a.modelName > b.modelName ? 1 : 0;
  });
}

// ---------------------------------------------------------------------------------------------------

function rankOf(need: Need | undefined): number {
  return need === undefined ? needCodes.length : needCodes.indexOf(need.code);
}

function needFor(code: NeedCode, message: string): Need {
  return { code, message };
}

function interrupted({ state }: ModelFacts, nowMs: number): Need[] {
  const active = state?.active ?? null;
  if (active === null || active.leaseEndsAtMs > nowMs) return [];
  const message =
    `A rollback was interrupted: its lease expired at ${isoTime(active.leaseEndsAtMs)}. The next request or sweep ` +
    `finishes it. To do that now, run ${commandText('sweep')}.`;
  return [needFor('RUN_INTERRUPTED', message)];
}

function ended({ latest, modelName }: ModelFacts): Need[] {
  const { progress, watch } = latest;
  const at = isoTime(shownAtMs(latest));
  if (progress.status === Outcome.CONTESTED) {
    const message =
      `The registry changed during the rollback at ${at}: a person must check what is live. To see it, run ` +
      `${commandText('status', [modelName])}.`;
    return [needFor('CONTESTED', message)];
  }
  const isOpen = watch.kind === 'pending';
  if (isOpen && progress.status === Outcome.FAILED) {
    const message =
      `The rollback for an alarm failed at ${at}, and the alarm was in ALARM when it was checked last. To see why, ` +
      `run ${commandText('explain', [latest.id])}.`;
    return [needFor('FAILED', message)];
  }
  if (isOpen && progress.status === Outcome.NO_TARGET) {
    const message =
      `An alarm found no version to restore at ${at}: a person must choose one. To see the candidates, run ` +
      `${commandText('plan', [modelName])}.`;
    return [needFor('NO_TARGET', message)];
  }
  return [];
}

function quarantined(facts: ModelFacts): Need[] {
  const { state, modelName, heads } = facts;
  if (state === undefined) return [];
  const pointers = new Set([
    ...pointerStates(state).map(([pointer]) => pointer),
    ...Object.keys(heads),
  ]);
  const versions = [...pointers].flatMap((pointer) => knownLive(facts, pointer) ?? []);
  return [...new Set(versions)]
    .filter((version) => isQuarantined(state, { version, createdAtMs: 0 }))
    .map((version) =>
      needFor(
        'LIVE_IS_QUARANTINED',
        `Version ${version} is live, as far as is known, and in quarantine. If it is good now, run ` +
          `${commandText('release', [modelName, version])}; to see what a rollback would do, run ` +
          `${commandText('plan', [modelName])}.`,
      ),
    );
}

function stopped({ state, modelName }: ModelFacts, nowMs: number): Need[] {
  const freeze = state === undefined ? null : freezeNow(state, nowMs);
  const pause = state?.pause ?? null;
  const end = unfreezeText(modelName);
  return [
    ...(freeze === null
      ? []
      : [needFor('FROZEN', `${freezeText(freeze, modelName)}. To end it, run ${end}.`)]),
    ...(pause === null ? [] : [needFor('PAUSED', pauseText(pause, modelName))]),
  ];
}

function waiting({ waiting: records }: ModelFacts): Need[] {
  return records.map((record) =>
    needFor(
      'AWAITING_APPROVAL',
      `An alarm waits for approval since ${isoTime(shownAtMs(record))}. To see the plan and decide, run ` +
        `${commandText('approve', [record.id])}.`,
    ),
  );
}

function unsent({ failed }: ModelFacts): Need[] {
  const [first] = failed;
  if (first === undefined) return [];
  const channels = Object.entries(first.channels).flatMap(([name, { kind }]) =>
    kind === 'failed' ? [name] : [],
  );
  const message =
    `A notice could not be sent by ${channels.join(', ')} since ${isoTime(first.createdAtMs)}; the sweep tries ` +
    `again. To check the channels, run ${commandText('doctor')}.`;
  return [needFor('NOTICE_NOT_SENT', message)];
}

function liveOf(facts: ModelFacts): readonly string[] {
  const { progress, plan } = facts.latest;
  const known = plan === null ? null : knownLive(facts, plan.pointer);
  if (known !== null) return known;
  return progress.status === 'IN_PROGRESS' ? (plan?.live ?? []) : progress.liveVersions;
}

/** What a pointer names, by the later of a move of ours and a reading; null where neither is known. */
function knownLive({ state, heads }: ModelFacts, pointer: string): readonly string[] | null {
  const head = heads[pointer];
  const move = state && lastMove(pointerState(state, pointer));
  if (head !== undefined && (move === undefined || head.atMs > move.atMs)) {
    return head.version === null ? [] : [head.version];
  }
  return move === undefined ? null : [move.version];
}
