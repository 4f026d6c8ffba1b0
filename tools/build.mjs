// Builds what the package ships: the library and the command by tsc, the Lambda function by esbuild.
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { build } from 'esbuild';
import { functionFiles } from '../src/config/function-files.ts';
import { embedded } from '../src/lambda/code-cache.ts';

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
 * which no call of ours has; the SDK's own stands in for the native one. And the discovery of endpoints, which
 * nobody switches on, keeps what it found in a cache of 7 KB of code: a map does.
 */
const lighterParts = {
  name: 'lighter-parts',
  setup(bundler) {
    const replace = (filter, contents) => bundler.onLoad({ filter }, () => ({ contents }));
    replace(
      /shared-ini-file-loader[\\/]readFile\.js$/,
      "export const filePromises = {}, fileIntercept = {}; export const readFile = async () => '';",
    );
    replace(
      /middleware-logger[\\/]loggerMiddleware\.js$/,
      `export const getLoggerPlugin = () => ({ applyToStack: () => undefined });
      export const loggerMiddleware = undefined, loggerMiddlewareOptions = undefined;`,
    );
    replace(
      /mnemonist[\\/]lru-cache\.js$/,
      'module.exports = class extends Map { constructor() { super(); } peek(key) { return this.get(key); } };',
    );
    replace(/crc32[\\/]Crc32Node\.js$/, "export { Crc32Js as Crc32Node } from './Crc32Js';");
  },
};

/**
 * The SDK writes texts character by character into a buffer; a record has some thousands, which takes V8's
 * optimising compiler on the first call already. Node writes the same bytes at once.
 */
const nativeJsonStrings = {
  name: 'native-json-strings',
  setup(bundler) {
    bundler.onLoad({ filter: /codec-v2[\\/]JsonShapeSerializer2\.js$/ }, ({ path }) => {
      const code = readFileSync(path, 'utf8');
      const loop = /(?<= {4}writeJsonString\(s\) \{\n)[\s\S]*?(?=\n {4}\}\n {4}writeUnicodeEscape)/;
      if (!loop.test(code)) throw new Error(`${path} has changed: check native-json-strings`);
      const native = `const text = JSON.stringify(s);
        this.ensure(text.length * 3);
        this.i += encoder.encodeInto(text, this.json.subarray(this.i)).written;`;
      return { contents: code.replace(loop, native) };
    });
  },
};

/** What each function is made with. */
const forLambda = {
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node24',
  mainFields: ['module', 'main'],
  plugins: [
    withoutEventStreams,
    builtinsByRequire,
    versionsOnly,
    exportsOnly,
    lighterParts,
    nativeJsonStrings,
  ],
  // Lambda gives the role's credentials in the environment: the SDK's chain of other sources (SSO, INI
  // files, web identity, instance metadata) is 120 KB that a function never uses.
  alias: { '@aws-sdk/credential-provider-node': './tools/env-credentials.mjs' },
  legalComments: 'none',
};

/** All of the function, as one script (src/lambda/code-cache.ts). */
const { metafile, outputFiles } = await build({
  ...forLambda,
  entryPoints: ['src/lambda/function.ts'],
  write: false,
  outfile: 'dist/lambda/function.cjs',
  format: 'cjs',
  banner: { js: '(function(require,module){' },
  footer: { js: '})' },
  metafile: true,
});

/** The companions, each a function of its own: the one that rolls back holds nothing of them. */
const companions = {
  compare: 'src/lambda/compare-models.ts',
  promote: 'src/lambda/promote.ts',
  http: 'src/http-function.ts',
};
for (const [name, entry] of Object.entries(companions)) {
  await build({
    ...forLambda,
    entryPoints: [entry],
    outfile: `dist/${name}/index.mjs`,
    format: 'esm',
    banner: {
      js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
    },
  });
}

/** Its entry, and what makes its code cache. */
await build({
  entryPoints: ['src/lambda/index.ts', 'src/lambda/make-cache.ts'],
  outdir: 'dist/lambda',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
});

writeFileSync('dist/lambda/metafile.json', JSON.stringify(metafile));
appendFileSync('dist/lambda/index.mjs', embedded(outputFiles[0].text));
// Without flags of Node, as Lambda runs it: V8 rejects a cache that was made under others.
execFileSync(process.execPath, ['dist/lambda/make-cache.mjs'], { stdio: 'inherit', env: {} });
for (const file of functionFiles) {
  process.stdout.write(`dist/lambda/${file} ${statSync(`dist/lambda/${file}`).size} bytes\n`);
}
for (const name of Object.keys(companions)) {
  const file = `dist/${name}/index.mjs`;
  process.stdout.write(`${file} ${statSync(file).size} bytes\n`);
}
