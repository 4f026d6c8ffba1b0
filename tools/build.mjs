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
      contents: readFileSync(path, 'utf8').match(/^export .*$/gm).join('\n'),
    }));
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
  plugins: [builtinsByRequire, versionsOnly, exportsOnly],
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
