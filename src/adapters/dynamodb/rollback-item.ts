import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { responseOf } from '../../domain/answer/response.ts';
import { StateCorruptError } from '../../domain/errors.ts';
import { dueAtMs, expiresAtMs, noticeDueAtMs, noticeExpiresAtMs } from '../../domain/record/due.ts';
import { type NoticeTopic, noticeTopics } from '../../domain/record/notice-content.ts';
import type { OutboxNotice } from '../../domain/record/outbox.ts';
import { modelNameOf, type RollbackRecord, shownAtMs } from '../../domain/record/record.ts';
import {
  decodeFleetState,
  decodeHeads,
  decodeLiveLogEntry,
  decodeModelState,
  decodeNotice,
  decodeRollbackRecord,
  encodeFleet,
  encodeHeads,
  encodeLiveLogEntry,
  encodeNotice,
  encodeRecord,
  encodeState,
} from '../../domain/record/stored-item.ts';
import { tableShape } from '../../domain/record/table-shape.ts';
import type { FleetState } from '../../domain/state/fleet.ts';
import { type HeadsItem, type LiveLogEntry, liveLogName } from '../../domain/state/live-log.ts';
import type { ModelState } from '../../domain/state/model-state.ts';
import type { DueItem } from '../../ports/rollback-store.ts';
import { dueAttributes, type IndexLayout, timeAttributes } from './index-entries.ts';

/**
 * State and records as items. `doc` is the whole truth; the other attributes are what conditions,
 * indexes and TTL need, and what a person wants to see in the console.
 */
export type Item = Record<string, AttributeValue>;

/** Where an item is written, and where its index entries go. */
export interface ItemPlace {
  readonly workspace: string;
  readonly layout: IndexLayout;
}

export interface ItemKeys {
  readonly pk: AttributeValue;
  readonly sk: AttributeValue;
}

export function stateKey(workspace: string, modelName: string): ItemKeys & Item {
  return { pk: { S: partition(workspace, modelName) }, sk: { S: 'STATE' } };
}

export function recordKey(workspace: string, modelName: string, id: string): ItemKeys & Item {
  return { pk: { S: partition(workspace, modelName) }, sk: { S: `${recordPrefix}${id}` } };
}

export function noticeKey(workspace: string, id: string, topic: NoticeTopic): ItemKeys & Item {
  const modelName = modelNameOf(id);
  // The name stands in the partition key already; a sort key has 1,024 bytes at most.
  const sk = { S: `NOTICE#${id.slice(modelName.length + 1)}#${topic}` };
  return { pk: { S: partition(workspace, modelName) }, sk };
}

/** One item for all models of a workspace. */
export function fleetKey(workspace: string): { pk: AttributeValue.SMember; sk: AttributeValue } {
  return { pk: { S: `FLEET#${workspace}` }, sk: { S: 'STATE' } };
}

/** Each in a partition of its own: with thousands of models they are large. */
export function headsKey(workspace: string, part: string): ItemKeys & Item {
  return { pk: { S: `HEADS#${workspace}#${part}` }, sk: { S: 'STATE' } };
}

/** True when an item has these keys. */
export function isSameItem(item: Item, { pk, sk }: Item): boolean {
  return item['pk']?.S === pk?.S && item['sk']?.S === sk?.S;
}

export const recordPrefix = 'ROLLBACK#';
export const livePrefix = 'LIVE#';

/** Names of models and workspaces cannot be mixed up: a workspace holds no `/`. */
export function partition(workspace: string, modelName: string): string {
  return `MODEL#${workspace}/${modelName}`;
}

export function stateItem(state: ModelState, workspace: string, writeToken: string): Item {
  return {
    ...stateKey(workspace, state.modelName),
    revision: { N: String(state.revision) },
    write_token: { S: writeToken },
    doc: { S: encodeState(state) },
    model_name: { S: state.modelName },
    rollback_count: { N: String(state.rollbackCount) },
  };
}

export function fleetItem(fleet: FleetState, workspace: string, writeToken: string): Item {
  return {
    ...fleetKey(workspace),
    revision: { N: String(fleet.revision) },
    write_token: { S: writeToken },
    doc: { S: encodeFleet(fleet) },
  };
}

export function recordItem(
  record: RollbackRecord,
  { workspace, layout }: ItemPlace,
  writeToken: string,
): Item {
  const answer = responseOf(record);
  const due = dueAtMs(record);
  const expires = expiresAtMs(record);
  return {
    ...recordKey(workspace, record.modelName, record.id),
    revision: { N: String(record.revision) },
    write_token: { S: writeToken },
    doc: { S: encodeRecord(record) },
    model_name: { S: record.modelName },
    outcome: { S: answer.outcome },
    timestamp: { S: answer.timestamp },
    ...(answer.from_version === null ? {} : { from_version: { S: answer.from_version } }),
    ...(answer.to_version === null ? {} : { to_version: { S: answer.to_version } }),
    ...timeAttributes(layout, workspace, { atMs: shownAtMs(record), id: record.id }),
    ...dueAttributes(layout, 'record', workspace, { id: record.id, atMs: due }),
    ...ttlAttribute(expires),
  };
}

