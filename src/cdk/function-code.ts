import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { type companionFiles, functionFiles } from '../config/function-files.ts';
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
 * The same of companions, which are one asset.
 * @throws ConfigurationError where nobody has built one of them
 */
export function bundledCompanions(
  scope: Construct,
  files: readonly (typeof companionFiles)[number][],
  folders: readonly string[] = companionFolders,
): Code {
  return codeIn(scope, folders, files);
}

// ---------------------------------------------------------------------------------------------------

function folderOf(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

function codeIn(scope: Construct, folders: readonly string[], files: readonly string[]): Code {
  const missing = (folder: string) => files.filter((file) => !existsSync(join(folder, file)));
  // The code cache may be missing.
  const isWhole = (folder: string) => missing(folder).every((file) => !file.endsWith('.mjs'));
  const folder = folders.find(isWhole);
  if (folder === undefined) {
    const entries = files.filter((file) => file.endsWith('.mjs')).join(' and ');
    throw new ConfigurationError(
      `${scope.node.path}: ${entries}, deployed as functions, are in none of ${folders.join(', ')}. In a ` +
        'clone, run "npm run build" first. The npm package contains them: if you use it, install it again.',
    );
  }
  // What else stands there would change the asset without a change of the code.
  const kept = files.flatMap((file) =>
    [...file.matchAll(/\/|$/g)].map(({ index }) => file.slice(0, index)),
  );
  return Code.fromAsset(folder, { exclude: ['*', ...new Set(kept.map((path) => `!${path}`))] });
}
