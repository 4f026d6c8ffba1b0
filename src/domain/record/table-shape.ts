/**
 * Names of keys, indexes and the TTL attribute of the state table. The command makes a table of this
 * shape, and so does the construct.
 */
export const tableShape = {
  partitionKey: 'pk',
  sortKey: 'sk',
  /** One partition for all models, with whole records in it: what release 0.1.0 reads. */
  byTime: { name: 'by-time', partitionKey: 'by_time_pk', sortKey: 'by_time_sk' },
  /** The same order, spread over shards, and nothing but keys. */
  byTimeSharded: {
    name: 'by-time-sharded',
    partitionKey: 'by_time_shard',
    sortKey: 'by_time_sk',
  },
  /** Its partitions are one for all models, or one for each shard. */
  due: { name: 'due', partitionKey: 'due_pk', sortKey: 'due_at_ms' },
  ttlAttribute: 'expires_at',
} as const;
