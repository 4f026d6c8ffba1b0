import * as v from 'valibot';
import { StateCorruptError } from '../errors.ts';
import type { WithPolicy } from '../request/policy.ts';
import type { FleetState } from '../state/fleet.ts';
import type { HeadsItem, LiveLogEntry } from '../state/live-log.ts';
import type { ModelState } from '../state/model-state.ts';
import { isFirstForm, storedAlarm } from './alarm-shape.ts';
import { headsShape, liveLogShape } from './live-log-shape.ts';
import type { OutboxNotice } from './outbox.ts';
import type { RollbackRecord } from './record.ts';
import { fleetShape, noticeShape, recordShape, stateShape } from './stored-shape.ts';

/**
 * The stored form of items: JSON text, the same in every store. What is read is checked at once and in
 * full, so that an item that was edited by hand, or that only a later release can read, stops here with the
 * name of the item and the field, and not half way through a rollback.
 *
 * Releases work side by side on one table. Two numbers say who may read an item:
 *
 *   schema      1: exactly the form of release 0.1.0, which reads strictly and refuses anything else.
 *               2: open; a reader keeps fields that it does not know, and writes them back.
 *   min_reader  the least reader that understands all that decides how to go on; absent: any that reads
 *               schema 2. A release that adds a field which restricts what may be done, or a status, a kind
 *               of claim or the like, raises it for the items that hold one.
 *
 * An item that uses nothing newer than 0.1.0 is written with schema 1.
 */
export function encodeState(state: ModelState): string {
  const { released, ...rest } = state;
  const isPlain =
    released.length === 0 &&
    isUndecided(state) &&
    state.pointers === undefined &&
    state.quarantine.every((entry) => !('earlierRollbacks' in entry || 'byHand' in entry)) &&
    state.liveHistory.every(
      (entry) => first.hows.includes(entry.how) && entry.notBeforeMs === undefined,
    );
  return isPlain ? encode(1, rest) : encode(2, state, leastReaderOf(state));
}

export function encodeRecord(record: RollbackRecord): string {
  const { plan, alarm } = record;
  // Of a guard that 0.1.0 does not have, only that it passed is left out.
  const guards = plan?.guards.filter(
    ({ code, verdict }) => verdict !== 'passed' || first.codes.includes(code),
  );
  const plain = {
    ...record,
    alarm: alarm && storedAlarm(alarm),
    plan: plan && { ...plan, guards },
  };
  // An earlier reader would finish a promotion as a rollback.
  const isPromotion = record.request.promotes === true;
  return encode(isPlainRecord(record) ? 1 : 2, plain, isPromotion ? reader : undefined);
}

export function encodeFleet(fleet: FleetState): string {
  return isUndecided(fleet) ? encode(1, fleet) : encode(2, fleet, leastReaderOf(fleet));
}

/** Notices came after release 0.1.0, which never reads them. */
export function encodeNotice(notice: OutboxNotice): string {
  return encode(2, notice);
}

/** The live log, and the heads beside it, came after release 0.1.0 too. */
export function encodeLiveLogEntry(entry: LiveLogEntry): string {
  return encode(2, entry);
}

export function encodeHeads(item: HeadsItem): string {
  return encode(2, item);
}

/** @throws StateCorruptError naming the item and the field */
export function decodeModelState(text: string, itemName: string): ModelState {
  return decode(stateShape, text, itemName);
}

/** @throws StateCorruptError naming the item and the field */
export function decodeRollbackRecord(text: string, itemName: string): RollbackRecord {
  return decode(recordShape, text, itemName);
}

/** @throws StateCorruptError naming the item and the field */
export function decodeFleetState(text: string, itemName: string): FleetState {
  return decode(fleetShape, text, itemName);
}

/** @throws StateCorruptError naming the item and the field */
export function decodeNotice(text: string, itemName: string): OutboxNotice {
  return decode(noticeShape, text, itemName);
}

/** @throws StateCorruptError naming the item and the field */
export function decodeLiveLogEntry(text: string, itemName: string): LiveLogEntry {
  return decode(liveLogShape, text, itemName);
}

/** @throws StateCorruptError naming the item and the field */
export function decodeHeads(text: string, itemName: string): HeadsItem {
  return decode(headsShape, text, itemName);
}

// ---------------------------------------------------------------------------------------------------

/** What this release understands; 4 since promotions have records. */
const reader = 4;

