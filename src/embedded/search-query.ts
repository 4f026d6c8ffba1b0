import { DELETED_STAGE, PROMPT_KEY, parseVersion } from './naming-rules.ts';
import { invalid, RegistryError } from './registry-error.ts';
import { type FilterClause, listItems, parseFilter } from './search-filter.ts';

/** Turns the parameters of a search call into one SQL statement and its page. */

/** The parameters that both search calls take. */
export interface SearchRequest {
  readonly filter: string | undefined;
  readonly max_results: number;
  readonly order_by: readonly string[];
  readonly page_token: string | undefined;
}

/** A statement that gives one row more than the page holds, to show whether another follows. */
export interface SearchQuery {
  readonly sql: string;
  readonly params: readonly (string | bigint | number)[];
  readonly offset: number;
}

/** What differs between searching versions and searching models. */
interface Searched {
  readonly table: string;
  readonly tagTable: string;
  readonly tagOwner: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly listColumns: readonly string[];
  readonly orderColumns: Readonly<Record<string, string>>;
  /** Groups: quote, field, direction. */
  readonly orderForm: RegExp;
  /** The last order, always added for the columns that the caller did not name. */
  readonly tieBreak: readonly (readonly [column: string, direction: string])[];
  readonly where: string;
}

const VERSIONS: Searched = {
  table: 'model_versions',
  tagTable: 'model_version_tags',
  tagOwner: 'name, version',
  columns: {
    name: 'name',
    source_path: 'source',
    run_id: 'run_id',
    version_number: 'version',
  },
  listColumns: ['name', 'run_id'],
  orderColumns: {
    name: 'name',
    version_number: 'version',
    creation_timestamp: 'creation_time',
    last_updated_timestamp: 'last_updated_time',
  },
  orderForm: /^(?:(?:attribute|tags?)\.)?([`"]?)(\w+)\1(?:\s+(\w+))?$/,
  tieBreak: [
    ['name', 'ASC'],
    ['version', 'DESC'],
  ],
  where: `current_stage <> '${DELETED_STAGE}'`,
};

const MODELS: Searched = {
  table: 'registered_models',
  tagTable: 'registered_model_tags',
  tagOwner: 'name',
  columns: { name: 'name' },
  listColumns: ['name'],
  orderColumns: {
    name: 'name',
    timestamp: 'last_updated_time',
    last_updated_timestamp: 'last_updated_time',
  },
  // Here the real server takes the quotes off only when a direction follows.
  orderForm: /^([`"](?=.*\s))?(\w+)\1(?:\s+(\w+))?$/,
  tieBreak: [['name', 'ASC']],
  where: 'true',
};

/** The statement for `model-versions/search`. */
export function versionSearch(request: SearchRequest): SearchQuery {
  const order = request.order_by.length > 0 ? request.order_by : ['last_updated_timestamp DESC'];
  return buildQuery(VERSIONS, { ...request, order_by: order });
}

/** The statement for `registered-models/search`. */
export function modelSearch(request: SearchRequest): SearchQuery {
  return buildQuery(MODELS, request);
}

/** The token of the page that starts at `offset`, in the form of the real server. */
export function pageToken(offset: number): string {
  return Buffer.from(`{"offset": ${offset}}`).toString('base64');
}

// ---------------------------------------------------------------------------------------------

type Params = (string | bigint | number)[];

function buildQuery(searched: Searched, request: SearchRequest): SearchQuery {
  const params: Params = [];
  const clauses = parseFilter(request.filter ?? '');
  const where = [searched.where, ...attributeTests(searched, clauses, params)];
  where.push(...tagTests(searched, clauses, params));
  const order = orderTerms(searched, request.order_by);
  const offset = parsePageToken(request.page_token);
  const sql =
    `SELECT * FROM ${searched.table} WHERE ${where.join(' AND ')} ` +
    `ORDER BY ${order.join(', ')} LIMIT ? OFFSET ?`;
  return { sql, params: [...params, request.max_results + 1, offset], offset };
}

function attributeTests(
  searched: Searched,
  clauses: readonly FilterClause[],
  params: Params,
): string[] {
  return clauses
    .filter((clause) => clause.target === 'attribute')
    .map((clause) => {
      const column = searched.columns[clause.key];
      if (column === undefined) {
        throw invalid(`Invalid attribute key '${clause.key}' specified.`);
      }
      return column === 'version'
        ? versionTest(clause, params)
        : textTest(column, clause, searched.listColumns.includes(column), params);
    });
}

function versionTest(clause: FilterClause, params: Params): string {
  if (clause.value.kind === 'list' || !/^(?:=|!=|<|<=|>|>=)$/.test(clause.operator)) {
    throw invalid(`Invalid comparator for attribute version_number: ${clause.operator}`);
  }
  params.push(parseVersion(clause.value.text));
  return `version ${clause.operator} ?`;
}

function textTest(
  column: string,
  clause: FilterClause,
  mayBeList: boolean,
  params: Params,
): string {
  const { operator, value } = clause;
  if (value.kind === 'integer') {
    throw invalid(`Expected a quoted string value for ${clause.key}. Got value ${value.text}`);
  }
  if (value.kind === 'list') {
    if (!mayBeList) {
      throw invalid(`'${clause.key}' cannot be compared with a list of values.`);
    }
    const items = listItems(value.text);
    if (/^(?:=|!=|I?LIKE)$/.test(operator)) {
      // The real server finds out only in the database; so do we, when no clause is worse.
      return `${column} = (NULL, NULL)`;
    }
    if (operator !== 'IN' && operator !== 'NOT IN') {
      throw invalid(`Invalid comparator for attribute: ${operator}`);
    }
    params.push(...items);
    return `${column} ${operator} (${items.map(() => '?').join(', ')})`;
  }
  switch (operator) {
    case '=':
    case '!=':
    case 'LIKE':
      params.push(value.text);
      return `${column} ${operator} ?`;
    case 'ILIKE':
      params.push(value.text);
      return `lower(${column}) LIKE lower(?)`;
    default:
      throw invalid(`Invalid comparator for attribute: ${operator}`);
  }
}

function tagTests(searched: Searched, clauses: readonly FilterClause[], params: Params): string[] {
  const tagClauses = clauses.filter((clause) => clause.target === 'tag');
  const tests = new Map<string, string[]>();
  const values = new Map<string, Params>();
  for (const clause of tagClauses) {
    const own = values.get(clause.key) ?? [];
    const test = textTest('value', clause, false, own);
    values.set(clause.key, own);
    tests.set(clause.key, [...(tests.get(clause.key) ?? []), test]);
  }
  const sql: string[] = [];
  if (!asksForPrompts(tagClauses)) {
    // Prompts live in the same tables and are left out unless they are asked for.
    tests.delete(PROMPT_KEY);
    params.push(PROMPT_KEY);
    sql.push(
      `name NOT IN (SELECT name FROM ${searched.tagTable} WHERE key = ? AND value = 'true')`,
    );
  }
  if (tests.size > 0) {
    const alternatives = [...tests].map(([key, own]) => {
      params.push(key, ...(values.get(key) ?? []));
      return `(key = ? AND ${own.join(' AND ')})`;
    });
    sql.push(
      `(${searched.tagOwner}) IN (SELECT ${searched.tagOwner} FROM ${searched.tagTable} ` +
        `WHERE ${alternatives.join(' OR ')} GROUP BY ${searched.tagOwner} ` +
        `HAVING count(*) = ${tests.size})`,
    );
  }
  return sql;
}

function asksForPrompts(clauses: readonly FilterClause[]): boolean {
  const clause = clauses.find((candidate) => candidate.key === PROMPT_KEY);
  if (clause === undefined || clause.value.kind !== 'text') {
    return false;
  }
  const wanted = clause.value.text.toLowerCase();
  return (
    (clause.operator === '=' && wanted === 'true') ||
    (clause.operator === '!=' && wanted === 'false')
  );
}

function orderTerms(searched: Searched, orderBy: readonly string[]): string[] {
  const terms = new Map<string, string>();
  for (const text of orderBy) {
    const [, , field = '', direction = 'ASC'] = searched.orderForm.exec(text) ?? [];
    const column = searched.orderColumns[field];
    if (column === undefined || !/^(?:asc|desc)$/i.test(direction)) {
      throw invalid(`Invalid order_by clause '${text}'.`);
    }
    if (terms.has(column)) {
      const shown = orderBy.map((each) => `'${each}'`).join(', ');
      throw new RegistryError(
        'INTERNAL_ERROR',
        `\`order_by\` contains duplicate fields: [${shown}]`,
      );
    }
    terms.set(column, direction);
  }
  for (const [column, direction] of searched.tieBreak) {
    terms.set(column, terms.get(column) ?? direction);
  }
  return [...terms].map(([column, direction]) => `${column} ${direction}`);
}

function parsePageToken(token: string | undefined): number {
  if (token === undefined || token === '') {
    return 0;
  }
  const parsed = decodeToken(token);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new TypeError('the page token holds no object');
  }
  const { offset } = parsed as { offset?: unknown };
  if (typeof offset === 'object' && offset !== null) {
    throw new TypeError('the page token holds no number');
  }
  const isNumeric = typeof offset !== 'string' || /^\s*[+-]?\d+\s*$/.test(offset);
  const number = Math.trunc(Number(offset));
  if (!offset || !isNumeric || !Number.isSafeInteger(number)) {
    throw invalid('Invalid page token');
  }
  return number;
}

function decodeToken(token: string): unknown {
  // As Python decodes: strange characters are skipped, but the padding must be whole.
  const symbols = token.replaceAll(/[^A-Za-z0-9+/=]/g, '');
  const data = symbols.replace(/=.*$/, '');
  const missing = (4 - (data.length % 4)) % 4;
  if (missing === 3 || symbols.length - data.length < missing) {
    throw invalid('Invalid page token, could not base64-decode');
  }
  try {
    return JSON.parse(Buffer.from(data, 'base64').toString('utf8'));
  } catch {
    throw invalid('Invalid page token');
  }
}
