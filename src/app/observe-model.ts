import { limits } from '../domain/limits.ts';
import {
  isGap,
  latestKnown,
  type ModelPointers,
  namedBy,
  observedPointers,
  withObserved,
} from '../domain/pointer/observe.ts';
import { type ModelPointer, pointerText } from '../domain/registry/pointer.ts';
import { next } from '../domain/revision.ts';
import {
  type Head,
  type Heads,
  type HeadsItem,
  headPartOf,
  headsOf,
  type LiveLogEntry,
} from '../domain/state/live-log.ts';
import { newModelState } from '../domain/state/model-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import { pointerAsked, type RollbackDeps } from './deps.ts';

/** What a reading of one model's pointers adds to what is known. */

/** One round of observing. */
export interface Round {
  readonly deps: RollbackDeps;
  readonly deadline: Deadline;
  /** Time between two readings of one model, when nothing fails (ms). */
  readonly roundMs: number;
  /** What was read before, and the items that it stands in, by part. */
  readonly known: ReadonlyMap<string, HeadsItem>;
  /** By model: what was read now. */
  readonly seen: Map<string, Heads[string]>;
  changes: number;
}

/** What a pointer named at a reading shortly before `atMs` (epoch ms); null when it was not read, or long before. */
export async function recentHead(
  { store, settings }: Pick<RollbackDeps, 'store' | 'settings'>,
  { modelName, pointer, atMs }: { modelName: string; pointer: string; atMs: number },
  deadline: Deadline,
): Promise<Head | null> {
  const [item] = await store.readHeads([headPartOf(modelName)], deadline);
  const head = headsOf(item, modelName)[pointer];
  return head === undefined || isGap(head, atMs, settings.observeMs ?? 0) ? null : head;
}

/** Notes what changed of one model. @param beganAtMs when its reading began (epoch ms) */
export async function compare(
  round: Round,
  row: ModelPointers,
  beganAtMs: number,
  which: 'all' | 'own' = 'all',
): Promise<void> {
  const { modelName } = row;
  const all = observedPointers(pointerAsked(round.deps, { modelName }));
  const known = knownHeads(round, modelName);
  const seen: Record<string, Head> = {};
  const atMs = round.deps.clock.nowMs();
  for (const [index, pointer] of all.entries()) {
    const isOwn = index === 0;
    const text = pointerText(pointer);
    const version = namedBy(row, pointer);
    const before = known[text];
    if (which === 'own' && !isOwn) {
      if (before !== undefined) seen[text] = before;
      continue;
    }
    // Most models have no alias of the version before.
    if (!isOwn && version === null && before === undefined) continue;
    const isNoted =
      before?.version === version ||
      (await note(round, { modelName, pointer, isOwn }, { before, version, beganAtMs, atMs }));
    if (isNoted) seen[text] = { version, atMs: beganAtMs };
    else if (before !== undefined) seen[text] = before;
  }
  round.seen.set(modelName, seen);
}

/** Seen in this round already, else in one before. */
function knownHeads({ known, seen }: Round, modelName: string): Heads[string] {
  return seen.get(modelName) ?? headsOf(known.get(headPartOf(modelName)), modelName);
}

interface Subject {
  readonly modelName: string;
  readonly pointer: ModelPointer;
  /** False for an alias of the version before: it is logged, and no state is about it. */
  readonly isOwn: boolean;
}

/** What a reading showed of a pointer, after what an earlier one did. */
interface Reading {
  readonly before: Head | undefined;
  readonly version: string | null;
  /** When it began and ended (epoch ms). */
  readonly beganAtMs: number;
  readonly atMs: number;
}

/** Writes one change down. @returns false when somebody else is at the model: it is compared again later */
async function note(
  round: Round,
  { modelName, pointer, isOwn }: Subject,
  { before: head, version, beganAtMs, atMs }: Reading,
): Promise<boolean> {
  const { deps, deadline } = round;
  const { store, registry } = deps;
  const about = { modelName, pointer: pointerText(pointer), version, atMs, source: null } as const;
  if (head === undefined) {
    const entry: LiveLogEntry = { ...about, notBeforeMs: null, how: 'baseline', hasGap: false };
    // A pointer that names nothing has no story yet.
    if (version !== null) await store.write({ live: [entry] }, deadline);
    return true;
  }
  const view = isOwn ? await store.read(modelName, null, deadline) : null;
  const state = view?.state ?? newModelState(modelName, registry.address);
  if (state.active !== null) return false;
  const before = isOwn ? latestKnown(state, pointer, head) : head;
  if (before.version === version) return true;
  // Recorded after the registry was read, or by a clock that may be ahead: the reading is older.
  if (before !== head && before.atMs + limits.clockSkewMaxMs >= beganAtMs) return false;
  const hasGap = isGap(before, atMs, round.roundMs);
  const after = isOwn ? withObserved(state, pointer, { before, version, atMs, hasGap }) : state;
  const entry: LiveLogEntry = { ...about, notBeforeMs: before.atMs, how: 'observed', hasGap };
  const changed = after === state ? {} : { state: next(after) };
  const result = await store.write({ ...changed, live: [entry] }, deadline);
  if (result === 'written') round.changes += 1;
  return result === 'written';
}
