/** The next revision of a stored item: a write is conditional on the one before. */
export function next<T extends { readonly revision: number }>(item: T): T {
  return { ...item, revision: item.revision + 1 };
}
