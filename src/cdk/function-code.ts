import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { companionFiles, functionFiles } from '../config/function-files.ts';
import { ConfigurationError } from '../domain/errors.ts';

/** In the package the bundle stands beside this folder; in a clone the build puts it into dist/. */
const bundleFolders = ['../lambda', '../../dist/lambda'].map(folderOf);
const companionFolders = ['..', '../../dist'].map(folderOf);

/**
 * The function of this very version of the package: the construct sets variables that it reads.
 * @throws ConfigurationError where nobody has built it
 */
export function bundledCode(scope: Construct, folders: readonly string[] = bundleFolders): Code {
  return codeIn(scope, folders, functionFiles);
}

/**
 * The same of the companions, which are one asset.
 * @throws ConfigurationError where nobody has built them
 */
export function bundledCompanions(
  scope: Construct,
  folders: readonly string[] = companionFolders,
): Code {
  return codeIn(scope, folders, companionFiles);
}

// ---------------------------------------------------------------------------------------------------

function folderOf(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

function codeIn(scope: Construct, folders: readonly string[], files: readonly string[]): Code {
  const [entry = ''] = files;
  const folder = folders.find((path) => existsSync(join(path, entry)));
  if (folder === undefined) {
    throw new ConfigurationError(
      `${scope.node.path}: ${entry}, which is deployed as a function, is in none of ${folders.join(', ')}. In a ` +
        'clone, run "npm run build" first. The npm package contains the file: if you use it, install it again.',
    );
  }
  // What else stands there would change the asset without a change of the code.
  const kept = files.flatMap((file) =>
    [...file.matchAll(/\/|$/g)].map(({ index }) => file.slice(0, index)),
  );
  return Code.fromAsset(folder, { exclude: ['*', ...new Set(kept.map((path) => `!${path}`))] });
}
