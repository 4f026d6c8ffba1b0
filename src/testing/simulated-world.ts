import type { RollbackDeps } from '../app/deps.ts';
import type { AlarmTransition } from '../domain/alarm.ts';
import { defaultAlarmSettings } from '../domain/alarm-settings.ts';
import { RegistryUnavailableError, StateStoreUnavailableError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import type { Notice } from '../domain/notice.ts';
import type { RollbackResponse } from '../domain/response.ts';
import type { ModelState, RollbackRecord, StoreChange } from '../domain/rollback.ts';
import type { Clock } from '../ports/clock.ts';
import { type Deadline, deadlineAfter } from '../ports/deadline.ts';
import type { ModelRegistry, MoveAnswer } from '../ports/model-registry.ts';
import type { NoticeResult } from '../ports/notifier.ts';
import type { RollbackStore } from '../ports/rollback-store.ts';
import type { Choices } from './choices.ts';
import { Scheduler } from './scheduler.ts';
import { SimulatedAlarms } from './simulated-alarms.ts';
import { SimulatedRegistry } from './simulated-registry.ts';

export const modelName = 'm';
const startMs = Date.UTC(2026, 0, 1);

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
  /** What callers were told of alarms. */
  readonly answered: AnsweredAlarm[] = [];
  readonly applied: AppliedChange[] = [];
  readonly delivered: Notice[] = [];
  /** What was seen that must never happen. */
  readonly violations: string[] = [];
  readonly settings: WorldSettings;
  #tokens = 0;

  constructor(choices: Choices, store: RollbackStore, settings: WorldSettings) {
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
      store: this.#storeFor(actor, options.isDryRun ?? false),
      notifier: {
        send: async (notice) =>
          await this.scheduler.call<NoticeResult>({
            actor,
            label: `publish ${notice.subject}`,
            isWrite: true,
            run: async () => {
              this.delivered.push(notice);
              return { kind: 'sent' };
            },
            lost: async () => ({ kind: 'failed', message: 'no answer' }),
          }),
      },
      identity: {
        random: () => {
          this.#tokens += 1;
          return `${actor} ${this.#tokens}`;
        },
        digest: digestOf,
      },
      logger: { log: () => undefined },
      alarms: this.alarms.readerFor(actor, this.scheduler),
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
  async stored(): Promise<{ state: ModelState | undefined; records: readonly RollbackRecord[] }> {
    const forEver: Deadline = { leftMs: () => Number.MAX_SAFE_INTEGER };
    const { state } = await this.store.read(modelName, null, forEver);
    return { state, records: await this.store.list(null, forEver) };
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
    const down = new RegistryUnavailableError('the registry did not answer');
    const read = async <T>(label: string, run: () => T, deadline: Deadline): Promise<T> => {
      if (deadline.leftMs() <= 0) throw new RegistryUnavailableError('no time was left');
      return await this.scheduler.call({
        actor,
        label,
        isWrite: false,
        run: async () => run(),
        lost: () => Promise.reject(down),
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
      movePointer: async (_model, version, deadline) => {
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

  #storeFor(actor: string, isDryRun: boolean): RollbackStore {
    const down = new StateStoreUnavailableError('the store did not answer');
    const call = async <T>(
      label: string,
      isWrite: boolean,
      deadline: Deadline,
      run: () => Promise<T>,
    ): Promise<T> => {
      if (deadline.leftMs() <= 0) throw new StateStoreUnavailableError('no time was left');
      return await this.scheduler.call({
        actor,
        label,
        isWrite,
        run,
        lost: () => Promise.reject(down),
      });
    };
    const forEver: Deadline = { leftMs: () => Number.MAX_SAFE_INTEGER };
    return {
      read: async (model, id, deadline) =>
        await call('read store', false, deadline, () => this.store.read(model, id, forEver)),
      list: async (model, deadline) =>
        await call('list', false, deadline, () => this.store.list(model, forEver)),
      listDue: async (nowMs, limit, deadline) =>
        await call('list due', false, deadline, () => this.store.listDue(nowMs, limit, forEver)),
      write: async (change, deadline) => {
        if (isDryRun) this.violations.push('I9: a dry run wrote to the store');
        const status = change.record?.progress.status ?? 'state';
        return await call(`write ${status}`, true, deadline, async () => {
          const result = await this.store.write(change, forEver);
          if (result === 'written') {
            this.applied.push({ ...change, atMs: this.scheduler.nowMs, actor });
          }
          return result;
        });
      },
      close: () => undefined,
    };
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
