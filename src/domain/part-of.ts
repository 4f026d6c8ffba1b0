/**
 * Which of `count` parts a name belongs to, from 0; the same in every release. FNV-1a of its UTF-16 code
 * units.
 */
export function partOf(name: string, count: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash % count;
}
