import { limits } from '../limits.ts';
import { partOf } from '../part-of.ts';
import { type ModelPointer, parsePointer } from '../registry/pointer.ts';
import { next } from '../revision.ts';
import type { LiveEntry } from './model-state.ts';

/**
 * The live log: each change of a pointer that we learned of, kept for ever, which MLflow does not do. The
 * latest ones stand in the model's state too (`live-history.ts`), where a plan finds them.
 */
export interface LiveLogEntry {
  readonly modelName: string;
  /** `stage:Production`, `alias:champion` */
  readonly pointer: string;
  /** Null: the pointer ceased to name a version. */
  readonly version: string | null;
  /** The first moment that this is known to have been so (epoch ms). */
  readonly atMs: number;
  /** It became so after this (epoch ms); null where that is not known. */
  readonly notBeforeMs: number | null;
  /** The words of a LiveEntry, and `baseline`: read for the first time, and live since nobody knows when. */
  readonly how: string;
  /** So much time lies between the two that others may have been live in between. */
  readonly hasGap: boolean;
  /** The rollback, or the delivery of a webhook, that it is known by; null for a reading of ours. */
  readonly source: string | null;
}

/** The name of an entry among those of its model, which are in the order of time by it. */
export function liveLogName({ atMs, how, pointer, version, source }: LiveLogEntry): string {
  const time = String(atMs).padStart(15, '0');
  // What was seen before a move may have the time of the move.
  return [time, how === 'seen' ? 0 : 1, pointer, version ?? '', source?.slice(-16) ?? ''].join('#');
}

/** What a pointer named when it was last read. */
export interface Head {
  /** Null: nothing. */
  readonly version: string | null;
  /** The reading began then (epoch ms). */
  readonly atMs: number;
}

/** By the name of a registered model, then by the text of a pointer. */
export type Heads = Readonly<Record<string, Readonly<Record<string, Head>>>>;

/** How far observing came. */
export interface ObserveCursor {
  /** Asks the registry for the next page; null for the first. */
  readonly next: string | null;
  /** No sweep observes before this (epoch ms). */
  readonly notBeforeMs: number;
  readonly passBeganAtMs: number;
  /** How long the last whole pass took, from its begin to the next one's (ms); 0 before the first. */
  readonly passMs: number;
}

/** One of the items that the heads of all models are spread over; the cursor has one of its own. */
export interface HeadsItem {
  readonly part: string;
  readonly revision: number;
  readonly heads: Heads;
  /** Pointers that policies name, by model: so observing needs no state of each. Absent while there are none. */
  readonly policies?: Readonly<Record<string, string>>;
  /** In the part `cursor` only. */
  readonly cursor?: ObserveCursor;
}

export const cursorPart = 'cursor';

/** The parts that heads are spread over: some hundred models each where there are ten thousand. */
export const headParts: readonly string[] = Array.from({ length: limits.headParts }, (_, index) =>
  String(index).padStart(2, '0'),
);

/** Where the heads of a model are. */
export function headPartOf(modelName: string): string {
  return headParts[partOf(modelName, headParts.length)] ?? '00';
}

/** A part that was never written. */
export function newHeadsItem(part: string): HeadsItem {
  return { part, revision: 0, heads: {} };
}

/** What is known of a model's pointers from the reading before; nothing for a model that is new. */
export function headsOf(item: HeadsItem | undefined, modelName: string): Heads[string] {
  const heads = item?.heads ?? {};
  return (Object.hasOwn(heads, modelName) ? heads[modelName] : undefined) ?? {};
}

/** The pointers that policies name, by model. */
export function policyPointers(items: Iterable<HeadsItem>): ReadonlyMap<string, ModelPointer> {
  const entries = [...items].flatMap(({ policies = {} }) => Object.entries(policies));
  return new Map(entries.map(([modelName, text]) => [modelName, parsePointer(text, 'pointer')]));
}

/**
 * The item that knows which pointer the policy of a model names.
 * @param pointer undefined: none
 * @returns null when it knows that already
 */
export function withPolicyPointer(
  item: HeadsItem,
  modelName: string,
  pointer: string | undefined,
): HeadsItem | null {
  const { policies = {}, ...rest } = item;
  const before = Object.entries(policies).find(([name]) => name === modelName)?.[1];
  if (before === pointer) return null;
  const others = Object.entries(policies).filter(([name]) => name !== modelName);
  const entries = pointer === undefined ? others : [...others, [modelName, pointer]];
  return next(entries.length === 0 ? rest : { ...rest, policies: Object.fromEntries(entries) });
}

/** What a change of the history in a model's state adds to its live log. */
export function logEntries(
  { modelName, pointer }: Pick<LiveLogEntry, 'modelName' | 'pointer'>,
  before: readonly LiveEntry[],
  after: readonly LiveEntry[],
  source: string | null,
): readonly LiveLogEntry[] {
  return after
    .filter((entry) => !before.includes(entry))
    .map(({ version, atMs, notBeforeMs, how, hasGap }) => ({
      modelName,
      pointer,
      version: how === 'deleted' ? null : version,
      atMs,
      notBeforeMs: notBeforeMs ?? null,
      how,
      hasGap: hasGap === true,
      source,
    }));
}
