import {
  BatchGetItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import type { Item } from '../../src/adapters/dynamodb/rollback-item.ts';
import { tableShape } from '../../src/domain/record/table-shape.ts';

/** What one partition takes in one second, as DynamoDB publishes it. */
export const partitionLimits = { writeUnits: 1_000, readUnits: 3_000 };

/** The most that a partition was asked for in one second. */
export interface Peak {
  readonly partition: string;
  readonly units: number;
}

/**
 * A state table that keeps what is put, and counts the units that each partition of the table and of its
 * indexes would need in each second, by DynamoDB's published rules: a write unit is 1 KB, twice in a
 * transaction; an index is written when its keys or what it projects change, with a delete and a put when its
 * keys do. A throttled index throttles the write to the table.
 */
export class PartitionTable {
  readonly client: DynamoDBClient;
  readonly #items = new Map<string, Item>();
  readonly #nowMs: () => number;
  readonly #writes = new Map<string, number>();
  readonly #reads = new Map<string, number>();

  /** @param nowMs when the next call arrives */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    const send = async (command: object): Promise<object> => this.#answer(command);
    this.client = { send, destroy: () => undefined } as unknown as DynamoDBClient;
  }

  /** Stores an item, and counts nothing. */
  place(item: Item): void {
    this.#items.set(nameOf(item), item);
  }

  /** The busiest second of each partition, the highest first. */
  peaks(kind: 'writes' | 'reads'): readonly Peak[] {
    const most = new Map<string, number>();
    for (const [key, units] of kind === 'writes' ? this.#writes : this.#reads) {
      const partition = key.slice(key.indexOf(' ') + 1);
      most.set(partition, Math.max(most.get(partition) ?? 0, units));
    }
    return [...most]
      .map(([partition, units]) => ({ partition, units }))
      .toSorted((a, b) => b.units - a.units);
  }

  #answer(command: object): object {
    if (command instanceof PutItemCommand) {
      this.#put(command.input.Item ?? {}, 1);
      return {};
    }
    if (command instanceof TransactWriteItemsCommand) {
      for (const { Put: put } of command.input.TransactItems ?? []) this.#put(put?.Item ?? {}, 2);
      return {};
    }
    if (command instanceof BatchGetItemCommand) {
      const asked = Object.entries(command.input.RequestItems ?? {});
      const found = asked.map(([name, { Keys: keys = [] }]) => [
        name,
        keys.map((key) => this.#get(key)).filter((item) => item !== undefined),
      ]);
      return { Responses: Object.fromEntries(found) };
    }
    if (command instanceof QueryCommand) return { Items: [] };
    throw new Error(`not expected here: ${command.constructor.name}`);
  }

  #get(key: Item): Item | undefined {
    const item = this.#items.get(nameOf(key));
    this.#count(this.#reads, `table ${key['pk']?.S}`, unitsOf(item ?? {}, 4_096));
    return item;
  }

  #put(item: Item, factor: 1 | 2): void {
    const before = this.#items.get(nameOf(item));
    this.#items.set(nameOf(item), item);
    const size = Math.max(unitsOf(item), before === undefined ? 0 : unitsOf(before));
    this.#count(this.#writes, `table ${item['pk']?.S}`, factor * size);
    for (const index of indexes) {
      const [old, now] = [before && entryOf(before, index), entryOf(item, index)];
      if (JSON.stringify(old) === JSON.stringify(now)) continue;
      const isMoved = old?.place !== now?.place;
      for (const entry of isMoved ? [old, now] : [now]) {
        if (entry === undefined) continue;
        this.#count(this.#writes, `${index.name} ${entry.partition}`, unitsOf(entry.item));
      }
    }
  }

  #count(counts: Map<string, number>, partition: string, units: number): void {
    const key = `${Math.floor(this.#nowMs() / 1_000)} ${partition}`;
    counts.set(key, (counts.get(key) ?? 0) + units);
  }
}

// ---------------------------------------------------------------------------------------------------

interface Index {
  readonly name: string;
  readonly partitionKey: string;
  readonly sortKey: string;
  readonly isWhole: boolean;
}

const indexes: readonly Index[] = [
  { ...tableShape.byTime, isWhole: true },
  { ...tableShape.byTimeSharded, isWhole: false },
  { ...tableShape.due, isWhole: false },
];

interface Entry {
  readonly partition: string;
  /** Both keys: an entry with others is another one. */
  readonly place: string;
  readonly item: Item;
}

/** Undefined for an item without both keys of the index. */
function entryOf(item: Item, { partitionKey, sortKey, isWhole }: Index): Entry | undefined {
  const [partition, sort] = [item[partitionKey], item[sortKey]];
  if (partition === undefined || sort === undefined) return undefined;
  const keys = ['pk', 'sk', partitionKey, sortKey];
  const kept = Object.entries(item).filter(([name]) => isWhole || keys.includes(name));
  return {
    partition: partition.S ?? '',
    place: JSON.stringify([partition, sort]),
    item: Object.fromEntries(kept),
  };
}

function nameOf(item: Item): string {
  return JSON.stringify([item['pk']?.S, item['sk']?.S]);
}

/** Of names and values, as DynamoDB counts them; 100 bytes more for an entry of an index are within rounding. */
function unitsOf(item: Item, unitBytes = 1_024): number {
  const bytes = Object.entries(item).reduce((sum, [name, value]) => {
    const size = value.N === undefined ? Buffer.byteLength(value.S ?? '') : value.N.length / 2 + 1;
    return sum + Buffer.byteLength(name) + size;
  }, 0);
  return Math.max(1, Math.ceil(bytes / unitBytes));
}
