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
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { Identity } from '../../ports/identity.ts';
import { storeError } from './dynamodb-error.ts';
import type { Item } from './rollback-item.ts';

/** An item, and what must be stored in its place for it to be written. */
export interface ConditionalPut {
  readonly item: Item;
  /** Null: nothing may be there. */
  readonly over:
    | { readonly attribute: 'revision' | 'write_token'; readonly value: AttributeValue }
    | 'anything'
    | null;
}

export interface QueryPage {
  readonly items: readonly Item[];
  /** Undefined on the last page. */
  readonly next: Item | undefined;
}

/** The calls of one table: each bounded by its deadline, throttled keys asked for again, errors as ours. */
export class TableCalls {
  readonly #client: DynamoDBClient;
  readonly #tableName: string;
  readonly #clock: Clock;
  readonly #identity: Identity;

  constructor(client: DynamoDBClient, tableName: string, clock: Clock, identity: Identity) {
    this.#client = client;
    this.#tableName = tableName;
    this.#clock = clock;
    this.#identity = identity;
  }

  /** Those of `keys` that exist; in one consistent read for at most 100. */
  async get(keys: readonly Item[], deadline: Deadline): Promise<Item[]> {
    const found: Item[] = [];
    for (let from = 0; from < keys.length; from += limits.batchKeysMax) {
      found.push(...(await this.#getBatch(keys.slice(from, from + limits.batchKeysMax), deadline)));
    }
    return found;
  }

  /**
   * At most `limit` items, through all the pages that they take.
   * @param read undefined for an item that is passed over
   */
  async query<T>(
    input: Omit<QueryCommandInput, 'TableName' | 'Limit'>,
    { limit, read }: { readonly limit: number; readonly read: (item: Item) => T | undefined },
    deadline: Deadline,
  ): Promise<T[]> {
    const items: T[] = [];
    let from = input.ExclusiveStartKey;
    do {
      const page = { ...input, ExclusiveStartKey: from };
      const output: QueryPage = await this.queryPage(page, limit - items.length, deadline);
      items.push(...output.items.flatMap((item) => read(item) ?? []));
      from = output.next;
    } while (from !== undefined && items.length < limit);
    return items;
  }

  /** What one call gives. */
  async queryPage(
    input: Omit<QueryCommandInput, 'TableName' | 'Limit'>,
    limit: number | undefined,
    deadline: Deadline,
  ): Promise<QueryPage> {
    const command = new QueryCommand({ TableName: this.#tableName, ...input, Limit: limit });
    const output: QueryCommandOutput = await this.#read(deadline, (to) =>
      this.#client.send(command, to),
    );
    return { items: output.Items ?? [], next: output.LastEvaluatedKey };
  }

  /**
   * Writes all items or none.
   * @param token stands on each of the items; distinguishes a lost answer from a lost condition
   */
  async put(
    puts: readonly ConditionalPut[],
    token: string,
    deadline: Deadline,
  ): Promise<'written' | 'conflict'> {
    const [first, ...others] = puts.map((put) => this.#putOf(put));
    assert(first !== undefined, 'a change holds an item');
    try {
      if (others.length === 0) {
        await this.#send(deadline, (to) => this.#client.send(new PutItemCommand(first), to));
      } else {
        const items = [first, ...others].map((put) => ({ Put: put }));
        const transaction = new TransactWriteItemsCommand({
          // The token may come again with other items, after a conflict: that is another transaction.
          ClientRequestToken: this.#identity.digest(JSON.stringify(items)).slice(0, 36),
          TransactItems: items,
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

  async #getBatch(keys: readonly Item[], deadline: Deadline): Promise<Item[]> {
    const found: Item[] = [];
    let request: BatchGetItemCommandOutput['UnprocessedKeys'] = {
      [this.#tableName]: { Keys: [...keys], ConsistentRead: true },
    };
    for (let attempt = 1; ; attempt += 1) {
      const command = new BatchGetItemCommand({ RequestItems: request });
      const output: BatchGetItemCommandOutput = await this.#read(deadline, (to) =>
        this.#client.send(command, to),
      );
      found.push(...Object.values(output.Responses ?? {}).flat());
      request = output.UnprocessedKeys ?? {};
      if (Object.keys(request).length === 0) return found;
      if (attempt >= limits.unprocessedAttemptsMax) break;
      // The table is throttled: asking again at once would keep it so.
      await this.#clock.sleep(this.#backoffMs(attempt));
    }
    throw new StateStoreUnavailableError(
      `The state table "${this.#tableName}" is throttled. Try again.`,
    );
  }

  #backoffMs(attempt: number): number {
    const byte = Number.parseInt(this.#identity.digest(this.#identity.random()).slice(0, 2), 16);
    return limits.unprocessedBackoffMs * 2 ** (attempt - 1) * (0.5 + byte / 512);
  }

  #putOf({ item, over }: ConditionalPut): PutItemCommandInput & { Item: Item } {
    const put = { TableName: this.#tableName, Item: item };
    if (over === 'anything') return put;
    return {
      ...put,
      ...(over === null
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : {
            ConditionExpression: `${over.attribute} = :before`,
            ExpressionAttributeValues: { ':before': over.value },
          }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    };
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
