import { messageOf, StateCorruptError } from '../errors.ts';

/** Something on record that cannot be read; the rest of the list can. */
export interface Unreadable {
  readonly id: string;
  readonly why: string;
}

/** What can be read of a list; what cannot is named, and does not keep the rest. */
export function readEach<Item extends { readonly id: string }, T>(
  items: readonly Item[],
  read: (item: Item) => T,
): { readonly read: readonly T[]; readonly unreadable: readonly Unreadable[] } {
  const done: T[] = [];
  const unreadable: Unreadable[] = [];
  for (const item of items) {
    try {
      done.push(read(item));
    } catch (error) {
      if (!(error instanceof StateCorruptError)) throw error;
      unreadable.push({ id: item.id, why: messageOf(error) });
    }
  }
  return { read: done, unreadable };
}
