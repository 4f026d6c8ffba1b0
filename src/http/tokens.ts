import { createHash, timingSafeEqual } from 'node:crypto';
import { ConfigurationError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';

/** What a caller may do: a viewer reads, an operator also acts. */
export type Role = 'viewer' | 'operator';

/** Who may call. The token itself is not kept. */
export interface Token {
  readonly role: Role;
  /** For the log and for records; null where none is given. */
  readonly name: string | null;
  readonly digest: Buffer;
  /** Stands for the token where it may be seen: nothing follows from it. */
  readonly id: string;
}

/**
 * Reads a token file: a token a line, as `ROLE TOKEN [NAME]`; `#` begins a comment.
 * @throws ConfigurationError naming the line, never a token
 */
export function parseTokens(text: string, file: string): readonly Token[] {
  const tokens = text.split('\n').flatMap((line, index) => {
    const words = line.replace(/(^|\s)#.*$/, '').trim();
    return words === '' ? [] : [parseLine(words, `${file}, line ${index + 1}`)];
  });
  if (tokens.length === 0) {
    throw new ConfigurationError(`${file} holds no token. Add a line such as: operator TOKEN ci`);
  }
  const digests = tokens.map(({ digest }) => digest.toString('hex'));
  if (new Set(digests).size < digests.length) {
    throw new ConfigurationError(`${file} holds a token twice. Give each line a token of its own.`);
  }
  return tokens;
}

/** The token that was sent. All are compared, each in constant time. */
export function findToken(tokens: readonly Token[], sent: string): Token | null {
  const digest = digestOf(sent);
  let found: Token | null = null;
  for (const token of tokens) if (timingSafeEqual(token.digest, digest)) found = token;
  return found;
}

// ---------------------------------------------------------------------------------------------------

/** Shorter ones could be guessed. */
const tokenLengthMin = 16;

function parseLine(line: string, where: string): Token {
  const [role = '', token = '', ...name] = line.split(/\s+/);
  if (role !== 'viewer' && role !== 'operator') {
    throw new ConfigurationError(
      `${where}: a line is ROLE TOKEN [NAME], and ROLE is viewer or operator.`,
    );
  }
  if (!/^[\x21-\x7e]+$/.test(token) || token.length < tokenLengthMin) {
    throw new ConfigurationError(
      `${where}: the token must have at least ${tokenLengthMin} characters of ASCII. To make one, run ` +
        'openssl rand -hex 32',
    );
  }
  const shown = name.join(' ');
  if (shown.length > limits.textLengthMax / 2 || /\p{Cc}/u.test(shown)) {
    throw new ConfigurationError(`${where}: the name is too long, or holds control characters.`);
  }
  const digest = digestOf(token);
  const id = createHash('sha256').update('id ').update(digest).digest('hex').slice(0, 16);
  return { role, name: shown === '' ? null : shown, digest, id };
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
