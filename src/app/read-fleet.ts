import {
  type ModelFacts,
  type ModelOverview,
  overviewOf,
  troubleFirst,
} from '../domain/answer/fleet-status.ts';
import { messageOf, StateCorruptError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { isApprovable } from '../domain/protocol/watch.ts';
import type { ListPosition } from '../domain/record/list-position.ts';
import type { OutboxNotice } from '../domain/record/outbox.ts';
import type { Unreadable } from '../domain/record/read-each.ts';
import { modelNameOf, type RollbackRecord } from '../domain/record/record.ts';
import { type FleetState, newFleetState } from '../domain/state/fleet.ts';
import { type Head, headParts } from '../domain/state/live-log.ts';
import type { ModelState } from '../domain/state/model-state.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { DueItem, DueKind, ListedRecord } from '../ports/rollback-store.ts';
import { isNotified } from './announce.ts';
import type { RollbackDeps } from './deps.ts';
import { inParallel } from './in-parallel.ts';

/** All models on record, and what of them needs a person. */
export interface FleetReading {
  /** Whatever needs a person first. */
  readonly models: readonly ModelOverview[];
  readonly fleet: FleetState;
  /** When the reading began (epoch ms). */
  readonly atMs: number;
  readonly unreadable: readonly Unreadable[];
  /** Models whose latest attempt is older were not read; undefined when there are none. */
  readonly next?: ListPosition | undefined;
  /** What was left out besides, as sentences; empty when nothing was. */
  readonly gaps: readonly string[];
}

/**
 * Reads the state store alone, never the registry: the latest attempt and the state of each model, what waits, and
 * what the sweep observed last.
 * @param before only models whose latest attempt is older
 * @param onRead how many models are read by now
 */
export async function readFleet(
  deps: Reading,
  before: ListPosition | undefined,
  deadline: Deadline,
  onRead: (count: number) => void = () => undefined,
): Promise<FleetReading> {
  const { store, clock } = deps;
  const nowMs = clock.nowMs();
  const list = await store.list(null, deadline, {
    limit: limits.historyRowsMax,
    before,
    isLatestOnly: true,
  });
  const due = await readDue(deps, 'record', nowMs + limits.watchIntervalMs, deadline);
  const notices = await readDue(deps, 'notice', nowMs + limits.noticeBackoffMaxMs, deadline);
  const heads = await store.readHeads(headParts, deadline);
  const gathered: Gathered = {
    latest: new Map(list.records.map((one) => [one.record.modelName, one])),
    states: new Map(),
    waiting: new Map(),
    failed: new Map(),
    unreadable: [...list.unreadable],
    fleet: newFleetState,
  };
  await inParallel(
    toRead(gathered, before === undefined ? due.items : []),
    deadline,
    async (one) => {
      await readModel(deps, gathered, one, deadline);
      onRead(gathered.states.size);
    },
  );
  await inParallel(notices.items, deadline, async (item) => {
    await readNotice(deps, gathered, item, deadline);
  });
  if (gathered.latest.size === 0) {
    gathered.fleet = (await store.read('-', null, deadline)).fleet ?? newFleetState;
  }
  const known = new Map(heads.flatMap((item) => Object.entries(item.heads)));
  return {
    models: troubleFirst(factsOf(gathered, known).map((facts) => overviewOf(facts, nowMs))),
    fleet: gathered.fleet,
    atMs: nowMs,
    unreadable: gathered.unreadable,
    next: list.next,
    gaps: gapsOf(gathered, [due.hasMore, notices.hasMore], deadline),
  };
}

// ---------------------------------------------------------------------------------------------------

type Reading = Pick<RollbackDeps, 'store' | 'clock'>;

/** Each model with what waits of it, whatever came after it; also of a model that is not on this page. */
function toRead(
  { latest }: Gathered,
  due: readonly DueItem[],
): readonly { readonly modelName: string; readonly id: string | null }[] {
  const waiting = due.map(({ id }) => ({ modelName: modelNameOf(id), id }));
  const names = new Set(waiting.map(({ modelName }) => modelName));
  const others = [...latest.keys()].filter((modelName) => !names.has(modelName));
  return [...waiting, ...others.map((modelName) => ({ modelName, id: null }))];
}

/** One page: what waits in a fleet is little, and where it is not, that is said. */
async function readDue(
  { store }: Reading,
  kind: DueKind,
  untilMs: number,
  deadline: Deadline,
): Promise<{ readonly items: readonly DueItem[]; readonly hasMore: boolean }> {
  const limit = limits.sweepPageRows;
  const items = await store.listDue(kind, untilMs, { limit, after: null }, deadline);
  return { items, hasMore: items.length === limit };
}

/** What was read of the models, by their names. */
interface Gathered {
  readonly latest: Map<string, ListedRecord>;
  readonly states: Map<string, ModelState | undefined>;
  readonly waiting: Map<string, readonly RollbackRecord[]>;
  readonly failed: Map<string, readonly OutboxNotice[]>;
  readonly unreadable: Unreadable[];
  fleet: FleetState;
}

/** @param id of a record of the model that is read too */
async function readModel(
  deps: Reading,
  gathered: Gathered,
  { modelName, id }: { readonly modelName: string; readonly id: string | null },
  deadline: Deadline,
): Promise<void> {
  const { store, clock } = deps;
  const { latest, states, waiting } = gathered;
  const isRead = await naming(gathered, id ?? modelName, async () => {
    const view = await store.read(modelName, id, deadline);
    states.set(modelName, view.state);
    gathered.fleet = view.fleet ?? gathered.fleet;
    const { record } = view;
    if (record === undefined) return;
    if (!latest.has(modelName)) {
      latest.set(modelName, { record, isNotified: isNotified({ record, notice: view.notice }) });
    }
    if (isApprovable(record, clock.nowMs()) && record.watch.kind === 'pending') {
      waiting.set(modelName, [...(waiting.get(modelName) ?? []), record]);
    }
  });
  // A record that cannot be read hides nothing else of its model.
  if (!isRead && id !== null) await readModel(deps, gathered, { modelName, id: null }, deadline);
}

async function readNotice(
  { store }: Reading,
  gathered: Gathered,
  { id, topic }: DueItem,
  deadline: Deadline,
): Promise<void> {
  const modelName = modelNameOf(id);
  const { failed, latest } = gathered;
  if (topic === null || !latest.has(modelName)) return;
  await naming(gathered, id, async () => {
    const notice = await store.readNotice(id, topic, deadline);
    const channels = Object.values(notice?.channels ?? {});
    if (notice === undefined || !channels.some(({ kind }) => kind === 'failed')) return;
    failed.set(modelName, [...(failed.get(modelName) ?? []), notice]);
  });
}

function factsOf(
  { latest, states, waiting, failed }: Gathered,
  heads: ReadonlyMap<string, Readonly<Record<string, Head>>>,
): readonly ModelFacts[] {
  return [...latest].map(([modelName, { record, isNotified }]) => ({
    modelName,
    latest: record,
    isNotified,
    state: states.get(modelName),
    waiting: waiting.get(modelName) ?? [],
    failed: failed.get(modelName) ?? [],
    heads: heads.get(modelName) ?? {},
  }));
}

/** One item that cannot be read is named, and stops no other. */
async function naming(
  { unreadable }: Gathered,
  id: string,
  work: () => Promise<void>,
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof StateCorruptError)) throw error;
    if (!unreadable.some((one) => one.id === id)) unreadable.push({ id, why: messageOf(error) });
    return false;
  }
}

function gapsOf(
  { latest, states }: Gathered,
  [hasMoreRecords, hasMoreNotices]: readonly [boolean, boolean],
  deadline: Deadline,
): readonly string[] {
  const unread = [...latest.keys()].filter((name) => !states.has(name)).length;
  return [
    ...(hasMoreRecords
      ? [`More than ${limits.sweepPageRows} attempts wait for something; only those were read.`]
      : []),
    ...(hasMoreNotices
      ? [`More than ${limits.sweepPageRows} notices are not sent; only those were read.`]
      : []),
    ...(unread > 0 && deadline.leftMs() <= 0
      ? [`The time was not enough: the state of ${unread} models was not read.`]
      : []),
  ];
}
