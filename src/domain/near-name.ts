/** Finds what a misspelt name was meant to be. */

/** Case, `_` and `-` aside. */
export function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, '');
}

/** The known name within two edits (a swap of neighbours counts as one), if there is one. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const plain = plainName(name);
  const near = known.flatMap((candidate) => {
    const other = plainName(candidate);
    // Each edit changes the length by one at most: most pairs need no table, which is slow at a cold start.
    if (Math.abs(plain.length - other.length) > editsMax) return [];
    const distance = editDistance(plain, other);
    return distance <= editsMax ? [{ candidate, distance }] : [];
  });
  return near.toSorted((a, b) => a.distance - b.distance)[0]?.candidate;
}

// ---------------------------------------------------------------------------------------------------

const editsMax = 2;

/** Optimal string alignment: insert, delete, replace, swap of neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      let cost = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (isSame ? 0 : 1),
      );
      const isSwap =
        row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) cost = Math.min(cost, at(beforeLast, column - 2) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
