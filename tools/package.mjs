// Writes what is deployed without the CDK: the code of the functions, and a CloudFormation template.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { companionFiles, functionFiles } from '../src/config/function-files.ts';
import { synthesizeTemplate } from './template.ts';
import { zip } from './zip.ts';

const packed = (folder, files) =>
  zip(files.map((name) => ({ name, content: readFileSync(join(folder, name)) })));
const template = (options) => `${JSON.stringify(synthesizeTemplate(options))}\n`;
const outputs = {
  'dist/model-rollback.zip': packed('dist/lambda', functionFiles),
  'dist/model-rollback-companions.zip': packed('dist', companionFiles),
  // Without spaces: CloudFormation takes a template of at most 51,200 bytes in a request.
  'dist/model-rollback.template.json': template({ hasCompanions: false }),
  'dist/model-rollback-companions.template.json': template({ hasCompanions: true }),
};
for (const [path, content] of Object.entries(outputs)) {
  writeFileSync(path, content);
  process.stdout.write(`${path} ${Buffer.byteLength(content)} bytes\n`);
}
