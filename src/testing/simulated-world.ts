import type { RollbackDeps } from '../app/deps.ts';
import type { AlarmTransition } from '../domain/alarm.ts';
import { defaultAlarmSettings } from '../domain/alarm-settings.ts';
import { RegistryUnavailableError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import type { Notice } from '../domain/notice-content.ts';
import type { RollbackResponse } from '../domain/response.ts';
import type { ModelState, RollbackRecord, StoreChange } from '../domain/rollback.ts';
import type { Clock } from '../ports/clock.ts';
import { type Deadline, deadlineAfter } from '../ports/deadline.ts';
import type { ModelRegistry, MoveAnswer } from '../ports/model-registry.ts';
import type { NoticeResult } from '../ports/notifier.ts';
import type { DueItem, DueKind, RollbackStore } from '../ports/rollback-store.ts';
import type { Choices } from './choices.ts';
import { type OtherRelease, thisRelease, type UseCases } from './release.ts';
import { Scheduler } from './scheduler.ts';
import { SimulatedAlarms } from './simulated-alarms.ts';
import { SimulatedRegistry } from './simulated-registry.ts';
import { storeFor } from './simulated-store.ts';

export const modelName = 'm';
/** A model that nothing real is about: only forged messages name it. */
export const otherModelName = 'other';
const startMs = Date.UTC(2026, 0, 1);
const forEver: Deadline = { leftMs: () => Number.MAX_SAFE_INTEGER };

/** A change of the store that was applied, in order. */
export interface AppliedChange extends StoreChange {
  readonly atMs: number;
  readonly actor: string;
}

/** An alarm whose caller got an answer. */
export interface AnsweredAlarm {
  readonly transition: AlarmTransition;
  readonly answer: RollbackResponse;
}

/** What the store holds. */
interface Stored {
  readonly state: ModelState | undefined;
  /** Of the model that nothing real is about. */
  readonly otherState: ModelState | undefined;
  readonly records: readonly RollbackRecord[];
}

export interface WorldSettings {
  readonly cooldownMs: number;
  readonly writeHorizonMs: number;
  readonly isCauseChecked: boolean;
}

/**
 * The world around the real `app/` code: one registry, one store, one topic, and actors with clocks of
 * their own that reach them over a network that loses, delays and doubles. It watches what no run may do.
 */
export class SimulatedWorld {
  readonly choices: Choices;
  readonly scheduler: Scheduler;
  readonly registry: SimulatedRegistry = new SimulatedRegistry();
  readonly store: RollbackStore;
  readonly alarms: SimulatedAlarms;
  /** What callers got as answers to alarms. */
  readonly answered: AnsweredAlarm[] = [];
  readonly applied: AppliedChange[] = [];
  readonly delivered: Notice[] = [];
  /** Since when no more faults happen (epoch ms). */
  calmSinceMs: number = Number.POSITIVE_INFINITY;
  /** Until then (epoch ms) the topic takes nothing. */
  topicIsDownUntilMs = 0;
  /** What was seen that must never happen. */
  readonly violations: string[] = [];
  readonly settings: WorldSettings;
  /** False during an upgrade, when another release works on the same store. */
  readonly isOneRelease: boolean;
  readonly #otherRelease: OtherRelease | null;
  #tokens = 0;

  constructor(
    choices: Choices,
    store: RollbackStore,
    settings: WorldSettings,
    otherRelease: OtherRelease | null = null,
  ) {
    this.#otherRelease = otherRelease;
    this.isOneRelease = otherRelease === null;
    this.choices = choices;
    this.store = store;
    this.settings = settings;
    this.scheduler = new Scheduler(choices, startMs);
    this.alarms = new SimulatedAlarms(modelName, !choices.happens(30));
  }

  /** What one process works with. Its clock is up to 15 s off, so two differ by up to 30 s. */
  depsFor(actor: string, options: { readonly isDryRun?: boolean } = {}): RollbackDeps {
    const skewMs = (this.choices.pick(31) - 15) * (this.scheduler.faultPercent === 0 ? 0 : 1_000);
    const clock: Clock = {
      nowMs: () => this.scheduler.nowMs + skewMs,
      monotonicMs: () => this.scheduler.nowMs,
      sleep: async (ms) => await this.#sleep(actor, ms),
    };
    return {
      clock,
      registry: this.#registryFor(actor, clock, options.isDryRun ?? false),
      store: storeFor(this, actor, options.isDryRun ?? false),
      notifiers: [
        {
          channel: 'topic',
          send: async (notice) => await this.#publish(actor, notice),
        },
      ],
      identity: {
        random: () => {
          this.#tokens += 1;
          return `${actor} ${this.#tokens}`;
        },
        digest: digestOf,
      },
      logger: { log: () => undefined },
      alarms: this.alarms.readerFor(actor, this.scheduler, this.#cloudWatchLateMs()),
      settings: {
        ...this.settings,
        targetRule: 'last-good',
        clockSkewMaxMs: null,
        alarms: { ...defaultAlarmSettings, isCauseChecked: this.settings.isCauseChecked },
      },
    };
  }

  /** The deadline of an invocation that has `budgetMs`. */
  deadline(deps: RollbackDeps, budgetMs: number): Deadline {
    return deadlineAfter(deps.clock, budgetMs);
  }

  /** What the store holds, past the network. */
  async stored(): Promise<Stored> {
    const { state } = await this.store.read(modelName, null, forEver);
    const { state: otherState } = await this.store.read(otherModelName, null, forEver);
    const { records } = await this.store.list(null, forEver);
    return { state, otherState, records: records.map(({ record }) => record) };
  }

  /** What of the store is due until then, past the network. */
  async due(kind: DueKind, nowMs: number = Number.MAX_SAFE_INTEGER): Promise<readonly DueItem[]> {
    return await this.store.listDue(kind, nowMs, { limit: 100, after: null }, forEver);
  }

  /** What a process runs: this release, or by choice another one that works on the same store. */
  useCasesFor(actor: string, deps: RollbackDeps): UseCases {
    const other = this.#otherRelease;
    return other !== null && this.choices.happens(50) ? other(this, actor, deps) : thisRelease;
  }

  async #publish(actor: string, notice: Notice): Promise<NoticeResult> {
    return await this.scheduler.call<NoticeResult>({
      actor,
      label: `publish ${notice.subject}`,
      isWrite: true,
      run: async () => {
        if (this.scheduler.nowMs < this.topicIsDownUntilMs) {
          return { kind: 'failed', message: 'the topic is down' };
        }
        this.delivered.push(notice);
        return { kind: 'sent' };
      },
      lost: async () => ({ kind: 'failed', message: 'no answer' }),
    });
  }

  /** Sometimes what CloudWatch answers is a moment behind what its actions have said. */
  #cloudWatchLateMs(): number {
    return this.scheduler.faultPercent > 0 && this.choices.happens(8) ? 5_000 : 0;
  }

  async #sleep(actor: string, ms: number): Promise<void> {
    const wakesAtMs = this.scheduler.nowMs + ms;
    await this.scheduler.call({
      actor,
      label: `sleep ${Math.round(ms)}`,
      isWrite: false,
      run: async () => {
        this.scheduler.nowMs = Math.max(this.scheduler.nowMs, wakesAtMs);
      },
      lost: async () => undefined,
    });
  }

  #registryFor(actor: string, clock: Clock, isDryRun: boolean): ModelRegistry {
    const read = async <T>(label: string, run: () => T, deadline: Deadline): Promise<T> => {
      if (deadline.leftMs() <= 0) throw new RegistryUnavailableError('no time was left');
      return await this.scheduler.call({
        actor,
        label,
        isWrite: false,
        run: async () => run(),
        lost: () => Promise.reject(new RegistryUnavailableError('the registry did not answer')),
      });
    };
    return {
      address: 'simulated:',
      pointer: this.registry.pointer,
      read: async (model, _include, deadline) =>
        await read('read registry', () => this.registry.snapshot(model), deadline),
      readBelow: async (model, _version, deadline) =>
        await read('read below', () => this.registry.snapshot(model).others, deadline),
      listByTag: async (_tag, _namesMax, deadline) =>
        await read('list by tag', () => ({ names: [], isComplete: true }), deadline),
      readChangesBelow: async (model, _version, _from, deadline) =>
        await read(
          'read changes below',
          () => ({ rows: this.registry.snapshot(model).others, next: null }),
          deadline,
        ),
      readAliases: async (_model, deadline) => await read('read aliases', () => [], deadline),
      readAliasesOf: async (_model, _version, deadline) =>
        await read('read aliases of', () => [], deadline),
      annotate: async (_model, version, tag, deadline) =>
        await read('set tag', () => this.registry.tag(version, tag), deadline),
      movePointer: async (model, version, deadline) => {
        if (model !== modelName) this.violations.push(`${actor} moved the model ${model}`);
        if (isDryRun) this.violations.push('I9: a dry run moved the pointer');
        if (deadline.leftMs() < limits.writeTimeoutMinMs) {
          this.violations.push(`I3: ${actor} moved the pointer without time`);
        }
        await this.#requireClaim(actor, clock);
        return await this.#move(actor, version);
      },
    };
  }

  async #move(actor: string, version: string): Promise<MoveAnswer> {
    const error = new RegistryUnavailableError('the registry did not answer');
    // A 503 with a body: answered, and not done.
    const isBusy = this.scheduler.faultPercent > 0 && this.choices.happens(5);
    // MLflow reads the live versions before it writes: with a promotion in between, two stay live.
    let seenLive: readonly string[] | null = null;
    const sentAtMs = this.scheduler.nowMs;
    if (this.scheduler.faultPercent > 0 && this.choices.happens(5)) {
      await this.scheduler.call({
        actor,
        label: `the move to ${version} begins`,
        isWrite: false,
        run: async () => {
          seenLive = this.registry.live();
        },
        lost: async () => undefined,
      });
    }
    return await this.scheduler.call<MoveAnswer>({
      actor,
      label: `move to ${version}${isBusy ? ' (busy)' : ''}`,
      isWrite: true,
      sentAtMs,
      run: async () => {
        if (isBusy) return { kind: 'unknown', error, isAnswered: true };
        await this.#requireNoOtherClaim(actor);
        const change = { by: 'us' as const, atMs: this.scheduler.nowMs };
        this.registry.promote(version, seenLive ?? this.registry.live(), change);
        return { kind: 'moved' };
      },
      lost: async () => ({ kind: 'unknown', error, isAnswered: false }),
    });
  }

  async #requireClaim(actor: string, clock: Clock): Promise<void> {
    const { state } = await this.stored();
    const active = state?.active ?? null;
    if (active === null || !active.owner.startsWith(`${actor} `)) {
      this.violations.push(`I3: ${actor} moved the pointer without the claim`);
    } else if (active.leaseEndsAtMs <= clock.nowMs()) {
      this.violations.push(`I3: ${actor} moved the pointer after its lease`);
    }
  }

  async #requireNoOtherClaim(actor: string): Promise<void> {
    const { state } = await this.stored();
    const owner = state?.active?.owner;
    if (owner !== undefined && !owner.startsWith(`${actor} `)) {
      this.violations.push(`I3: a write of ${actor} landed while ${owner} held the claim`);
    }
  }
}

// ---------------------------------------------------------------------------------------------------

/** FNV-1a over four seeds: no digest to trust, but the same everywhere and without `node:crypto`. */
function digestOf(text: string): string {
  return [0, 1, 2, 3]
    .map((seed) => {
      let hash = 0x811c9dc5 ^ seed;
      for (const character of text) {
        hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
      }
      return hash.toString(16).padStart(8, '0');
    })
    .join('');
}
