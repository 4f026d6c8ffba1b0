import { isoTime } from '../registry/model.ts';
import type { SignatureField, VersionDetails } from '../registry/version-details.ts';

/** Two versions side by side, for people: what differs first. */
export interface Comparison {
  readonly from_version: string;
  readonly to_version: string;
  readonly rows: readonly ComparisonRow[];
  /** What could not be read, as sentences; what it would show is not among the rows. */
  readonly unread: readonly string[];
}

export interface ComparisonRow {
  readonly part: 'signature' | 'metric' | 'param' | 'source' | 'version' | 'tag';
  readonly name: string;
  /** Null where a version has none. */
  readonly from: string | null;
  readonly to: string | null;
  readonly differs: boolean;
}

export function compareDetails(from: VersionDetails, to: VersionDetails): Comparison {
  const [left, right] = [partsOf(from), partsOf(to)];
  // What one of them could not show differs in nothing that is known.
  const known = (what: 'run' | 'signature'): boolean =>
    ![...from.unread, ...to.unread].some((one) => one.what === what);
  const rows = parts
    .flatMap((part) => rowsOf(part, left[part], right[part]))
    .filter(({ part, name }) => {
      if (part === 'signature') return known('signature');
      const isOfRun = part === 'metric' || part === 'param' || name.startsWith('run');
      return !isOfRun || part === 'tag' || known('run');
    });
  return {
    from_version: from.version,
    to_version: to.version,
    rows: [...rows.filter(({ differs }) => differs), ...rows.filter(({ differs }) => !differs)],
    unread: [from, to].flatMap(({ version, unread }) =>
      unread.map(({ what, why }) => `The ${what} of version ${version} could not be read: ${why}`),
    ),
  };
}

/** In place of a comparison, when it could not be made. */
export function comparisonUnread(from: string, to: string, why: string): Comparison {
  return {
    from_version: from,
    to_version: to,
    rows: [],
    unread: [`The two versions could not be compared: ${why}`],
  };
}

// ---------------------------------------------------------------------------------------------------

type Values = Readonly<Record<string, string>>;

/** In this order: what breaks consumers, what the model is worth, where it comes from, and the rest. */
const parts = ['signature', 'metric', 'param', 'source', 'version', 'tag'] as const;

function partsOf(details: VersionDetails): Record<ComparisonRow['part'], Values> {
  const { run, signature, source, createdAtMs, updatedBy, description, aliases, tags } = details;
  const metrics = Object.entries(run?.metrics ?? {}).map(([name, value]) => [name, String(value)]);
  return {
    signature: {
      ...fieldsOf('input', signature?.inputs ?? []),
      ...fieldsOf('output', signature?.outputs ?? []),
    },
    metric: Object.fromEntries(metrics),
    param: run?.params ?? {},
    source: {
      ...(source === '' ? {} : { source }),
      ...(run === null ? {} : { run: `${run.runId}${run.isDeleted ? ' (deleted)' : ''}` }),
    },
    version: {
      registered: isoTime(createdAtMs),
      ...(run?.startedAtMs == null ? {} : { 'run started': isoTime(run.startedAtMs) }),
      ...(updatedBy === undefined ? {} : { 'last changed by': updatedBy }),
      ...(description === '' ? {} : { description }),
      ...(aliases.length === 0 ? {} : { aliases: aliases.toSorted().join(', ') }),
    },
    tag: tags,
  };
}

function fieldsOf(side: string, fields: readonly SignatureField[]): Values {
  const named = fields.map(({ name, type, isRequired }, index) => [
    `${side} ${name ?? index}`,
    `${type}${isRequired ? '' : ', optional'}`,
  ]);
  return Object.fromEntries(named);
}

function rowsOf(part: ComparisonRow['part'], from: Values, to: Values): ComparisonRow[] {
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].toSorted();
  return names.map((name) => {
    const [left, right] = [own(from, name), own(to, name)];
    return { part, name, from: left, to: right, differs: left !== right };
  });
}

function own(values: Values, name: string): string | null {
  return Object.hasOwn(values, name) ? (values[name] ?? null) : null;
}
