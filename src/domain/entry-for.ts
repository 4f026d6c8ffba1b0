/**
 * What a setting has for a name: the entry of that very name, else that of the longest `prefix*`; undefined
 * for none.
 */
export function entryFor<T>(entries: ReadonlyMap<string, T>, name: string): T | undefined {
  const exact = entries.get(name);
  if (exact !== undefined) return exact;
  const [longest] = [...entries]
    .filter(([key]) => key.endsWith('*') && name.startsWith(key.slice(0, -1)))
    .toSorted(([a], [b]) => b.length - a.length);
  return longest?.[1];
}
