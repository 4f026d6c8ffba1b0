import type { AlarmSettings } from '../domain/alarm/alarm-settings.ts';
import type { TargetRuleSetting } from '../domain/decide/target.ts';
import type { AlarmReader } from '../ports/alarm-reader.ts';
import type { Clock } from '../ports/clock.ts';
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
  readonly clock: Clock;
  readonly identity: Identity;
  readonly logger: Logger;
  readonly settings: RollbackSettings;
}

export interface RollbackSettings {
  /** Least time between two rollbacks of one model; 0 switches it off. */
  readonly cooldownMs: number;
  readonly targetRule: TargetRuleSetting;
  /** The longest that a sent write may still take effect, clock skew included. */
  readonly writeHorizonMs: number;
  /**
   * Refuse to write when this machine's clock differs by more from the registry's or the store's; null
   * where somebody else keeps the clock right (Lambda).
   */
  readonly clockSkewMaxMs: number | null;
  readonly alarms: AlarmSettings;
}
