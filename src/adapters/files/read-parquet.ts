import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';

/** The rows of a Parquet file. Snappy is the reader's own; the other compressions are Node's. */
export async function readParquet(
  bytes: Buffer,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  // Its own memory: a Buffer may be a part of a larger one.
  const file = new Uint8Array(bytes).buffer;
  return await parquetReadObjects({
    file,
    compressors: {
      GZIP: (input) => gunzipSync(input),
      BROTLI: (input) => brotliDecompressSync(input),
      ZSTD: (input) => zstdDecompressSync(input),
    },
  });
}