/** The first one that knows a freeze, a pause by a person and the policy of a model. */
const decisionsReader = 3;

type DecidedItem = Pick<ModelState | FleetState, 'pause' | 'freeze' | 'actions'> & WithPolicy;

/** True when no person decided anything that release 0.1.0 does not know. */
function isUndecided({ pause, freeze, actions, policy }: DecidedItem): boolean {
  const restrictions = [freeze, actions, policy];
  return restrictions.every((one) => one === undefined) && pause?.why !== 'operator';
}

/** An earlier reader would overlook what restricts a rollback. */
function leastReaderOf({ pause, freeze, policy }: DecidedItem): number | undefined {
  const isRestricted = freeze !== undefined || policy !== undefined || pause?.why === 'operator';
  return isRestricted ? decisionsReader : undefined;
}

/** The words of release 0.1.0, which knows no others. */
const first: Readonly<Record<'codes' | 'rules' | 'sources' | 'ends' | 'hows', readonly string[]>> =
  {
    codes: [
      'COOLDOWN',
      'LIVE_VERSION_CHANGED',
      'NO_LIVE_VERSION',
      'QUARANTINED',
      'TARGET_UNFIT',
      'FROZEN',
      'PAUSED',
      'NOT_THE_CAUSE',
      'SEVERAL_LIVE_VERSIONS',
    ],
    rules: ['explicit', 'also-live', 'displaced', 'recorded', 'archived-below', 'latest-archived'],
    sources: ['dimension', 'contributor', 'children', 'tag', 'map'],
    ends: [
      'recovered',
      'pointer-moved',
      'approved',
      'expired',
      'ignored',
      'handed-on',
      'unreadable',
    ],
    hows: ['seen', 'made'],
  };

function isPlainRecord({ plan, request, watch, alarm, serving }: RollbackRecord): boolean {
  const { rule = null, guards = [] } = plan ?? {};
  const source = alarm?.modelSource ?? null;
  return (
    (alarm === null || isFirstForm(alarm)) &&
    alarm?.transition.unconfirmedFrom === undefined &&
    guards.every(({ code, verdict }) => verdict === 'passed' || first.codes.includes(code)) &&
    request.overrides.every((code) => first.codes.includes(code)) &&
    plan?.unreadBelow === undefined &&
    (plan === null || plan.pointer === 'stage:Production') &&
    request.pointer === undefined &&
    request.undoes === undefined &&
    request.promotes === undefined &&
    serving === undefined &&
    (rule === null || first.rules.includes(rule)) &&
    (source === null || first.sources.includes(source)) &&
    (watch.kind !== 'closed' || (watch.by === undefined && first.ends.includes(watch.why)))
  );
}

function encode(schema: 1 | 2, item: object, leastReader?: number): string {
  // Undefined is left out.
  return JSON.stringify({ schema, min_reader: leastReader, ...item });
}

const frameShape = v.looseObject({ schema: v.number(), min_reader: v.optional(v.number(), 0) });

function decode<T extends object>(
  shape: v.GenericSchema<unknown, T>,
  text: string,
  itemName: string,
): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw corrupt(itemName, 'it is not JSON', cause);
  }
  const frame = v.safeParse(frameShape, value);
  if (!frame.success) throw corrupt(itemName, issueText(frame.issues[0]));
  const { schema, min_reader: least, ...fields } = frame.output;
  if (schema > 2) throw newer(itemName, `its schema is ${schema}; this release reads 1 and 2`);
  if (least > reader) {
    throw newer(itemName, `it needs a reader ${least} or later; this release is reader ${reader}`);
  }
  const result = v.safeParse(shape, fields);
  if (result.success) return result.output;
  throw corrupt(itemName, issueText(result.issues[0]));
}

function issueText(issue: v.BaseIssue<unknown>): string {
  return `field ${v.getDotPath(issue) ?? '(top)'}: ${issue.message}`;
}

function corrupt(itemName: string, problem: string, cause?: unknown): StateCorruptError {
  return new StateCorruptError(
    `The stored item ${itemName} cannot be read: ${problem}. Nothing was written. ` +
      'Restore it from a backup, or use the version of model-rollback that wrote it.',
    { cause },
  );
}

function newer(itemName: string, problem: string): StateCorruptError {
  return new StateCorruptError(
    `The stored item ${itemName} was written by a later release of model-rollback: ${problem}. ` +
      'Nothing was written. Update model-rollback here.',
  );
}
