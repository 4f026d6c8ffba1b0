import { invalid } from './registry-error.ts';

/**
 * Reads the filter language of the search calls: comparisons, joined by AND. MLflow gives the text
 * to a general SQL tokenizer, which is why AND may be left out and why a quote has no escape.
 */

/** The right side of a comparison. */
type FilterValue =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'integer'; readonly text: string }
  | { readonly kind: 'list'; readonly text: string };

/** One comparison of a filter. */
export interface FilterClause {
  readonly target: 'attribute' | 'tag';
  readonly key: string;
  /** Upper case, one blank between words. */
  readonly operator: string;
  readonly value: FilterValue;
}

const SPACE = /\s+/y;
const AND = /AND(?![\p{L}\p{N}_$#(])/iuy;
// One step of a name: bare, or quoted in any of three ways so that odd tag keys can be written.
const STEP = String.raw`(?:[\p{L}\p{N}_][\p{L}\p{N}_$#]*|${'`(?:``|[^`])*`'}|"[^"]*"|'[^']*')`;
const NAME = new RegExp(String.raw`[\p{L}_][\p{L}\p{N}_$#]*\s*(?:\.\s*${STEP})*`, 'uy');
const OPERATOR = /[<>=~!]+|(?:NOT\s+)?(?:LIKE|ILIKE|RLIKE|IN)(?![\p{L}\p{N}_])/iuy;
const NULL_TEST = /IS\s+(?:NOT\s+)?NULL\b/iy;
const SINGLE_QUOTED = /'(?:''|\\'|[^'])*'/y;
const DOUBLE_QUOTED = /"(?:""|\\"|[^"])*"/y;
const NUMBER = /-?(?:\d+(?:\.\d*)?|\.\d+)(?:E-?\d+)?(?![\p{L}_])/iuy;
const LIST = /\((?:'[^']*'|"[^"]*"|[^()'"])*\)/y;
const LIST_ITEM = /\s*(?:'([^'\\]*)'|"([^"\\]*)")\s*(,|$)/y;

/** Reads a filter; an empty one has no clauses. */
export function parseFilter(text: string): readonly FilterClause[] {
  if (text !== '' && text.trim() === '') {
    throw invalid(`Invalid filter '${text}'. Could not be parsed.`);
  }
  const reader = new Reader(text);
  const clauses: FilterClause[] = [];
  for (;;) {
    reader.take(SPACE);
    if (reader.isAtEnd) {
      return clauses;
    }
    if (reader.take(AND) === undefined) {
      clauses.push(readClause(reader));
    }
  }
}

/** The items of a list, read apart from the rest as MLflow checks the attribute before them. */
export function listItems(text: string): readonly string[] {
  if (/^[^'"]*[\p{L}_]/u.test(text)) {
    // As with a null test: a bare word is a bare exception on the real server.
    throw new TypeError('a list holds a word without quotes');
  }
  const items: string[] = [];
  LIST_ITEM.lastIndex = 0;
  while (LIST_ITEM.lastIndex < text.length) {
    const item = LIST_ITEM.exec(text);
    if (item === null) {
      break;
    }
    items.push(item[1] ?? item[2] ?? '');
    if (LIST_ITEM.lastIndex >= text.trimEnd().length) {
      return items;
    }
  }
  throw invalid('While parsing a list in the query, expected a non-empty list of string values.');
}

// ---------------------------------------------------------------------------------------------

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Takes what the sticky pattern matches here, if anything. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  refuse(): Error {
    return invalid(`Invalid clause(s) in filter string: ${this.#text.slice(this.#at)}`);
  }
}

function readClause(reader: Reader): FilterClause {
  const name = reader.take(NAME);
  if (name === undefined) {
    throw reader.refuse();
  }
  reader.take(SPACE);
  if (reader.take(NULL_TEST) !== undefined) {
    // The real server fails here with a bare exception, so it answers 500 in HTML.
    throw new TypeError('a null test has no value');
  }
  const operator = reader.take(OPERATOR)?.toUpperCase().replace(/\s+/g, ' ');
  if (operator === undefined) {
    throw reader.refuse();
  }
  reader.take(SPACE);
  const value = readValue(reader);
  if ((operator === 'IN' || operator === 'NOT IN') && value.kind !== 'list') {
    throw reader.refuse();
  }
  return { ...readTarget(name.trimEnd()), operator, value };
}

function readTarget(name: string): Pick<FilterClause, 'target' | 'key'> {
  const dot = name.indexOf('.');
  if (dot < 0) {
    return { target: 'attribute', key: name };
  }
  const [type, key] = [name.slice(0, dot), name.slice(dot + 1)];
  if (type === 'attribute') {
    return { target: 'attribute', key };
  }
  if (type !== 'tag' && type !== 'tags') {
    throw invalid(`Invalid entity type '${type}'. Valid entity types are attribute, tag, tags`);
  }
  // The tokenizer of the real server knows these words as keywords even behind a point, and a
  // bare number as a number.
  if (/^(?:\d+|CASE|IN|VALUES|USING|FROM|AS)$/i.test(key)) {
    throw invalid(`Invalid clause(s) in filter string: ${name}`);
  }
  return { target: 'tag', key: key.replace(/^(['"`])(.*)\1$/s, '$2') };
}

function readValue(reader: Reader): FilterValue {
  const quoted = reader.take(SINGLE_QUOTED) ?? reader.take(DOUBLE_QUOTED);
  if (quoted !== undefined) {
    return { kind: 'text', text: quoted.slice(1, -1) };
  }
  const number = reader.take(NUMBER);
  if (number !== undefined) {
    if (!/^-?\d+$/.test(number)) {
      throw invalid(`Invalid value for numeric attribute: ${number}`);
    }
    return { kind: 'integer', text: number };
  }
  const list = reader.take(LIST);
  if (list !== undefined) {
    return { kind: 'list', text: list.slice(1, -1) };
  }
  throw reader.refuse();
}
