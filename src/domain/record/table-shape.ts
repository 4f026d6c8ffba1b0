/**
 * Names of keys, indexes and the TTL attribute of the state table. The command makes a table of this
 * shape, and so does the construct.
 */
export const tableShape = {
  partitionKey: 'pk',
  sortKey: 'sk',
  byTime: { name: 'by-time', partitionKey: 'by_time_pk', sortKey: 'by_time_sk' },
  due: { name: 'due', partitionKey: 'due_pk', sortKey: 'due_at_ms' },
  ttlAttribute: 'expires_at',
} as const;
