import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { StateCorruptError } from '../../domain/errors.ts';
import type { FleetState } from '../../domain/fleet.ts';
import { responseOf } from '../../domain/response.ts';
import {
  dueAtMs,
  expiresAtMs,
  type ModelState,
  type RollbackRecord,
} from '../../domain/rollback.ts';
import {
  decodeFleetState,
  decodeModelState,
  decodeRollbackRecord,
  encodeItem,
} from '../../domain/stored-item.ts';
import { tableShape } from '../../domain/table-shape.ts';

/**
 * State and records as items. `doc` is the whole truth; the other attributes are what conditions,
 * indexes and TTL need, and what a person wants to see in the console.
 */
export type Item = Record<string, AttributeValue>;

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

/** One item for all models of a workspace. */
export function fleetKey(workspace: string): { pk: AttributeValue.SMember; sk: AttributeValue } {
  return { pk: { S: `FLEET#${workspace}` }, sk: { S: 'STATE' } };
}

export const recordPrefix = 'ROLLBACK#';

/** Names of models and workspaces cannot be mixed up: a workspace holds no `/`. */
export function partition(workspace: string, modelName: string): string {
  return `MODEL#${workspace}/${modelName}`;
}

export function stateItem(state: ModelState, workspace: string, writeToken: string): Item {
  return {
    ...stateKey(workspace, state.modelName),
    revision: { N: String(state.revision) },
    write_token: { S: writeToken },
    doc: { S: encodeItem(state) },
    model_name: { S: state.modelName },
    rollback_count: { N: String(state.rollbackCount) },
  };
}

export function fleetItem(fleet: FleetState, workspace: string, writeToken: string): Item {
  return {
    ...fleetKey(workspace),
    revision: { N: String(fleet.revision) },
    write_token: { S: writeToken },
    doc: { S: encodeItem(fleet) },
  };
}

export function recordItem(record: RollbackRecord, workspace: string, writeToken: string): Item {
  const answer = responseOf(record);
  const due = dueAtMs(record);
  const expires = expiresAtMs(record);
  return {
    ...recordKey(workspace, record.modelName, record.id),
    revision: { N: String(record.revision) },
    write_token: { S: writeToken },
    doc: { S: encodeItem(record) },
    model_name: { S: record.modelName },
    outcome: { S: answer.outcome },
    timestamp: { S: answer.timestamp },
    ...(answer.from_version === null ? {} : { from_version: { S: answer.from_version } }),
    ...(answer.to_version === null ? {} : { to_version: { S: answer.to_version } }),
    [tableShape.byTime.partitionKey]: { S: timePartition(workspace) },
    [tableShape.byTime.sortKey]: {
      S: `${answer.timestamp}#${record.id}`,
    },
    ...(due === null
      ? {}
      : {
          [tableShape.due.partitionKey]: { S: duePartition(workspace) },
          [tableShape.due.sortKey]: { N: String(due) },
        }),
    ...(expires === null
      ? {}
      : { [tableShape.ttlAttribute]: { N: String(Math.ceil(expires / 1000)) } }),
  };
}

export function timePartition(workspace: string): string {
  return `ROLLBACKS#${workspace}`;
}

export function duePartition(workspace: string): string {
  return `DUE#${workspace}`;
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

// ---------------------------------------------------------------------------------------------------

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

/** Conditions look at the attribute, decisions at the document: they must not differ. */
function requireRevision(item: Item, name: string, revision: number): void {
  if (item['revision']?.N === String(revision)) return;
  throw new StateCorruptError(
    `The stored item ${name} cannot be read: field revision: it differs from the one in doc. ` +
      'Nothing was written.',
  );
}
