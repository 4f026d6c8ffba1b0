import { isModelRollbackError, messageOf, StateCorruptError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import type { ModelPointers } from '../domain/pointer/observe.ts';
import { next } from '../domain/revision.ts';
import {
  cursorPart,
  type HeadsItem,
  headPartOf,
  headParts,
  newHeadsItem,
  type ObserveCursor,
} from '../domain/state/live-log.ts';
import { type Deadline, deadlineWithin } from '../ports/deadline.ts';
import { pointerAsked, type RollbackDeps, withPolicyPointers } from './deps.ts';
import { inParallel } from './in-parallel.ts';
import { compare, type Round } from './observe-model.ts';
import { pointerPages } from './pointer-pages.ts';

/** What one round of observing did. */
export interface Observation {
  /** Registered models that were read. */
  readonly models: number;
  /** Changes of a pointer that were new to us. */
  readonly changes: number;
}

/**
 * Reads what the pointers of all models name, some models at a time, and notes what changed since the reading
 * before: MLflow keeps no time of a promotion, and no version that was live before. Only one process at a
 * time does so. What cannot be read stays as it was; nothing is thrown for it.
 * @returns null when it is switched off, not yet time, or somebody else's turn
 * @throws StateStoreUnavailableError, ConfigurationError
 */
export async function observe(deps: RollbackDeps, deadline: Deadline): Promise<Observation | null> {
  const roundMs = deps.settings.observeMs ?? 0;
  const within = deadlineWithin(deps.clock, limits.observeBudgetMs, deadline);
  if (roundMs === 0 || within.leftMs() <= 0) return null;
  const nowMs = deps.clock.nowMs();
  const turn = await takeTurn(deps, nowMs, within);
  if (turn === null) return null;
  const known = await readKnown(deps, within);
  const round: Round = {
    deps: withPolicyPointers(deps, known.values()),
    deadline: within,
    roundMs: Math.max(roundMs, turn.cursor.passMs),
    known,
    seen: new Map(),
    changes: 0,
  };
  const end = await readAll(round, turn.cursor.next);
  await writeSeen(round, deadline);
  const cursor = cursorAfter(turn.cursor, end, { nowMs, roundMs });
  await deps.store.write({ heads: next({ ...turn, cursor }) }, deadline);
  return { models: round.seen.size, changes: round.changes };
}

// ---------------------------------------------------------------------------------------------------

/** Where the pages ended. */
interface PagesEnd {
  /** Null: at the end of the list. */
  readonly next: string | null;
  readonly isPassOver: boolean;
  readonly hasFailed: boolean;
}

type Turn = HeadsItem & { readonly cursor: ObserveCursor };

/** Whoever moves the cursor first; the others find it too early. */
async function takeTurn(
  { store }: RollbackDeps,
  nowMs: number,
  deadline: Deadline,
): Promise<Turn | null> {
  const [item = newHeadsItem(cursorPart)] = await store.readHeads([cursorPart], deadline);
  const { cursor = { next: null, notBeforeMs: 0, passBeganAtMs: nowMs, passMs: 0 } } = item;
  if (nowMs < cursor.notBeforeMs) return null;
  const notBeforeMs = nowMs + 3 * limits.observeBudgetMs;
  const passBeganAtMs = cursor.next === null ? nowMs : cursor.passBeganAtMs;
  const turn = next({ ...item, cursor: { ...cursor, notBeforeMs, passBeganAtMs } });
  return (await store.write({ heads: turn }, deadline)) === 'written' ? turn : null;
}

function cursorAfter(
  { passBeganAtMs, passMs }: ObserveCursor,
  end: PagesEnd,
  { nowMs, roundMs }: { readonly nowMs: number; readonly roundMs: number },
): ObserveCursor {
  if (!end.isPassOver) {
    // The rest follows with the next sweep; after a failure it waits.
    const notBeforeMs = end.hasFailed ? nowMs + roundMs : nowMs;
    return { next: end.next, notBeforeMs, passBeganAtMs, passMs };
  }
  const notBeforeMs = Math.max(nowMs, passBeganAtMs + roundMs);
  return { next: null, notBeforeMs, passBeganAtMs, passMs: notBeforeMs - passBeganAtMs };
}

async function readKnown(
  { store }: RollbackDeps,
  deadline: Deadline,
): Promise<ReadonlyMap<string, HeadsItem>> {
  const items = await store.readHeads(headParts, deadline);
  return new Map(items.map((item) => [item.part, item]));
}

/** Models on record first, then page by page from where the round before ended. */
async function readAll(round: Round, from: string | null): Promise<PagesEnd> {
  const { deps, deadline } = round;
  const pagesMax = limits.observePagesMax;
  let at = from;
  let isPassOver = false;
  try {
    await readFirst(round);
    for await (const page of pointerPages(deps, { from, pagesMax }, deadline)) {
      await inParallel(page.rows, deadline, (row) => compareReadable(round, row, page.beganAtMs));
      at = page.next;
      isPassOver = at === null;
    }
  } catch (error) {
    if (!isModelRollbackError(error)) throw error;
    warn(round, error);
    return { next: at, isPassOver: false, hasFailed: true };
  }
  return { next: at, isPassOver, hasFailed: false };
}

/** A state that cannot be read keeps no other model from being observed. */
async function compareReadable(round: Round, row: ModelPointers, beganAtMs: number): Promise<void> {
  try {
    await compare(round, row, beganAtMs);
  } catch (error) {
    if (!(error instanceof StateCorruptError)) throw error;
    warn(round, error);
  }
}

function warn({ deps }: Round, error: unknown): void {
  deps.logger.log('warn', 'the pointers of the registry could not be observed', {
    error: messageOf(error),
  });
}

/** A rollback asks for what was live before: so these are read in every round, however many models there are. */
async function readFirst(round: Round): Promise<void> {
  const { deps, deadline } = round;
  const { records } = await deps.store.list(null, deadline, {
    limit: limits.observeRecordsMax,
  });
  const subjects = records.filter(({ record }) => record.subject === 'model');
  const names = [...new Set(subjects.map(({ record }) => record.modelName))];
  const aliased = names.flatMap((modelName) => {
    const pointer = pointerAsked(deps, { modelName });
    return pointer.kind === 'alias' ? [{ modelName, alias: pointer.alias }] : [];
  });
  await inParallel(
    aliased.slice(0, limits.observeFirstMax),
    deadline,
    async ({ modelName, alias }) => {
      const beganAtMs = deps.clock.nowMs();
      try {
        const row = await deps.registry.readAlias(modelName, alias, deadline);
        const aliases = row === null ? [] : [{ alias, version: row.version }];
        await compare(round, { modelName, aliases, staged: null }, beganAtMs, 'own');
      } catch (error) {
        // Deleted, or hidden: the pages show what is there.
        if (!isModelRollbackError(error) || error.isRetryable) throw error;
      }
    },
  );
}

/** What was read becomes what the next round compares with. */
async function writeSeen({ deps, known, seen }: Round, deadline: Deadline): Promise<void> {
  const byPart = Map.groupBy(seen, ([modelName]) => headPartOf(modelName));
  const oldestMs = deps.clock.nowMs() - limits.headRetentionMs;
  await inParallel([...byPart], deadline, async ([part, models]) => {
    const item = known.get(part) ?? newHeadsItem(part);
    const kept = Object.entries(item.heads).filter(([, heads]) =>
      Object.values(heads).some(({ atMs }) => atMs >= oldestMs),
    );
    const heads = Object.fromEntries([...kept, ...models]);
    // Another sweep was quicker, beside the cursor: its reading counts as well as ours.
    await deps.store.write({ heads: next({ ...item, heads }) }, deadline);
  });
}
