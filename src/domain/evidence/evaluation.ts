/** What the registry knows of how good a version is. */

/** A data set that something was measured on. */
export interface DataSet {
  readonly name: string;
  /** Of its content. */
  readonly digest: string;
}

/** One value of one metric. */
export interface MeasuredValue {
  readonly name: string;
  /** May be NaN or infinite. */
  readonly value: number;
  /** When it was logged (epoch ms). */
  readonly atMs: number;
  /** None where nobody logged it. */
  readonly dataSets: readonly DataSet[];
}

/** All that was measured of a version. */
export interface Evaluation {
  readonly version: string;
  readonly registeredAtMs: number;
  /** Null when it was registered without one. */
  readonly runId: string | null;
  /** MLflow 3: its logged model; null when it has none. */
  readonly modelId: string | null;
  readonly values: readonly MeasuredValue[];
}

/** The values of both sides that are compared for a metric. */
export interface ValuePair {
  readonly champion: MeasuredValue;
  readonly challenger: MeasuredValue;
}

/**
 * The latest value on each side; where both sides have values on the same data, the latest of those.
 * @returns undefined when a side has none of this name
 */
export function pairOf(
  champion: Evaluation,
  challenger: Evaluation,
  name: string,
): ValuePair | undefined {
  const [left, right] = [latestFirst(champion, name), latestFirst(challenger, name)];
  const pairs = left.flatMap((one) => right.map((other) => ({ champion: one, challenger: other })));
  return pairs.find((pair) => dataOf(pair) === 'same') ?? pairs[0];
}

/** Whether both values were measured on the same data. */
export function dataOf({ champion, challenger }: ValuePair): 'same' | 'different' | 'unknown' {
  const [left, right] = [champion, challenger].map(({ dataSets }) =>
    dataSets.map(({ digest }) => digest).toSorted(),
  );
  if (left === undefined || right === undefined || left.length * right.length === 0) {
    return 'unknown';
  }
  return left.join() === right.join() ? 'same' : 'different';
}

// ---------------------------------------------------------------------------------------------------

function latestFirst({ values }: Evaluation, name: string): readonly MeasuredValue[] {
  return values.filter((value) => value.name === name).toSorted((a, b) => b.atMs - a.atMs);
}
