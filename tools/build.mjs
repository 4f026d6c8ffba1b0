// Builds what the package ships: the library and the command by tsc, the Lambda function by esbuild.
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { build } from 'esbuild';

rmSync('dist', { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
chmodSync('dist/cli/main.js', 0o755);

/**
 * Node's own modules by require(), when they are first used: an ESM import of `node:http` reads every
 * export, and one of them is a getter that loads the whole of undici (15 ms and 2 MB at start).
 */
const builtinsByRequire = {
  name: 'builtins-by-require',
  setup(bundler) {
    bundler.onResolve({ filter: /^node:|^[a-z_]+(\/[a-z_]+)?$/ }, ({ path, kind, namespace }) => {
      if (namespace === 'builtin' || kind === 'entry-point') return undefined;
      const name = `node:${path.replace(/^node:/, '')}`;
      return isBuiltin(name) ? { path: name, namespace: 'builtin' } : undefined;
    });
    bundler.onResolve({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      path,
      external: true,
    }));
    bundler.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
    }));
  },
};

/**
 * No operation of ours streams events. The SDK imports that part dynamically, which makes the bundler wrap
 * 156 modules of its core, to be able to start them late (60 KB).
 */
const withoutEventStreams = {
  name: 'without-event-streams',
  setup(bundler) {
    bundler.onResolve({ filter: /^@smithy\/core\/event-streams$/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path, namespace: 'unused' } : undefined,
    );
    bundler.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'export {}' }));
  },
};

/** The SDK's clients bring their package.json along for the version in the user agent; it is enough. */
const versionsOnly = {
  name: 'versions-only',
  setup(bundler) {
    bundler.onLoad({ filter: /@aws-sdk[\\/]client-[^\\/]+[\\/]package\.json$/ }, ({ path }) => {
      const { version } = JSON.parse(readFileSync(path, 'utf8'));
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });
  },
};

/** Powertools, once imported, adds itself to the user agent of the SDK: only what it exports is taken. */
const exportsOnly = {
  name: 'exports-only',
  setup(bundler) {
    const filter = /@aws-lambda-powertools[\\/]commons[\\/]lib[\\/]esm[\\/]index\.js$/;
    bundler.onLoad({ filter }, ({ path }) => ({
      contents: readFileSync(path, 'utf8')
        .match(/^export .*$/gm)
        .join('\n'),
    }));
  },
};

/**
 * Each of them loads modules of Node that a function does not need, 3 ms at start: files with settings of
 * the SDK, which Lambda has none of (an absent one counts as empty), and the checksum of event streams,
 * which no call of ours has; the SDK's own stands in for the native one.
 */
const lighterParts = {
  name: 'lighter-parts',
  setup(bundler) {
    const replace = (filter, contents) => bundler.onLoad({ filter }, () => ({ contents }));
    replace(
      /shared-ini-file-loader[\\/]readFile\.js$/,
      "export const filePromises = {}, fileIntercept = {}; export const readFile = async () => '';",
    );
    replace(/crc32[\\/]Crc32Node\.js$/, "export { Crc32Js as Crc32Node } from './Crc32Js';");
  },
};

const { metafile } = await build({
  entryPoints: ['src/lambda/index.ts'],
  outfile: 'dist/lambda/index.mjs',
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  mainFields: ['module', 'main'],
  plugins: [withoutEventStreams, builtinsByRequire, versionsOnly, exportsOnly, lighterParts],
  // Lambda gives the role's credentials in the environment: the SDK's chain of other sources (SSO, INI
  // files, web identity, instance metadata) is 120 KB that a function never uses.
  alias: { '@aws-sdk/credential-provider-node': './tools/env-credentials.mjs' },
  // Parts of the SDK are CommonJS and call require() for Node's own modules. The name is long so that no
  // minified one meets it.
  banner: {
    js: "import{createRequire as __modelRollbackRequire}from'node:module';const require=__modelRollbackRequire(import.meta.url);",
  },
  legalComments: 'none',
  metafile: true,
});
writeFileSync('dist/lambda/metafile.json', JSON.stringify(metafile));
const bytes = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
process.stdout.write(`dist/lambda/index.mjs ${bytes} bytes\n`);
