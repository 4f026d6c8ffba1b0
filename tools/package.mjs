// Writes what is deployed without the CDK: the code of the function, and a CloudFormation template.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { functionFiles } from '../src/config/function-files.ts';
import { synthesizeTemplate } from './template.ts';
import { zip } from './zip.ts';

const outputs = {
  'dist/model-rollback.zip': zip(
    functionFiles.map((name) => ({ name, content: readFileSync(join('dist', 'lambda', name)) })),
  ),
  // Without spaces: CloudFormation takes a template of at most 51,200 bytes.
  'dist/model-rollback.template.json': `${JSON.stringify(synthesizeTemplate())}
`,
};
for (const [path, content] of Object.entries(outputs)) {
  writeFileSync(path, content);
  process.stdout.write(`${path} ${Buffer.byteLength(content)} bytes\n`);
}
