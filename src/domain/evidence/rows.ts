import { InvalidRequestError } from '../errors.ts';
import { escapeText } from '../escape.ts';
import { nearestName } from '../near-name.ts';
import { evidenceLimits } from './evidence-limits.ts';
import type { Rules } from './rules.ts';

/** The rows of one version, as a file has them. */
export interface RowTable {
  /** Of the file, for people. */
  readonly name: string;
  /** Of its bytes. */
  readonly sha256: string;
  readonly columns: ReadonlyMap<string, readonly unknown[]>;
}

/** What both versions say about the same rows, in the order of their ids. */
export interface PairedRows {
  readonly rows: number;
  /** By the name of a metric; absent for one that a side lacks. */
  readonly metrics: ReadonlyMap<string, PairedColumn>;
  /** The values of each column with slices. */
  readonly slices: ReadonlyMap<string, readonly string[]>;
  /** Why the rows of the two sides are not the same ones; empty when they are. */
  readonly problems: readonly string[];
}

export interface PairedColumn {
  readonly champion: Float64Array;
  readonly challenger: Float64Array;
  /** True when every value is 0 or 1: right or wrong. */
  readonly isRightOrWrong: boolean;
  /** The values that are no finite numbers, with their ids; null when all are. */
  readonly notFinite: string | null;
}

/** @throws InvalidRequestError when a file has no column of ids */
export function pairRows(champion: RowTable, challenger: RowTable, rules: Rules): PairedRows {
  const [left, right] = [placesOf(champion, rules.idColumn), placesOf(challenger, rules.idColumn)];
  const ids = [...left.places.keys()].filter((id) => right.places.has(id)).toSorted();
  const places = (of: Places): Int32Array =>
    Int32Array.from(ids, (id) => of.places.get(id) ?? Number.NaN);
  const [leftAt, rightAt] = [places(left), places(right)];
  const metrics = new Map<string, PairedColumn>();
  for (const { name } of rules.metrics) {
    const columns = [champion.columns.get(name), challenger.columns.get(name)] as const;
    if (columns[0] === undefined || columns[1] === undefined) continue;
    const sides = [numbersOf(columns[0], leftAt), numbersOf(columns[1], rightAt)] as const;
    metrics.set(name, pairedColumn(sides, [champion, challenger], ids));
  }
  const slices = rules.slices.map(({ column }) => {
    const sides = [
      sliceValues(champion, column, leftAt),
      sliceValues(challenger, column, rightAt),
    ] as const;
    return { column, ...commonSlices(column, sides, ids) };
  });
  return {
    rows: ids.length,
    metrics,
    slices: new Map(slices.map(({ column, values }) => [column, values])),
    problems: [
      ...left.problems,
      ...right.problems,
      ...onlyOn(champion.name, left, right),
      ...onlyOn(challenger.name, right, left),
      ...slices.flatMap(({ problems }) => problems),
      ...(champion.sha256 === challenger.sha256
        ? [
            `${champion.name} and ${challenger.name} have the same content: a version was compared with itself.`,
          ]
        : []),
    ],
  };
}

/** Why a metric cannot be compared, which a side lacks. */
export function lackingColumn(champion: RowTable, challenger: RowTable, name: string): string {
  const lacking = [champion, challenger].filter(({ columns }) => !columns.has(name));
  const known = lacking.flatMap(({ columns }) => [...columns.keys()]);
  const near = nearestName(name, known);
  const hint = near === undefined ? '' : ` Did you mean "${escapeText(near)}"?`;
  return `${lacking.map((table) => table.name).join(' and ')} has no column "${escapeText(name)}".${hint}`;
}

/** A value of a file as a number; NaN for one that is none. */
export function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean' || typeof value === 'bigint') return Number(value);
  if (typeof value !== 'string') return Number.NaN;
  const text = value.trim();
  const word = words[text.toLowerCase()];
  if (word !== undefined) return word;
  return text === '' ? Number.NaN : Number(text);
}

// ---------------------------------------------------------------------------------------------------

