import type { RollbackDeps } from '../app/deps.ts';
import type { AlarmTransition } from '../domain/alarm/alarm.ts';
import { defaultAlarmSettings } from '../domain/alarm/alarm-settings.ts';
import type { RollbackResponse } from '../domain/answer/response.ts';
import { ErrorCode, isModelRollbackError } from '../domain/errors.ts';
import type { HookAnswer, HookRequest } from '../domain/hook.ts';
import { limits } from '../domain/limits.ts';
import type { Notice } from '../domain/record/notice-content.ts';
import type { RollbackRecord, StoreChange } from '../domain/record/record.ts';
import { type ModelPointer, stagePointer } from '../domain/registry/pointer.ts';
import type { FleetState } from '../domain/state/fleet.ts';
import type { LiveLogEntry } from '../domain/state/live-log.ts';
import type { ModelState } from '../domain/state/model-state.ts';
import type { Clock } from '../ports/clock.ts';
import { type Deadline, deadlineAfter } from '../ports/deadline.ts';
import type { NoticeResult } from '../ports/notifier.ts';
import type { DueItem, DueKind, RollbackStore } from '../ports/rollback-store.ts';
import type { Choices } from './choices.ts';
import { registryFor } from './registry-for.ts';
import { type OtherRelease, thisRelease, type UseCases } from './release.ts';
import { Scheduler } from './scheduler.ts';
import { SimulatedAlarms } from './simulated-alarms.ts';
import { modelName, otherModelName, SimulatedRegistry } from './simulated-registry.ts';
import { storeFor } from './simulated-store.ts';

const startMs = Date.UTC(2026, 0, 1);
const champion: ModelPointer = { kind: 'alias', alias: 'champion' };
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
  readonly fleet: FleetState | undefined;
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
  readonly registry: SimulatedRegistry;
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
  /** Until then (epoch ms) the registry takes its time before it answers, now and then. */
  registryIsSlowUntilMs = 0;
  slowReads = 0;
  /** What was seen that must never happen. */
  readonly violations: string[] = [];
  readonly settings: WorldSettings;
  /** False during an upgrade, when another release works on the same store. */
  readonly isOneRelease: boolean;
  /** Time between two readings of what the pointer names (ms); 0 when nobody observes. */
  readonly observeMs: number;
  /** What is called before and after a move; false where nothing is. */
  readonly hasHooks: boolean;
  /** Rollbacks whose servers were asked to reload, with the version; each at least once. */
  readonly reloads: { readonly rollbackId: string; readonly version: string }[] = [];
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
    // Release 0.1.0 knows no alias.
    const isAlias = otherRelease === null && choices.happens(33);
    this.registry = new SimulatedRegistry(isAlias ? champion : stagePointer);
    this.observeMs = choices.happens(25) ? 300_000 : 0;
    // Release 0.1.0 knows no hooks, and refuses what they leave in a record.
    this.hasHooks = otherRelease === null && choices.happens(30);
    this.alarms = new SimulatedAlarms(modelName, !choices.happens(30));
  }

  /** What one process works with. Its clock is up to 15 s off, so two differ by up to 30 s. */
  depsFor(actor: string, { isDryRun = false }: { readonly isDryRun?: boolean } = {}): RollbackDeps {
    const skewMs = (this.choices.pick(31) - 15) * (this.scheduler.faultPercent === 0 ? 0 : 1_000);
    const clock: Clock = {
      nowMs: () => this.scheduler.nowMs + skewMs,
      monotonicMs: () => this.scheduler.nowMs,
      sleep: async (ms) => await this.pass(actor, ms, `sleep ${Math.round(ms)}`),
    };
    return {
      clock,
      registry: registryFor(this, actor, clock, isDryRun),
      store: storeFor(this, actor, clock, isDryRun),
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
      hooks: {
        call: async (_hook, request) => await this.#callHook(actor, request),
        close: () => undefined,
      },
      logger: { log: () => undefined },
      alarms: this.alarms.readerFor(actor, this.scheduler, this.#cloudWatchLateMs()),
      settings: {
        ...this.settings,
        targetRule: 'last-good',
        pointers: { default: this.registry.pointer, byModel: new Map() },
        observeMs: this.observeMs,
        smokeCheck: this.hasHooks ? { kind: 'lambda', functionName: 'smoke' } : null,
        reload: this.hasHooks ? { kind: 'lambda', functionName: 'reload' } : null,
        // A command compares clocks; in Lambda nobody does.
        clockSkewMaxMs: this.choices.happens(50) ? limits.clockSkewMaxMs : null,
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
    const { state, fleet } = await this.store.read(modelName, null, forEver);
    const { state: otherState } = await this.store.read(otherModelName, null, forEver);
    const { records } = await this.store.list(null, forEver);
    return { state, otherState, records: records.map(({ record }) => record), fleet };
  }

  /** What was live when, as far as the store knows, past the network. */
  async liveLog(): Promise<readonly LiveLogEntry[]> {
    return (await this.store.listLive(modelName, forEver)).entries;
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

  /** Nothing in this world is a bug, and every clock is right within 15 s. */
  judge(error: unknown): void {
    if (!isModelRollbackError(error)) this.violations.push(`a bug: ${String(error)}`);
    else if (error.code === ErrorCode.CONFIGURATION) {
      this.violations.push(`a right clock was taken for a wrong one: ${error.message}`);
    }
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

  /** In a world of faults it fails now and then, and a smoke check says no. */
  async #callHook(actor: string, request: HookRequest): Promise<HookAnswer> {
    const isWorse = this.scheduler.faultPercent > 0 && this.choices.happens(15);
    return await this.scheduler.call<HookAnswer>({
      actor,
      label: `${request.kind} ${request.version}`,
      isWrite: request.kind === 'reload',
      run: async () => {
        const { rollback_id: rollbackId, version, kind } = request;
        if (kind === 'reload' && rollbackId !== null) this.reloads.push({ rollbackId, version });
        return { kind: 'answered', body: { ok: !isWorse } };
      },
      lost: async () => ({ kind: 'failed', why: 'no answer' }),
    });
  }

  /** Sometimes what CloudWatch answers is a moment behind what its actions have said. */
  #cloudWatchLateMs(): number {
    return this.scheduler.faultPercent > 0 && this.choices.happens(8) ? 5_000 : 0;
  }

  /** Time passes for one actor, while others go on. */
  async pass(actor: string, ms: number, label: string): Promise<void> {
    const wakesAtMs = this.scheduler.nowMs + ms;
    await this.scheduler.call({
      actor,
      label,
      isWrite: false,
      run: async () => {
        this.scheduler.nowMs = Math.max(this.scheduler.nowMs, wakesAtMs);
      },
      lost: async () => undefined,
    });
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
