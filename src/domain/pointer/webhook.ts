import * as v from 'valibot';
import { InvalidRequestError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Head } from '../state/live-log.ts';
import type { LiveEntry } from '../state/model-state.ts';

/** A change of an alias, as MLflow's webhooks report it (3.3 and later); stages have none. */
export interface AliasChange {
  readonly modelName: string;
  readonly alias: string;
  /** Null: the alias was deleted. */
  readonly version: string | null;
  /** When the registry made it, by its clock (epoch ms). */
  readonly atMs: number;
  /** The same for every try of one delivery. */
  readonly deliveryId: string;
}

const text = v.pipe(v.string(), v.nonEmpty(), v.maxLength(limits.textLengthMax));
const message = v.looseObject({
  entity: v.string(),
  action: v.string(),
  timestamp: v.pipe(
    v.string(),
    v.transform((time) => Date.parse(time)),
    v.number(),
    v.minValue(0),
    v.maxValue(limits.timeMaxMs),
  ),
  data: v.looseObject({
    name: text,
    alias: text,
    version: v.exactOptional(v.pipe(v.string(), v.regex(/^[1-9][0-9]{0,14}$/))),
  }),
});

/**
 * Reads the body of a delivery. Whether it may be believed is judged before, by its signature.
 * @param deliveryId the header `X-MLflow-Delivery-Id`
 * @returns null for what is no change of an alias: other events, and those of a later release
 * @throws InvalidRequestError for a body that is none of MLflow's
 */
export function parseAliasChange(body: unknown, deliveryId: string): AliasChange | null {
  const frame = v.safeParse(v.looseObject({ entity: v.string(), action: v.string() }), body);
  if (!frame.success) throw notMlflow(frame.issues[0]);
  const { entity, action } = frame.output;
  if (entity !== 'model_version_alias' && entity !== 'prompt_alias') return null;
  if (action !== 'created' && action !== 'deleted') return null;
  const read = v.safeParse(message, body);
  if (!read.success) throw notMlflow(read.issues[0]);
  const { timestamp: atMs, data } = read.output;
  const version = action === 'deleted' ? null : data.version;
  if (version === undefined)
    throw new InvalidRequestError('This is no webhook of MLflow: no version.');
  return { modelName: data.name, alias: data.alias, version, atMs, deliveryId };
}

/**
 * The history with a change in its place: deliveries come late, and in any order.
 * @param head what the pointer named when it was read shortly before; null where that is not known
 * @returns the same history when it has the change already
 */
export function withAliasChange(
  history: readonly LiveEntry[],
  { version, atMs }: Pick<AliasChange, 'version' | 'atMs'>,
  head: Head | null,
): readonly LiveEntry[] {
  const place = history.findLastIndex((entry) => entry.atMs <= atMs) + 1;
  const [recorded, after] = [history[place - 1], history[place]];
  const isNews = head !== null && head.atMs <= atMs && head.atMs > (recorded?.atMs ?? 0);
  const seen: LiveEntry | undefined =
    isNews && head.version !== null && head.version !== recorded?.version
      ? { version: head.version, atMs: head.atMs, how: 'seen' }
      : undefined;
  const before = seen ?? recorded;
  const isSame = (entry: LiveEntry | undefined): boolean =>
    entry !== undefined && (entry.how === 'deleted' ? null : entry.version) === version;
  // A reading of ours saw it later, or the alias was set to the same version once more.
  if (isSame(before) || isSame(after)) return history;
  const named = version ?? before?.version;
  // What an alias named before it was deleted is not known: then there is nothing to note.
  if (named === undefined) return history;
  const how = version === null ? 'deleted' : 'webhook';
  const entry: LiveEntry = { version: named, atMs, notBeforeMs: atMs, how };
  const added = seen === undefined ? [entry] : [seen, entry];
  return history.toSpliced(place, 0, ...added).slice(-limits.liveHistoryMax);
}

// ---------------------------------------------------------------------------------------------------

function notMlflow(issue: v.BaseIssue<unknown>): InvalidRequestError {
  const field = v.getDotPath(issue) ?? 'the body';
  return new InvalidRequestError(`This is no webhook of MLflow: ${field}: ${issue.message}`);
}
