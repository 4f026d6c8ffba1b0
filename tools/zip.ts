/** Writes zip archives, as Lambda takes its code: node has no writer of its own. */
import { crc32 } from 'node:zlib';

export interface ZipFile {
  /** With `/` between folders. */
  readonly name: string;
  readonly content: string | Uint8Array;
  /** @default false */
  readonly isExecutable?: boolean;
}

const MADE_BY_UNIX = 0x0314;
const NEEDS_VERSION = 20;
const NAMES_ARE_UTF8 = 0x0800;
const STORED = 0;
/** 1 January 1980: the earliest that the format can hold, and the same archive each time. */
const DATE = 0x0021;
const REGULAR_FILE = 0o100000;

/** An archive of uncompressed files. */
export function zip(files: readonly ZipFile[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, isExecutable = false } of files) {
    const path = Buffer.from(name);
    const body = Buffer.from(content);
    const common = shorts(NEEDS_VERSION, NAMES_ARE_UTF8, STORED, 0, DATE);
    const sizes = words(crc32(body), body.length, body.length);
    const entry = Buffer.concat([common, sizes, shorts(path.length, 0)]);
    const mode = REGULAR_FILE | (isExecutable ? 0o755 : 0o644);
    const rest = [shorts(0, 0, 0), words(mode * 0x1_0000, offset)];
    bodies.push(Buffer.from('PK\x03\x04'), entry, path, body);
    directory.push(Buffer.from('PK\x01\x02'), shorts(MADE_BY_UNIX), entry, ...rest, path);
    offset += 4 + entry.length + path.length + body.length;
  }
  const index = Buffer.concat(directory);
  const counts = shorts(0, 0, files.length, files.length);
  const end = [Buffer.from('PK\x05\x06'), counts, words(index.length, offset), shorts(0)];
  return Buffer.concat([...bodies, index, ...end]);
}

// ---------------------------------------------------------------------------------------------------

function shorts(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) buffer.writeUInt16LE(value, index * 2);
  return buffer;
}

function words(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) buffer.writeUInt32LE(value, index * 4);
  return buffer;
}
