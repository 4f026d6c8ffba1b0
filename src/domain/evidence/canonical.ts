/**
 * JSON that is the same text for the same value: names in order, nothing between the parts (as RFC 8785 has it).
 * Numbers have twelve digits: the last ones of a double depend on the machine's mathematics.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'number') return Number(part.toPrecision(12));
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    const entries = Object.entries(part);
    return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
