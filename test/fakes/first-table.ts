import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';

/** The state table as `create-table` of release 0.1.0 made it. */
export function firstTable(TableName: string): CreateTableCommandInput {
  const key = (hash: string, range: string): CreateTableCommandInput['KeySchema'] => [
    { AttributeName: hash, KeyType: 'HASH' },
    { AttributeName: range, KeyType: 'RANGE' },
  ];
  return {
    TableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      ...['pk', 'sk', 'by_time_pk', 'by_time_sk', 'due_pk'].map(
        (AttributeName) => ({ AttributeName, AttributeType: 'S' }) as const,
      ),
      { AttributeName: 'due_at_ms', AttributeType: 'N' },
    ],
    KeySchema: key('pk', 'sk'),
    GlobalSecondaryIndexes: [
      {
        IndexName: 'by-time',
        KeySchema: key('by_time_pk', 'by_time_sk'),
        Projection: { ProjectionType: 'ALL' },
      },
      {
        IndexName: 'due',
        KeySchema: key('due_pk', 'due_at_ms'),
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ],
  };
}
