/**
 * Reads as much of HCL as the Terraform module uses. It stands in for `terraform validate`, which needs
 * the provider: nothing here knows what AWS has, only the form and the names within the module.
 */

export interface Block {
  readonly type: string;
  readonly labels: readonly string[];
  readonly attributes: Readonly<Record<string, Value>>;
  readonly blocks: readonly Block[];
}

/** What is no literal is kept as its text. */
export type Value = string | number | boolean | null | Expression | readonly Value[] | ValueMap;
export interface ValueMap {
  readonly [name: string]: Value;
}
export class Expression {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** @throws Error with the line, for what is no HCL */
export function parseHcl(text: string): readonly Block[] {
  const reader = new Reader(tokensOf(text));
  const { attributes, blocks } = reader.body(false);
  if (Object.keys(attributes).length > 0) throw new Error('an attribute stands outside of a block');
  return blocks;
}

/** All blocks of a type within others, by what they are in. */
export function blocksIn({ blocks }: Pick<Block, 'blocks'>, type: string): readonly Block[] {
  return blocks.flatMap((block) => {
    if (block.type === type) return [block];
    // `dynamic "statement"` stands for statements.
    const isDynamic = block.type === 'dynamic' && block.labels[0] === type;
    return isDynamic ? block.blocks.filter((inner) => inner.type === 'content') : [];
  });
}

// ---------------------------------------------------------------------------------------------------

interface Token {
  readonly text: string;
  readonly line: number;
}

/** Strings with all that is interpolated in them are one token each. */
function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const pattern =
    /(?<space>[ \t\r]+|#[^\n]*)|(?<newline>\n)|(?<word>[A-Za-z_][\w-]*|\d+(?:\.\d+)?)|(?<sign>=>|==|!=|>=|<=|&&|\|\||[{}[\]()=:,.?!*+<>-])/y;
  let line = 1;
  let at = 0;
  while (at < text.length) {
    if (text[at] === '"') {
      const end = endOfString(text, at, line);
      tokens.push({ text: text.slice(at, end), line });
      at = end;
      continue;
    }
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) throw new Error(`line ${line}: unexpected ${text[at]}`);
    if (match.groups?.['space'] === undefined) tokens.push({ text: match[0], line });
    if (match[0] === '\n') line += 1;
    at = pattern.lastIndex;
  }
  return tokens;
}

function endOfString(text: string, from: number, line: number): number {
  let depth = 0;
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === '\n') break;
    if (text[at] === '\\') at += 1;
    else if (text.startsWith('${', at)) depth += 1;
    else if (text[at] === '}' && depth > 0) depth -= 1;
    else if (text[at] === '"' && depth === 0) return at + 1;
  }
  throw new Error(`line ${line}: a text has no end`);
}

class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  body(isInner: boolean): Pick<Block, 'attributes' | 'blocks'> {
    const attributes: Record<string, Value> = {};
    const blocks: Block[] = [];
    for (;;) {
      this.#skip('\n', ',');
      const token = this.#tokens[this.#at];
      if (token === undefined && !isInner) return { attributes, blocks };
      if (token?.text === '}' && isInner) return { attributes, blocks };
      // In a map a name may stand in quotes.
      const name = this.#take(/^["A-Za-z_]/).replaceAll('"', '');
      if (this.#peek() === '=') {
        this.#take(/^=$/);
        if (name in attributes) throw this.#wrong(`${name} is there twice`);
        attributes[name] = this.#value();
      } else {
        blocks.push(this.#block(name));
      }
    }
  }

  #block(type: string): Block {
    const labels: string[] = [];
    while (this.#peek() !== '{') labels.push(JSON.parse(this.#take(/^"/)) as string);
    this.#take(/^\{$/);
    const body = this.body(true);
    this.#take(/^\}$/);
    return { type, labels, ...body };
  }

  /** Up to the end of the line, or of what it stands in. */
  #value(): Value {
    const own: string[] = [];
    const start = this.#at;
    const closers: string[] = [];
    for (;;) {
      const token = this.#peek();
      if (closers.length === 0 && [undefined, '\n', ',', '}', ']', ')'].includes(token)) break;
      if (token === undefined) throw this.#wrong(`${closers.at(-1)} is missing`);
      const closer = { '{': '}', '[': ']', '(': ')' }[token];
      if (closer !== undefined) closers.push(closer);
      else if (/^[}\])]$/.test(token) && closers.pop() !== token) throw this.#wrong(token);
      own.push(this.#take(/./s));
    }
    if (own.length === 0) throw this.#wrong('a value is missing');
    const literal = literalOf(own);
    return literal === undefined ? this.#compound(start, own) : literal;
  }

  #compound(start: number, own: readonly string[]): Value {
    const end = this.#at;
    const isFor = own.find((text) => text !== '\n' && !/^[[{]$/.test(text)) === 'for';
    const isList = own[0] === '[' && own.at(-1) === ']';
    const isMap = own[0] === '{' && own.at(-1) === '}';
    if (isFor || (!isList && !isMap)) return new Expression(own.join(' '));
    this.#at = start + 1;
    const value = isList ? this.#list() : this.body(true).attributes;
    this.#at = end;
    return value;
  }

  #list(): Value[] {
    const values: Value[] = [];
    for (;;) {
      this.#skip('\n', ',');
      if (this.#peek() === ']') return values;
      values.push(this.#value());
    }
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at]?.text;
  }

  #skip(...texts: readonly string[]): void {
    while (texts.includes(this.#peek() ?? '')) this.#at += 1;
  }

  #take(pattern: RegExp): string {
    const text = this.#peek();
    if (text === undefined || !pattern.test(text)) throw this.#wrong(`unexpected ${text}`);
    this.#at += 1;
    return text;
  }

  #wrong(what: string): Error {
    return new Error(`line ${this.#tokens[this.#at]?.line ?? 'last'}: ${what}`);
  }
}

function literalOf(own: readonly string[]): Value | undefined {
  const text = own.join('');
  if (own.length === 1 && text.startsWith('"')) {
    return text.includes('${') ? new Expression(text) : (JSON.parse(text) as string);
  }
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (text === 'true' || text === 'false') return text === 'true';
  return text === 'null' ? null : undefined;
}
