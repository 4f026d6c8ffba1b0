// Builds what the package ships: the library and the command by tsc, the Lambda function by esbuild.
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

rmSync('dist', { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
chmodSync('dist/cli/main.js', 0o755);

const { metafile } = await build({
  entryPoints: ['src/lambda/index.ts'],
  outfile: 'dist/lambda/index.mjs',
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  mainFields: ['module', 'main'],
  // Parts of the SDK are CommonJS and call require() for Node's own modules.
  banner: { js: "import{createRequire as r}from'node:module';const require=r(import.meta.url);" },
  legalComments: 'none',
  metafile: true,
});
writeFileSync('dist/lambda/metafile.json', JSON.stringify(metafile));
const bytes = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
process.stdout.write(`dist/lambda/index.mjs ${(bytes / 1024).toFixed(0)} KB\n`);
