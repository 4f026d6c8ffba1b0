import { createHash } from 'node:crypto';
import { MemoryAlarmReader } from '../../src/adapters/memory/memory-alarm-reader.ts';
import { MemoryModelRegistry } from '../../src/adapters/memory/memory-model-registry.ts';
import { MemoryRollbackStore } from '../../src/adapters/memory/memory-rollback-store.ts';
import type { RollbackDeps, RollbackSettings } from '../../src/app/deps.ts';
import { rollBack } from '../../src/app/roll-back.ts';
import { defaultAlarmSettings } from '../../src/domain/alarm/alarm-settings.ts';
import type { RollbackResponse } from '../../src/domain/answer/response.ts';
import type { Notice, NoticeTopic } from '../../src/domain/record/notice-content.ts';
import type { OutboxNotice } from '../../src/domain/record/outbox.ts';
import type { RollbackRecord } from '../../src/domain/record/record.ts';
import { defaultPointers } from '../../src/domain/registry/pointer.ts';
import { parseRequest } from '../../src/domain/request/request.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { type Deadline, deadlineAfter } from '../../src/ports/deadline.ts';
import type { Identity } from '../../src/ports/identity.ts';
import type { NoticeResult, Notifier } from '../../src/ports/notifier.ts';
import type { RollbackStore } from '../../src/ports/rollback-store.ts';

/** A clock that moves only when it is told to, or slept on. */
export class SimulatedClock implements Clock {
  #nowMs: number;

  constructor(nowMs: number = Date.UTC(2026, 0, 1, 2, 47)) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** Time passes when nobody has anything to do without it. */
  async sleep(ms: number): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#nowMs += ms;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }
}

/** Real digests, counted tokens: the same run gives the same names. */
function countingIdentity(): Identity {
  let count = 0;
  return {
    random: () => {
      count += 1;
      return `token-${count}`;
    },
    digest: (text) => createHash('sha256').update(text).digest('hex'),
  };
}

/** Keeps what it was given; fails when told to. */
export class RecordingNotifier implements Notifier {
  readonly channel = 'recording';
  readonly sent: Notice[] = [];
  isBroken = false;

  async send(notice: Notice): Promise<NoticeResult> {
    if (this.isBroken) return { kind: 'failed', message: 'the topic is gone' };
    this.sent.push(notice);
    return { kind: 'sent' };
  }
}

/** Everything in memory, on one clock. */
export interface World {
  readonly clock: SimulatedClock;
  readonly registry: MemoryModelRegistry;
  readonly store: RollbackStore;
  readonly notifier: RecordingNotifier;
  readonly alarms: MemoryAlarmReader;
  readonly deps: RollbackDeps;
  deadline(budgetMs?: number): Deadline;
  /** Sends a request as a caller would; every call is an invocation of its own. */
  ask(
    fields: object,
    options?: { invocationId?: string; deps?: RollbackDeps },
  ): Promise<RollbackResponse>;
  /** What is on record, newest first; of all models unless one is named. */
  records(modelName?: string): Promise<readonly RollbackRecord[]>;
  /** A notice of a record. @param topic by default of its end */
  notice(rollbackId: string, topic?: NoticeTopic): Promise<OutboxNotice | undefined>;
  /** Registers `stages.length` versions and promotes them so that they end in these stages. */
  seed(modelName: string, stages: readonly string[]): void;
}

const hourMs = 3_600_000;

/** @param store where its state is; in memory by default */
export function makeWorld(
  settings: Partial<RollbackSettings> = {},
  store: RollbackStore = new MemoryRollbackStore(),
): World {
  const clock = new SimulatedClock();
  const registry = new MemoryModelRegistry(clock);
  const notifier = new RecordingNotifier();
  const alarms = new MemoryAlarmReader();
  const identity = countingIdentity();
  const deps: RollbackDeps = {
    registry,
    store,
    notifiers: [notifier],
    alarms,
    clock,
    identity,
    logger: { log: () => undefined },
    settings: {
      cooldownMs: 24 * hourMs,
      targetRule: 'last-good',
      pointers: defaultPointers,
      writeHorizonMs: 60_000,
      clockSkewMaxMs: null,
      alarms: defaultAlarmSettings,
      ...settings,
    },
  };
  let invocations = 0;
  const deadline = (budgetMs = 60_000): Deadline => deadlineAfter(clock, budgetMs);
  return {
    clock,
    registry,
    store,
    notifier,
    alarms,
    deps,
    deadline,
    ask: async (fields, options = {}) => {
      invocations += 1;
      const invocationId = options.invocationId ?? `invocation-${invocations}`;
      const { request, warnings } = parseRequest(fields);
      const call = { request, warnings, invocationId, deadline: deadline() };
      return await rollBack(options.deps ?? deps, call);
    },
    records: async (modelName) => {
      const { records } = await store.list(modelName ?? null, deadline());
      return records.map(({ record }) => record);
    },
    notice: (rollbackId, topic = 'end') => store.readNotice(rollbackId, topic, deadline()),
    seed: (modelName, stages) => {
      stages.forEach((stage, index) => {
        clock.advance(hourMs);
        const version = registry.register(modelName);
        if (stage === 'None') return;
        clock.advance(1);
        const isServed = stage === 'Archived' || stage === 'Production';
        registry.transition(modelName, version, isServed ? 'Production' : stage, true);
        const isLast = !stages.slice(index + 1).some((later) => later === 'Production');
        if (stage === 'Archived' && isLast) {
          clock.advance(1);
          registry.transition(modelName, version, 'Archived', false);
        }
      });
      clock.advance(hourMs);
    },
  };
}
