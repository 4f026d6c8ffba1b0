import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { functionFiles } from '../config/function-files.ts';
import { ConfigurationError } from '../domain/errors.ts';

/** In the package the bundle stands beside this folder; in a clone the build puts it into dist/. */
const bundleFolders = ['../lambda', '../../dist/lambda'].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url)),
);

/**
 * The function of this very version of the package: the construct sets variables that it reads.
 * @throws ConfigurationError where nobody has built it
 */
export function bundledCode(scope: Construct, folders: readonly string[] = bundleFolders): Code {
  const folder = folders.find((path) => existsSync(join(path, functionFiles[0])));
  if (folder === undefined) {
    throw new ConfigurationError(
      `${scope.node.path}: the bundle of the function is in none of ${folders.join(', ')}. In a clone run ` +
        '"npm run build" first; an installed package brings it along, so install the package again.',
    );
  }
  // What esbuild says of it stands there too, and would change the asset without a change of the code.
  return Code.fromAsset(folder, { exclude: ['*', ...functionFiles.map((name) => `!${name}`)] });
}
