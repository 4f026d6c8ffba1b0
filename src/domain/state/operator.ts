import { commandText } from '../command-line.ts';
import { limits } from '../limits.ts';
import { isoTime } from '../registry/model.ts';

/** What a person decided about a model, or about all of them, with who, when and why. */
export interface OperatorAction {
  /** The verb of the command: `freeze`, `release`, … */
  readonly verb: string;
  /** What it was about: `version 3`, `until 2026-01-31T08:00:00.000Z`; empty where the verb says it all. */
  readonly what: string;
  readonly atMs: number;
  /** Null where nobody said. */
  readonly by: string | null;
  readonly reason: string | null;
}

/** No rollback by anybody, until then. */
export interface Freeze {
  readonly untilMs: number;
  readonly atMs: number;
  readonly by: string | null;
  readonly reason: string;
}

/** What people decided; absent while nobody did. */
export interface Decided {
  readonly freeze?: Freeze;
  /** The latest ones, newest last. */
  readonly actions?: readonly OperatorAction[];
}

/** Adds what a person did. */
export function withAction<T extends Decided>(item: T, action: OperatorAction): T {
  return { ...item, actions: [...(item.actions ?? []), action].slice(-limits.actionsMax) };
}

/** The freeze that holds now; null when there is none, or when it has ended. */
export function freezeNow({ freeze }: Decided, nowMs: number): Freeze | null {
  return freeze !== undefined && freeze.untilMs > nowMs ? freeze : null;
}

/**
 * What a freeze is, and until when.
 * @param modelName null: all models are frozen
 */
export function freezeText(freeze: Freeze, modelName: string | null): string {
  const by = freeze.by === null ? '' : ` by ${freeze.by}`;
  return (
    `${modelName === null ? 'All models are' : 'The model is'} frozen until ${isoTime(freeze.untilMs)}${by}: ` +
    `${freeze.reason}`
  );
}

/** The command that ends a freeze. */
export function unfreezeText(modelName: string | null): string {
  return modelName === null
    ? commandText('unfreeze', [], { fleet: true })
    : commandText('unfreeze', [modelName]);
}
