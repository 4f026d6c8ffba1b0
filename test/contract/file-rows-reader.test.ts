import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileRowsReader } from '../../src/adapters/files/file-rows-reader.ts';
import { InvalidRequestError } from '../../src/domain/errors.ts';
import { numberOf } from '../../src/domain/evidence/rows.ts';
import { tool } from '../engines/tools.ts';

const scipy = await tool('scipy');
const reader = new FileRowsReader();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'model-rollback-rows-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function written(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** The columns, each value as a number where it is one. */
async function columnsOf(path: string): Promise<unknown> {
  const { columns } = await reader.readRows(path);
  return Object.fromEntries(
    [...columns].map(([name, values]) => [
      name,
      values.map((value) => (name === 'id' || name === 'market' ? String(value) : numberOf(value))),
    ]),
  );
}

const expected = {
  id: ['t1', 't2', 't3'],
  profit: [1.5, -2, Number.NaN],
  right: [1, 0, 1],
  market: ['EU', 'US, east', 'EU'],
};

describe('FileRowsReader', () => {
  test('reads CSV with quotes, a byte order mark, and words for numbers', async () => {
    const text =
      '\uFEFFid,profit,right,market\r\nt1,1.5,True,EU\r\nt2,-2,false,"US, east"\r\nt3,,1,EU\r\n';
    const path = await written('a.csv', text);
    expect(await columnsOf(path)).toEqual(expected);
    const { name, sha256 } = await reader.readRows(path);
    const digest = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    expect([name, sha256]).toEqual(['a.csv', digest]);
  });

  test('reads JSON lines, also with a value missing', async () => {
    const text = [
      '{"id": "t1", "profit": 1.5, "right": true, "market": "EU"}',
      '{"id": "t2", "profit": -2, "right": false, "market": "US, east"}',
      '',
      '{"id": "t3", "right": 1, "market": "EU"}',
    ];
    expect(await columnsOf(await written('a.jsonl', text.join('\n')))).toEqual(expected);
  });

  test.each([
    ['no.csv', null, /no\.csv cannot be read: ENOENT/],
    ['a.txt', 'x', /no file extension that shows its format: use \.csv, \.jsonl .* or \.parquet/],
    ['broken.csv', 'id,a\n1\n', /broken\.csv cannot be read/],
    ['twice.csv', 'id,a,a\n1,2,3\n', /the column "a" twice/],
    ['broken.jsonl', '{"id": 1}\n{"id": ', /line 2 is not JSON/],
    ['list.jsonl', '[1]', /line 1 is not a JSON object/],
    ['broken.parquet', 'PAR1', /broken\.parquet cannot be read/],
  ])('names what is wrong with %s', async (name, content, why) => {
    const path = content === null ? join(folder, name) : await written(name, content);
    await expect(reader.readRows(path)).rejects.toThrow(InvalidRequestError);
    await expect(reader.readRows(path)).rejects.toThrow(why);
  });
});

describe.skipIf(scipy.isMissing)(scipy.title('FileRowsReader with files of pandas'), () => {
  const codecs = ['snappy', 'gzip', 'brotli', 'zstd', 'none'];

  beforeAll(() => {
    const script = `
import sys, pandas
rows = pandas.DataFrame({
    "id": ["t1", "t2", "t3"], "profit": [1.5, -2, None],
    "right": [True, False, True], "market": ["EU", "US, east", "EU"]})
for codec in sys.argv[2:]:
    rows.to_parquet(f"{sys.argv[1]}/{codec}.parquet", compression=None if codec == "none" else codec)
`;
    execFileSync(join(scipy.folder, 'bin', 'python'), ['-c', script, folder, ...codecs]);
  }, 60_000);

  test.each(codecs)('reads Parquet with the compression %s', async (codec) => {
    expect(await columnsOf(join(folder, `${codec}.parquet`))).toEqual(expected);
  });
});