export function noticeItem(notice: OutboxNotice, { workspace, layout }: ItemPlace): Item {
  const due = { id: notice.rollbackId, atMs: noticeDueAtMs(notice) };
  return {
    ...noticeKey(workspace, notice.rollbackId, notice.topic),
    write_token: { S: notice.token },
    doc: { S: encodeNotice(notice) },
    ...dueAttributes(layout, 'notice', workspace, due),
    ...ttlAttribute(noticeExpiresAtMs(notice)),
  };
}

/** Whatever is there, an equal one: its name says all of it. */
export function liveItem(entry: LiveLogEntry, workspace: string, writeToken: string): Item {
  return {
    pk: { S: partition(workspace, entry.modelName) },
    sk: { S: `${livePrefix}${liveLogName(entry)}` },
    write_token: { S: writeToken },
    doc: { S: encodeLiveLogEntry(entry) },
  };
}

export function headsItem(heads: HeadsItem, workspace: string, writeToken: string): Item {
  return {
    ...headsKey(workspace, heads.part),
    revision: { N: String(heads.revision) },
    write_token: { S: writeToken },
    doc: { S: encodeHeads(heads) },
  };
}

/** What a row of the index of due work names; undefined for what only a later release knows. */
export function readDueItem(item: Item, workspace: string): DueItem | undefined {
  const key = item['sk']?.S ?? '';
  const atMs = Number(item[tableShape.due.sortKey]?.N ?? 0);
  if (key.startsWith(recordPrefix)) {
    return { id: key.slice(recordPrefix.length), topic: null, dueAtMs: atMs };
  }
  const [, suffix, word] = /^NOTICE#(\w+)#([\w-]+)$/.exec(key) ?? [];
  const topic = noticeTopics.find((known) => known === word);
  if (suffix === undefined || topic === undefined) return undefined;
  const modelName = (item['pk']?.S ?? '').slice(partition(workspace, '').length);
  return { id: `${modelName}/${suffix}`, topic, dueAtMs: atMs };
}

/** @throws StateCorruptError */
export function readNoticeItem(item: Item): OutboxNotice {
  const name = itemName(item);
  const notice = decodeNotice(docOf(item, name), name);
  if (item['write_token']?.S === notice.token) return notice;
  throw new StateCorruptError(
    `The stored item ${name} cannot be read: field write_token: it differs from the one in doc. ` +
      'Nothing was written.',
  );
}

/** @throws StateCorruptError */
export function readStateItem(item: Item): ModelState {
  const name = itemName(item);
  const state = decodeModelState(docOf(item, name), name);
  requireRevision(item, name, state.revision);
  return state;
}

/** @throws StateCorruptError */
export function readFleetItem(item: Item): FleetState {
  const name = itemName(item);
  const fleet = decodeFleetState(docOf(item, name), name);
  requireRevision(item, name, fleet.revision);
  return fleet;
}

/** @throws StateCorruptError */
export function readRecordItem(item: Item): RollbackRecord {
  const name = itemName(item);
  const record = decodeRollbackRecord(docOf(item, name), name);
  requireRevision(item, name, record.revision);
  return record;
}

/** @throws StateCorruptError */
export function readLiveItem(item: Item): LiveLogEntry {
  const name = itemName(item);
  return decodeLiveLogEntry(docOf(item, name), name);
}

/** @throws StateCorruptError */
export function readHeadsItem(item: Item): HeadsItem {
  const name = itemName(item);
  const heads = decodeHeads(docOf(item, name), name);
  requireRevision(item, name, heads.revision);
  return heads;
}

// ---------------------------------------------------------------------------------------------------

function ttlAttribute(atMs: number | null): Item {
  return atMs === null ? {} : { [tableShape.ttlAttribute]: { N: String(Math.ceil(atMs / 1000)) } };
}

function itemName(item: Item): string {
  return `${item['pk']?.S ?? '?'} / ${item['sk']?.S ?? '?'}`;
}

function docOf(item: Item, name: string): string {
  const text = item['doc']?.S;
  if (text !== undefined) return text;
  throw new StateCorruptError(
    `The stored item ${name} cannot be read: field doc: it is missing or no string. Nothing was written.`,
  );
}

/** Conditions use the attribute, decisions the document: they must not differ. */
function requireRevision(item: Item, name: string, revision: number): void {
  if (item['revision']?.N === String(revision)) return;
  throw new StateCorruptError(
    `The stored item ${name} cannot be read: field revision: it differs from the one in doc. ` +
      'Nothing was written.',
  );
}