/** As Python, pandas and JSON write them. */
const words: Readonly<Record<string, number>> = {
  true: 1,
  false: 0,
  inf: Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
  '-infinity': Number.NEGATIVE_INFINITY,
};

interface Places {
  /** Where the row of an id is; the first one. */
  readonly places: ReadonlyMap<string, number>;
  readonly problems: readonly string[];
}

function placesOf({ name, columns }: RowTable, idColumn: string): Places {
  const ids = columns.get(idColumn);
  if (ids === undefined) {
    const known = [...columns.keys()].slice(0, 20).map(escapeText).join(', ');
    throw new InvalidRequestError(
      `${name} has no column "${escapeText(idColumn)}" with the ids of its rows; its columns are ${known}. ` +
        'Set id_column in the rules to the column that both files share.',
    );
  }
  const places = new Map<string, number>();
  const repeated = new Set<string>();
  let missing = 0;
  for (const [index, value] of ids.entries()) {
    const id = textOf(value);
    if (id === '') missing += 1;
    else if (places.has(id)) repeated.add(id);
    else places.set(id, index);
  }
  return {
    places,
    problems: [
      ...(repeated.size === 0
        ? []
        : [`${name} has ${counted(repeated.size, 'id')} more than once: ${examples(repeated)}.`]),
      ...(missing === 0 ? [] : [`${name} has ${counted(missing, 'row')} without an id.`]),
    ],
  };
}

function onlyOn(name: string, own: Places, other: Places): readonly string[] {
  const only = [...own.places.keys()].filter((id) => !other.places.has(id));
  if (only.length === 0) return [];
  return [
    `${counted(only.length, 'id')} of ${name} ${only.length === 1 ? 'is' : 'are'} not in the other file: ` +
      `${examples(only)}. Both versions must be evaluated on the same rows.`,
  ];
}

function pairedColumn(
  [champion, challenger]: readonly [Float64Array, Float64Array],
  tables: readonly [RowTable, RowTable],
  ids: readonly string[],
): PairedColumn {
  const isBit = (value: number): boolean => value === 0 || value === 1;
  const strange = [champion, challenger].flatMap((values, side) => {
    const at = [...values.keys()].filter((index) => !Number.isFinite(values[index]));
    const [first] = at;
    if (first === undefined) return [];
    const rows = counted(at.length, 'value');
    return [
      `${rows} of ${tables[side]?.name} ${at.length === 1 ? 'is' : 'are'} not a finite number ` +
        `(id ${escapeText(ids[first] ?? '')}: ${values[first]})`,
    ];
  });
  return {
    champion,
    challenger,
    isRightOrWrong: champion.every(isBit) && challenger.every(isBit),
    notFinite: strange.length === 0 ? null : strange.join(', '),
  };
}

function numbersOf(column: readonly unknown[], places: Int32Array): Float64Array {
  return Float64Array.from(places, (place) => numberOf(column[place]));
}

function sliceValues(
  { columns }: RowTable,
  column: string,
  places: Int32Array,
): readonly string[] | undefined {
  const values = columns.get(column);
  return values && Array.from(places, (place) => textOf(values[place]));
}

function commonSlices(
  column: string,
  [left, right]: readonly [readonly string[] | undefined, readonly string[] | undefined],
  ids: readonly string[],
): { readonly values: readonly string[]; readonly problems: readonly string[] } {
  const values = left ?? right;
  const shown = `"${escapeText(column)}"`;
  if (values === undefined) {
    return { values: [], problems: [`Neither file has the column ${shown} of the slices.`] };
  }
  const differing = ids.filter((_, index) => (right ?? values)[index] !== values[index]);
  if (differing.length === 0) return { values, problems: [] };
  const problem = `The files differ in column ${shown} for ${counted(differing.length, 'id')}: ${examples(differing)}.`;
  return { values, problems: [problem] };
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return value instanceof Date ? value.toISOString() : String(value);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function examples(ids: Iterable<string>): string {
  const all = [...ids];
  const named = all.slice(0, evidenceLimits.examplesMax).map(escapeText).join(', ');
  return all.length > evidenceLimits.examplesMax ? `${named}, …` : named;
}
