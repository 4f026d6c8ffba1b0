import { isModelRollbackError } from '../../domain/errors.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { isIndexMissing } from './dynamodb-error.ts';
import { type IndexLayout, type IndexPartition, queryOf, timePartitions } from './index-entries.ts';
import { type Item, isSameItem } from './rollback-item.ts';
import type { TableCalls } from './table-calls.ts';

/**
 * The layout of the indexes, as one item of the table says it: it comes with every batch read, so all
 * functions and commands follow `reindex` with their next rollback. Whoever writes first to a table without
 * that item decides: a table with entries of release 0.1.0, or without the sharded index, stays as it is.
 */
export class TableLayout {
  readonly key: Item;
  readonly #calls: TableCalls;
  readonly #workspace: string;
  #known: IndexLayout | null = null;

  constructor(calls: TableCalls, workspace: string) {
    this.#calls = calls;
    this.#workspace = workspace;
    this.key = layoutKey(workspace);
  }

  /** Takes the layout from what a batch read brought. */
  note(items: readonly Item[]): void {
    const item = items.find((one) => isSameItem(one, this.key));
    if (item !== undefined) this.#known = item['layout']?.S === 'single' ? 'single' : 'sharded';
  }

  async read(deadline: Deadline): Promise<IndexLayout | null> {
    this.note(await this.#calls.get([this.key], deadline));
    return this.#known;
  }

  /** For what is written next. */
  async forWriting(deadline: Deadline): Promise<IndexLayout> {
    return this.#known ?? (await this.read(deadline)) ?? (await this.#decideOnce(deadline));
  }

  async set(layout: IndexLayout, deadline: Deadline): Promise<void> {
    await this.#calls.put([{ item: this.#item(layout), over: 'anything' }], '', deadline);
    this.#known = layout;
  }

  /** Whether the sharded index can be read. */
  async hasShards(deadline: Deadline): Promise<boolean> {
    try {
      await this.#hasEntries(timePartitions('sharded', this.#workspace), deadline);
      return true;
    } catch (error) {
      if (isIndexMissing(error)) return false;
      throw error;
    }
  }

  /** No rollback fails for this: without a decision the entries go where every release finds them. */
  async #decideOnce(deadline: Deadline): Promise<IndexLayout> {
    try {
      return await this.#decide(deadline);
    } catch (error) {
      if (!isModelRollbackError(error)) throw error;
      return 'single';
    }
  }

  async #decide(deadline: Deadline): Promise<IndexLayout> {
    const isOld =
      (await this.#hasEntries(timePartitions('single', this.#workspace), deadline)) ||
      !(await this.hasShards(deadline));
    const item = this.#item(isOld ? 'single' : 'sharded');
    const written = await this.#calls.put([{ item, over: null }], '', deadline);
    if (written === 'written') this.note([item]);
    return (written === 'written' ? this.#known : await this.read(deadline)) ?? 'single';
  }

  async #hasEntries([partition]: readonly IndexPartition[], deadline: Deadline): Promise<boolean> {
    if (partition === undefined) return false;
    const { items } = await this.#calls.queryPage(queryOf(partition), 1, deadline);
    return items.length > 0;
  }

  #item(layout: IndexLayout): Item {
    return { ...this.key, layout: { S: layout } };
  }
}

// ---------------------------------------------------------------------------------------------------

function layoutKey(workspace: string): Item {
  return { pk: { S: `INDEX#${workspace}` }, sk: { S: 'STATE' } };
}
