import type { RollbackDeps } from '../app/deps.ts';
import { type AlarmTransition, alarmRefText } from '../domain/alarm/alarm.ts';
import type { RollbackRecord } from '../domain/record/record.ts';
import { isoTime } from '../domain/registry/model.ts';
import type { ModelPointer } from '../domain/registry/pointer.ts';
import type { Clock } from '../ports/clock.ts';
import type { LogFields, Logger } from '../ports/logger.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';
import type { Notifier } from '../ports/notifier.ts';
import type { RollbackStore } from '../ports/rollback-store.ts';

/** What one call did, as its ports saw it. */
export interface Seen {
  /** Ends that were recorded, in their order; a sweep has many, and a request may have two. */
  readonly ends: readonly RollbackRecord[];
  readonly noticesSent: number;
  readonly noticesFailed: number;
  /** The channel of each that failed. */
  readonly channelsFailed: readonly string[];
  /** Time in which at least one call of the registry was under way; null when it was not asked. */
  readonly registryMs: number | null;
}

/** The same use cases on the same ports, with a record of what they do. */
export interface WatchedPorts {
  readonly deps: RollbackDeps;
  seen(): Seen;
}

/**
 * Watches the ports of one call: what it did is counted in one place, whichever use case did it, and
 * each line about a rollback says which one it is. A watch belongs to its call, so calls that run at once
 * share nothing.
 * @param bound fields of every line of this call
 */
export function watchPorts(deps: RollbackDeps, bound: LogFields): WatchedPorts {
  const records = new Map<string, RollbackRecord>();
  const ends: RollbackRecord[] = [];
  const notices = { sent: 0, failed: 0 };
  const channelsFailed: string[] = [];
  const { registry, waitedMs } = watchRegistry(deps.registry, deps.clock);
  const store = watchStore(deps.store, (record, isWritten) => {
    if (isWritten && isNewEnd(records.get(record.id), record)) ends.push(record);
    records.set(record.id, record);
  });
  const notifiers = deps.notifiers.map(
    (notifier): Notifier => ({
      channel: notifier.channel,
      send: async (notice, deadline) => {
        const result = await notifier.send(notice, deadline);
        notices[result.kind] += 1;
        if (result.kind === 'failed') channelsFailed.push(notifier.channel);
        return result;
      },
    }),
  );
  const logger: Logger = {
    log: (level, message, fields = {}) => {
      const { rollback_id: id } = fields;
      const record = typeof id === 'string' ? records.get(id) : undefined;
      const known = record === undefined ? {} : recordFields(record);
      deps.logger.log(level, message, { ...bound, ...known, ...fields });
    },
  };
  return {
    deps: { ...deps, registry, store, notifiers, logger },
    seen: () => ({
      ends: [...ends],
      noticesSent: notices.sent,
      noticesFailed: notices.failed,
      channelsFailed: [...channelsFailed],
      registryMs: waitedMs(),
    }),
  };
}

/** Names the change of state that asks; the same on every path. */
export function alarmTriggerId({ ref, atMs, contributor }: AlarmTransition): string {
  return `${alarmRefText(ref)}@${isoTime(atMs)}${contributor === null ? '' : `#${contributor.id}`}`;
}

// ---------------------------------------------------------------------------------------------------

function watchRegistry(
  registry: ModelRegistry,
  clock: Clock,
): { readonly registry: ModelRegistry; waitedMs(): number | null } {
  let underWay = 0;
  let sinceMs = 0;
  let waitedMs: number | null = null;
  // Calls at the same time count once: it is the time that the caller had to wait.
  const watch = async <T>(call: () => Promise<T>): Promise<T> => {
    if (underWay === 0) sinceMs = clock.monotonicMs();
    underWay += 1;
    try {
      return await call();
    } finally {
      underWay -= 1;
      if (underWay === 0) waitedMs = (waitedMs ?? 0) + clock.monotonicMs() - sinceMs;
    }
  };
  // Whatever it can be asked, all of it takes time; the same registry for another pointer is watched too.
  const watched = (through: ModelRegistry): ModelRegistry =>
    new Proxy(through, {
      get: (target, name) => {
        if (name === 'through') return (pointer: ModelPointer) => watched(target.through(pointer));
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => watch(async () => await Reflect.apply(member, target, args));
      },
    });
  return { registry: watched(registry), waitedMs: () => waitedMs };
}

/** Reports every record that is read or written. */
function watchStore(
  store: RollbackStore,
  report: (record: RollbackRecord, isWritten: boolean) => void,
): RollbackStore {
  return {
    read: async (...args) => {
      const view = await store.read(...args);
      if (view.record !== undefined) report(view.record, false);
      return view;
    },
    write: async (change, deadline) => {
      const result = await store.write(change, deadline);
      if (result === 'written' && change.record !== undefined) report(change.record, true);
      return result;
    },
    readNotice: (...args) => store.readNotice(...args),
    list: (...args) => store.list(...args),
    listDue: (...args) => store.listDue(...args),
    readHeads: (...args) => store.readHeads(...args),
    listLive: (...args) => store.listLive(...args),
    close: () => store.close(),
  };
}

/** An ended record is written again when its notice is sent, or its alarm checked: the end is the same. */
function isNewEnd(before: RollbackRecord | undefined, { progress }: RollbackRecord): boolean {
  if (progress.status === 'IN_PROGRESS') return false;
  if (before === undefined || before.progress.status === 'IN_PROGRESS') return true;
  return before.progress.endedAtMs !== progress.endedAtMs;
}

function recordFields(record: RollbackRecord): LogFields {
  const { alarm, isAutomatic, request, progress } = record;
  const triggerId =
    isAutomatic && alarm !== null ? alarmTriggerId(alarm.transition) : request.requestId;
  return {
    // A request without an id goes by its invocation, which the record does not keep.
    ...(triggerId === null ? {} : { trigger_id: triggerId }),
    ...(record.subject === 'model' ? { model_name: record.modelName } : {}),
    ...(request.alarmName === null ? {} : { alarm_name: request.alarmName }),
    outcome: progress.status,
  };
}
