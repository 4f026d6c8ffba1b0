import {
  type AttributeValue,
  BatchGetItemCommand,
  type BatchGetItemCommandOutput,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  type PutItemCommandInput,
  QueryCommand,
  type QueryCommandInput,
  type QueryCommandOutput,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { assert } from '../../domain/assert.ts';
import { isModelRollbackError, StateStoreUnavailableError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import {
  modelNameOf,
  type RollbackRecord,
  type StoreChange,
  shownAtMs,
} from '../../domain/rollback.ts';
import { tableShape } from '../../domain/table-shape.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { Identity } from '../../ports/identity.ts';
import type { DueRecord, RollbackStore, StoreView } from '../../ports/rollback-store.ts';
import { storeError } from './dynamodb-error.ts';
import {
  duePartition,
  fleetItem,
  fleetKey,
  type Item,
  partition,
  readFleetItem,
  readRecordItem,
  readStateItem,
  recordItem,
  recordKey,
  recordPrefix,
  stateItem,
  stateKey,
  timePartition,
} from './rollback-item.ts';

export interface DynamoDBRollbackStoreOptions {
  readonly tableName: string;
  /** Empty when MLflow has no workspaces. */
  readonly workspace: string;
  /** Our clock less the server's at its latest answer (ms); absent where nobody asks. */
  readonly clockSkewMs?: () => number | null;
}

/**
 * State in one DynamoDB table. A change is one conditional write (or one transaction): each item only
 * over the revision that was read.
 *
 *   read at revision 4 ── decide ── write revision 5 if stored is 4 ── lost answer ── SDK sends it again:
 *   stored is 5 by now, so the condition fails; the token on the stored item tells that the 5 is ours.
 */
export class DynamoDBRollbackStore implements RollbackStore {
  readonly #client: DynamoDBClient;
  readonly #identity: Identity;
  readonly #tableName: string;
  readonly #workspace: string;
  readonly #clockSkewMs: () => number | null;

  constructor(client: DynamoDBClient, identity: Identity, options: DynamoDBRollbackStoreOptions) {
    this.#client = client;
    this.#identity = identity;
    this.#tableName = options.tableName;
    this.#workspace = options.workspace;
    this.#clockSkewMs = options.clockSkewMs ?? (() => null);
  }

  async read(modelName: string, rollbackId: string | null, deadline: Deadline): Promise<StoreView> {
    const keys = [
      stateKey(this.#workspace, modelName),
      fleetKey(this.#workspace),
      ...(rollbackId === null
        ? []
        : [recordKey(this.#workspace, modelNameOf(rollbackId), rollbackId)]),
    ];
    const items = await this.#batchGet(keys, deadline);
    const record = items.find((item) => item['sk']?.S !== 'STATE');
    const fleet = items.find((item) => item['pk']?.S === fleetKey(this.#workspace).pk.S);
    const state = items.find((item) => item !== record && item !== fleet);
    return {
      state: state && readStateItem(state),
      record: record && readRecordItem(record),
      fleet: fleet && readFleetItem(fleet),
      clockSkewMs: this.#clockSkewMs(),
    };
  }

  async write(change: StoreChange, deadline: Deadline): Promise<'written' | 'conflict'> {
    const token = this.#identity.random();
    const { state, record, fleet } = change;
    const puts = [
      ...(state === undefined
        ? []
        : [this.#put(stateItem(state, this.#workspace, token), state.revision)]),
      ...(record === undefined
        ? []
        : [this.#put(recordItem(record, this.#workspace, token), record.revision)]),
      ...(fleet === undefined
        ? []
        : [this.#put(fleetItem(fleet, this.#workspace, token), fleet.revision)]),
    ];
    const [first, ...others] = puts;
    assert(first !== undefined, 'a change holds an item');
    try {
      if (others.length === 0)
        await this.#send(deadline, (to) => this.#client.send(new PutItemCommand(first), to));
      else {
        const transaction = new TransactWriteItemsCommand({
          ClientRequestToken: token,
          TransactItems: puts.map((put) => ({ Put: put })),
        });
        await this.#send(deadline, (to) => this.#client.send(transaction, to));
      }
      return 'written';
    } catch (error) {
      const blocking = blockingItems(error);
      if (blocking === null) throw this.#error(error);
      const isOurs =
        blocking.length > 0 && blocking.every((item) => item?.['write_token']?.S === token);
      return isOurs ? 'written' : 'conflict';
    }
  }

  async list(modelName: string | null, deadline: Deadline): Promise<readonly RollbackRecord[]> {
    if (modelName === null) {
      const { byTime } = tableShape;
      const items = await this.#query(
        {
          IndexName: byTime.name,
          KeyConditionExpression: '#hash = :hash',
          ExpressionAttributeNames: { '#hash': byTime.partitionKey },
          ExpressionAttributeValues: { ':hash': { S: timePartition(this.#workspace) } },
          ScanIndexForward: false,
        },
        limits.historyRowsMax,
        deadline,
      );
      return items.map(readRecordItem);
    }
    const items = await this.#query(
      {
        ConsistentRead: true,
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
        ExpressionAttributeValues: {
          ':pk': { S: partition(this.#workspace, modelName) },
          ':prefix': { S: recordPrefix },
        },
      },
      limits.historyRowsMax,
      deadline,
    );
    return items.map(readRecordItem).toSorted((a, b) => shownAtMs(b) - shownAtMs(a));
  }

  async listDue(nowMs: number, limit: number, deadline: Deadline): Promise<readonly DueRecord[]> {
    const { due } = tableShape;
    const items = await this.#query(
      {
        IndexName: due.name,
        KeyConditionExpression: '#hash = :hash AND #at <= :now',
        ExpressionAttributeNames: { '#hash': due.partitionKey, '#at': due.sortKey },
        ExpressionAttributeValues: {
          ':hash': { S: duePartition(this.#workspace) },
          ':now': { N: String(nowMs) },
        },
      },
      limit,
      deadline,
    );
    return items.map((item) => ({
      id: (item['sk']?.S ?? '').slice(recordPrefix.length),
      dueAtMs: Number(item[due.sortKey]?.N ?? nowMs),
    }));
  }

  close(): void {
    this.#client.destroy();
  }

  #put(item: Item, revision: number): PutItemCommandInput & { Item: Item } {
    const isFirst = revision === 1;
    return {
      TableName: this.#tableName,
      Item: item,
      ConditionExpression: isFirst ? 'attribute_not_exists(pk)' : 'revision = :before',
      ...(isFirst ? {} : { ExpressionAttributeValues: { ':before': { N: String(revision - 1) } } }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    };
  }

  async #batchGet(keys: Record<string, AttributeValue>[], deadline: Deadline): Promise<Item[]> {
    const found: Item[] = [];
    let request: BatchGetItemCommandOutput['UnprocessedKeys'] = {
      [this.#tableName]: { Keys: keys, ConsistentRead: true },
    };
    for (let attempt = 1; attempt <= limits.readAttemptsMax; attempt += 1) {
      const command = new BatchGetItemCommand({ RequestItems: request });
      const output: BatchGetItemCommandOutput = await this.#read(deadline, (to) =>
        this.#client.send(command, to),
      );
      found.push(...Object.values(output.Responses ?? {}).flat());
      request = output.UnprocessedKeys ?? {};
      if (Object.keys(request).length === 0) return found;
    }
    throw new StateStoreUnavailableError(
      `The state table "${this.#tableName}" is throttled. Try again.`,
    );
  }

  async #query(
    input: Omit<QueryCommandInput, 'TableName'>,
    limit: number,
    deadline: Deadline,
  ): Promise<Item[]> {
    const items: Item[] = [];
    let from: Item | undefined;
    do {
      const command = new QueryCommand({
        TableName: this.#tableName,
        ...input,
        Limit: limit - items.length,
        ...(from === undefined ? {} : { ExclusiveStartKey: from }),
      });
      const output: QueryCommandOutput = await this.#read(deadline, (to) =>
        this.#client.send(command, to),
      );
      items.push(...(output.Items ?? []));
      from = output.LastEvaluatedKey;
    } while (from !== undefined && items.length < limit);
    return items;
  }

  async #read<T>(deadline: Deadline, call: (to: CallOptions) => Promise<T>): Promise<T> {
    try {
      return await this.#send(deadline, call);
    } catch (error) {
      throw this.#error(error);
    }
  }

  /** Bounded by the deadline: the SDK's own retries would go on past it. */
  async #send<T>(deadline: Deadline, call: (to: CallOptions) => Promise<T>): Promise<T> {
    const leftMs = deadline.leftMs();
    if (leftMs <= 0) {
      throw new StateStoreUnavailableError('No time was left for the state table. Try again.');
    }
    const timeoutMs = Math.ceil(Math.min(leftMs, limits.storeTimeoutMs));
    return await call({ abortSignal: AbortSignal.timeout(timeoutMs) });
  }

  #error(error: unknown): unknown {
    return isModelRollbackError(error) ? error : storeError(error, this.#tableName);
  }
}

// ---------------------------------------------------------------------------------------------------

interface CallOptions {
  readonly abortSignal: AbortSignal;
}

/**
 * The items that a lost condition met, or null when the error is something else. A transaction that met
 * another one (`TransactionConflict`) has lost too, without an item.
 */
function blockingItems(error: unknown): (Item | undefined)[] | null {
  if (error instanceof ConditionalCheckFailedException) return [error.Item];
  if (error instanceof Error && error.name === 'TransactionConflictException') return [undefined];
  if (!(error instanceof TransactionCanceledException)) return null;
  const reasons = (error.CancellationReasons ?? []).filter((reason) => reason.Code !== 'None');
  const isLost = reasons.some(
    ({ Code }) => Code === 'ConditionalCheckFailed' || Code === 'TransactionConflict',
  );
  return isLost ? reasons.map((reason) => reason.Item) : null;
}
