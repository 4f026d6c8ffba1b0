import { limits } from '../../domain/limits.ts';
import { partOf } from '../../domain/part-of.ts';
import { type ListPosition, positionText } from '../../domain/record/list-position.ts';
import { tableShape } from '../../domain/record/table-shape.ts';
import type { DueKind } from '../../ports/rollback-store.ts';
import type { Item } from './rollback-item.ts';

/**
 * Where new entries of the indexes go.
 *
 *   single   one partition for all models, as in release 0.1.0, which finds nothing elsewhere
 *   sharded  spread by the id of the rollback: a partition takes 1,000 write units a second, and a thousand
 *            models at once need more
 *
 * Every reader merges both, so where an entry stands decides only how fast it can be written, and whether
 * 0.1.0 finds it.
 */
export type IndexLayout = 'single' | 'sharded';

/** One partition of an index. */
export interface IndexPartition {
  readonly indexName: string;
  /** Attribute of its key. */
  readonly attribute: string;
  readonly value: string;
  readonly sortKey: string;
}

export interface IndexQuery {
  readonly IndexName: string;
  readonly KeyConditionExpression: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues: Item;
}

/** What places a record in the list of all. */
export function timeAttributes(
  layout: IndexLayout,
  workspace: string,
  position: ListPosition,
): Item {
  const { attribute, value, sortKey } = timePartition(layout, workspace, position.id);
  return { [attribute]: { S: value }, [sortKey]: { S: positionText(position) } };
}

/** What makes a record or a notice due; nothing when it is not. */
export function dueAttributes(
  layout: IndexLayout,
  kind: DueKind,
  workspace: string,
  { id, atMs }: { readonly id: string; readonly atMs: number | null },
): Item {
  if (atMs === null) return {};
  const { attribute, value, sortKey } = duePartition(layout, kind, workspace, id);
  return { [attribute]: { S: value }, [sortKey]: { N: String(atMs) } };
}

/** Of the list of all records; that of `single` first. */
export function timePartitions(layout: IndexLayout, workspace: string): readonly IndexPartition[] {
  return partitions(layout, (shard) => timePartitionOf(shard, workspace));
}

export function duePartitions(
  layout: IndexLayout,
  kind: DueKind,
  workspace: string,
): readonly IndexPartition[] {
  return partitions(layout, (shard) => duePartitionOf(shard, kind, workspace));
}

/** All entries of a partition, in the order of its sort key. */
export function queryOf({ indexName, attribute, value }: IndexPartition): IndexQuery {
  return {
    IndexName: indexName,
    KeyConditionExpression: '#hash = :hash',
    ExpressionAttributeNames: { '#hash': attribute },
    ExpressionAttributeValues: { ':hash': { S: value } },
  };
}

/** The same, of those with a sort key within `condition`, where it is called `#at`. */
export function rangeOf(partition: IndexPartition, condition: string, values: Item): IndexQuery {
  const all = queryOf(partition);
  return {
    ...all,
    KeyConditionExpression: `${all.KeyConditionExpression} AND ${condition}`,
    ExpressionAttributeNames: { ...all.ExpressionAttributeNames, '#at': partition.sortKey },
    ExpressionAttributeValues: { ...all.ExpressionAttributeValues, ...values },
  };
}

/** @param id of the rollback */
export function timePartition(layout: IndexLayout, workspace: string, id: string): IndexPartition {
  return timePartitionOf(shardOf(layout, id), workspace);
}

/** @param id of the rollback, for its notices too */
export function duePartition(
  layout: IndexLayout,
  kind: DueKind,
  workspace: string,
  id: string,
): IndexPartition {
  return duePartitionOf(shardOf(layout, id), kind, workspace);
}

// ---------------------------------------------------------------------------------------------------

/** Its name; null: the one partition of the layout `single`. */
type Shard = string | null;

function shardOf(layout: IndexLayout, id: string): Shard {
  return layout === 'single' ? null : shardName(partOf(id, limits.indexShards));
}

function shardName(shard: number): string {
  return String(shard).padStart(2, '0');
}

function partitions(
  layout: IndexLayout,
  of: (shard: Shard) => IndexPartition,
): readonly IndexPartition[] {
  if (layout === 'single') return [of(null)];
  return Array.from({ length: limits.indexShards }, (_, shard) => of(shardName(shard)));
}

function timePartitionOf(shard: Shard, workspace: string): IndexPartition {
  const { byTime, byTimeSharded } = tableShape;
  const { name, partitionKey, sortKey } = shard === null ? byTime : byTimeSharded;
  const value = partitionName('ROLLBACKS', workspace, shard);
  return { indexName: name, attribute: partitionKey, value, sortKey };
}

/** Notices have some of their own: the sweep of release 0.1.0 does not meet them. */
function duePartitionOf(shard: Shard, kind: DueKind, workspace: string): IndexPartition {
  const { name, partitionKey, sortKey } = tableShape.due;
  const value = partitionName(kind === 'record' ? 'DUE' : 'DUE-NOTICE', workspace, shard);
  return { indexName: name, attribute: partitionKey, value, sortKey };
}

/** A workspace holds no `/`. */
function partitionName(kind: string, workspace: string, shard: Shard): string {
  return `${kind}#${workspace}${shard === null ? '' : `/${shard}`}`;
}
