import type { AlarmSettings } from '../alarm/alarm-settings.ts';
import type { Hook } from '../hook.ts';
import type { ModelAlias, ModelVersion, RegistrySnapshot } from '../registry/model.ts';
import type { RefusalCode, RollbackRequest } from '../request/request.ts';
import type { FleetState } from '../state/fleet.ts';
import type { ModelState } from '../state/model-state.ts';
import type { Fitness } from './fitness.ts';

/** One guard's answer within a plan. A later release may have stored a code that this one does not know. */
export interface GuardReport {
  readonly code: string;
  readonly verdict: 'passed' | 'warning' | 'overridden' | 'refused';
  readonly message: string;
  readonly clearsAtMs: number | null;
}

/** The plan that a person was shown, and confirmed. */
export type ConfirmedPlan =
  /** Nobody was asked. */
  | { readonly kind: 'none' }
  /** It moved nothing, so there was nothing to confirm. */
  | { readonly kind: 'no-move' }
  | { readonly kind: 'move'; readonly live: string | null; readonly to: string | null };

/** What a guard decides from, and what it may answer. */
export interface GuardFacts {
  readonly request: RollbackRequest;
  readonly state: ModelState;
  readonly snapshot: RegistrySnapshot;
  readonly target: ModelVersion | null;
  readonly nowMs: number;
  /** 0 switches the cooldown off. */
  readonly cooldownMs: number;
  readonly confirmed: ConfirmedPlan;
  readonly fleet: FleetState;
  readonly automatic: AutomaticFacts | null;
  /** `stage:Production` */
  readonly pointer: string;
  /** All aliases of the registered model, read only when no version is live. */
  readonly aliases: readonly ModelAlias[];
  readonly fitness: Fitness;
  /** Null: a target of any age. */
  readonly targetMaxAgeMs: number | null;
  /** What is called right before a move; null: nothing is. */
  readonly smokeCheck: Hook | null;
}

/** What only an alarm has to meet; null for the requests of people. */
export interface AutomaticFacts {
  /** When the alarm went to ALARM (epoch ms). */
  readonly alarmAtMs: number;
  readonly settings: AlarmSettings;
  /** Why CloudWatch could not confirm the alarm, a sentence; null when it needs none, or has confirmed it. */
  readonly doubt: string | null;
}

export type GuardAnswer =
  | { readonly kind: 'passed'; readonly message: string }
  | { readonly kind: 'warning'; readonly message: string }
  | {
      readonly kind: 'refusal';
      readonly message: string;
      /** What to do now; left out where the request overrides the guard. */
      readonly fix: string;
      readonly clearsAtMs: number | null;
    };

export interface Guard {
  readonly code: RefusalCode | 'SEVERAL_LIVE_VERSIONS';
  readonly check: (facts: GuardFacts) => GuardAnswer;
}

export function passed(message: string): GuardAnswer {
  return { kind: 'passed', message };
}

/** @param fix what to do now */
export function refused(message: string, fix = '', clearsAtMs: number | null = null): GuardAnswer {
  return { kind: 'refusal', message, fix, clearsAtMs };
}
