/**
 * The simple commands of a piece of POSIX shell, each as its words, without running anything: enough for
 * what documents and messages show. What stands in `$(…)` is taken apart too.
 */
export function shellCommands(script: string): string[][] {
  const commands: string[][] = [];
  let words: string[] = [];
  let word: string | null = null;
  const endWord = (): void => {
    if (word !== null) words.push(word);
    word = null;
  };
  const endCommand = (): void => {
    endWord();
    if (words.length > 0) commands.push(words);
    words = [];
  };
  let rest = script.replaceAll('\\\n', ' ');
  while (rest !== '') {
    const [token = '', kind = ''] = nextToken(rest, word === null);
    rest = rest.slice(token.length);
    if (kind === 'space') endWord();
    else if (kind === 'end') endCommand();
    else if (kind === 'comment') endWord();
    else {
      const { text, inner } = unquote(token);
      commands.push(...inner.flatMap(shellCommands));
      word = `${word ?? ''}${text}`;
    }
  }
  endCommand();
  return commands.map(withoutAssignments).filter((command) => command.length > 0);
}

// ---------------------------------------------------------------------------------------------------

/** The next piece of the script, and what it is. */
function nextToken(rest: string, isWordStart: boolean): readonly [string, string] {
  if (isWordStart && rest.startsWith('#')) return [/^[^\n]*/.exec(rest)?.[0] ?? rest, 'comment'];
  const patterns: readonly (readonly [RegExp, string])[] = [
    [/^[ \t]+/, 'space'],
    [/^(?:[;&|\n(){}]|\d?[<>]+&?\d?)+/, 'end'],
    [/^\$'(?:\\[\s\S]|[^'\\])*'/, 'ansi'],
    [/^'[^']*'/, 'single'],
  ];
  for (const [pattern, kind] of patterns) {
    const found = pattern.exec(rest);
    if (found !== null) return [found[0], kind];
  }
  if (rest.startsWith('$(')) return [rest.slice(0, endOfSubstitution(rest)), 'substitution'];
  if (rest.startsWith('"')) return [rest.slice(0, endOfDoubleQuotes(rest)), 'double'];
  if (rest.startsWith('\\')) return [rest.slice(0, 2), 'escaped'];
  return [rest.slice(0, 1), 'plain'];
}

function endOfDoubleQuotes(text: string): number {
  for (let at = 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text.startsWith('$(', at)) at += endOfSubstitution(text.slice(at)) - 1;
    else if (text[at] === '"') return at + 1;
  }
  throw new Error(`no end of the quotes: ${text}`);
}

function endOfSubstitution(text: string): number {
  let at = 2;
  while (at < text.length) {
    if (text[at] === ')') return at + 1;
    const [token] = nextToken(text.slice(at), false);
    // A round bracket within is one of its own.
    at += /^[;&|\n(){}<>]/.test(token) ? 1 : token.length;
  }
  throw new Error(`no end of the substitution: ${text}`);
}

/** What a shell makes of a piece; and the scripts within it. */
function unquote(token: string): { text: string; inner: string[] } {
  if (token.startsWith("$'")) return { text: ansiText(token.slice(2, -1)), inner: [] };
  if (token.startsWith("'")) return { text: token.slice(1, -1), inner: [] };
  if (token.startsWith('$(')) return { text: 'VALUE', inner: [token.slice(2, -1)] };
  if (token.startsWith('\\')) return { text: token.slice(1), inner: [] };
  if (!token.startsWith('"')) return { text: token, inner: [] };
  const inner: string[] = [];
  let body = token.slice(1, -1);
  for (let at = body.indexOf('$('); at >= 0; at = body.indexOf('$(')) {
    const end = at + endOfSubstitution(body.slice(at));
    inner.push(body.slice(at + 2, end - 1));
    body = `${body.slice(0, at)}VALUE${body.slice(end)}`;
  }
  return { text: body.replaceAll(/\\(["\\$`])/g, '$1'), inner };
}

function ansiText(body: string): string {
  const bytes: number[] = [];
  for (const [piece] of body.matchAll(/\\[0-7]{3}|\\[\s\S]|[^\\]/gu)) {
    if (/^\\[0-7]{3}$/.test(piece)) bytes.push(Number.parseInt(piece.slice(1), 8));
    else bytes.push(...Buffer.from(piece.replace(/^\\/, '')));
  }
  return Buffer.from(bytes).toString('utf8');
}

/** `NAME=value command`: the command. */
function withoutAssignments(words: readonly string[]): string[] {
  const first = words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word));
  return first < 0 ? [] : words.slice(first);
}
