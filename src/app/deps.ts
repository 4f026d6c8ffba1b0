import type { AlarmSettings } from '../domain/alarm/alarm-settings.ts';
import type { Hook } from '../domain/hook.ts';
import {
  defaultPointers,
  type ModelPointer,
  type PointerSettings,
  parsePointer,
  pointerFor,
  pointerText,
} from '../domain/registry/pointer.ts';
import { settingsFor, type WithPolicy } from '../domain/request/policy.ts';
import type { RollbackRequest } from '../domain/request/request.ts';
import type { OnOff, TargetRuleSetting } from '../domain/request/setting-form.ts';
import { type HeadsItem, policyPointers } from '../domain/state/live-log.ts';
import type { AlarmReader } from '../ports/alarm-reader.ts';
import type { AlertReader } from '../ports/alert-reader.ts';
import type { Clock } from '../ports/clock.ts';
import type { HookCaller } from '../ports/hook-caller.ts';
import type { Identity } from '../ports/identity.ts';
import type { Logger } from '../ports/logger.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';
import type { Notifier } from '../ports/notifier.ts';
import type { RollbackStore } from '../ports/rollback-store.ts';

/** What the use cases work with. */
export interface RollbackDeps {
  readonly registry: ModelRegistry;
  readonly store: RollbackStore;
  /** The channels that notices go to. */
  readonly notifiers: readonly Notifier[];
  readonly alarms: AlarmReader;
  /** Asks for the state of alerts. @default nobody can be asked: the last message counts */
  readonly alerts?: AlertReader;
  /** Calls what `settings` name as hooks. @default nothing can be called */
  readonly hooks?: HookCaller;
  readonly clock: Clock;
  readonly identity: Identity;
  readonly logger: Logger;
  readonly settings: RollbackSettings;
}

export interface RollbackSettings {
  /** Least time between two rollbacks of one model; 0 switches it off. */
  readonly cooldownMs: number;
  readonly targetRule: TargetRuleSetting;
  /** Which pointer a model has, where the request does not say. @default `stage:Production` */
  readonly pointers?: PointerSettings;
  /** The longest that a sent write may still take effect, clock skew included. */
  readonly writeHorizonMs: number;
  /**
   * Refuse to write when this machine's clock differs by more from the registry's or the store's; null
   * where somebody else keeps the clock right (Lambda).
   */
  readonly clockSkewMaxMs: number | null;
  readonly alarms: AlarmSettings;
  /** Time between two readings of the registry's pointers (ms); 0 switches them off. @default 0 */
  readonly observeMs?: number;
  /** A version that was created longer ago (ms) is no target. @default null: of any age */
  readonly targetMaxAgeMs?: number | null;
  /** A promotion wants the evidence of a comparison that is no older (ms). @default null: it wants none */
  readonly promotionEvidenceMs?: number | null;
  /** Whether `NAME-previous` is set after a move of `alias:NAME`. @default 'off' */
  readonly previousAlias?: OnOff;
  /** What must say right before a move that the target works. @default null: nothing is asked */
  readonly smokeCheck?: Hook | null;
  /** What makes servers reload after a move. @default null: nothing is called */
  readonly reload?: Hook | null;
}

/** The same parts, with the settings that count for a model. @param state undefined: it has none yet */
export function depsFor(deps: RollbackDeps, state: WithPolicy | undefined): RollbackDeps {
  return state?.policy === undefined
    ? deps
    : { ...deps, settings: settingsFor(deps.settings, state) };
}

/** The same parts, with the pointers that policies name: where the pointers of many models are read at once. */
export function withPolicyPointers(deps: RollbackDeps, heads: Iterable<HeadsItem>): RollbackDeps {
  const { pointers = defaultPointers } = deps.settings;
  const byPolicy = policyPointers(heads);
  return { ...deps, settings: { ...deps.settings, pointers: { ...pointers, byPolicy } } };
}

/** The pointer that a request is about, by the settings at hand: without `depsFor`, no policy counts. */
export function pointerAsked(
  { settings }: Pick<RollbackDeps, 'settings'>,
  { modelName, pointer }: Pick<RollbackRequest, 'modelName' | 'pointer'>,
): ModelPointer {
  return pointer === undefined
    ? pointerFor(settings.pointers ?? defaultPointers, modelName)
    : parsePointer(pointer, 'pointer');
}

/** The registry for a pointer: the one at hand, where that is its pointer already. */
export function registryFor(
  { registry }: Pick<RollbackDeps, 'registry'>,
  pointer: ModelPointer,
): ModelRegistry {
  return pointerText(registry.pointer) === pointerText(pointer)
    ? registry
    : registry.through(pointer);
}

/** The same parts, with the registry for the pointer of a plan (`alias:champion`). */
export function throughPointer(deps: RollbackDeps, pointer: string): RollbackDeps {
  return { ...deps, registry: registryFor(deps, parsePointer(pointer, 'pointer')) };
}
