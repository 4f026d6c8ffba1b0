import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { synthesizeTemplate } from '../../tools/template.ts';
import { parseHcl } from './hcl.ts';

/** The pages about deployment against what is deployed. */

const page = (name: string): string => readFileSync(join('docs', 'deploy', `${name}.md`), 'utf8');
const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter((match) => match[1] === language)
    .map((match) => match[2] ?? '');
/** The names in the first column of the tables. */
const rows = (text: string): string[] =>
  [...text.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)]
    .flatMap((match) => [...(match[1] ?? '').matchAll(/`(\w+)`/g)])
    .map((match) => match[1] ?? '')
    .toSorted();

describe('cdk.md', () => {
  test('tells every prop, and no other', () => {
    const source = readFileSync('src/cdk/model-rollback-props.ts', 'utf8');
    const props = [...source.matchAll(/^ {2}readonly (\w+)\??:/gm)].map((match) => match[1] ?? '');
    expect(props.length).toBeGreaterThan(25);
    expect(rows(page('cdk'))).toEqual(props.toSorted());
  });

  test('has every prop documented with its default', () => {
    const source = readFileSync('src/cdk/model-rollback-props.ts', 'utf8');
    const documented = [...source.matchAll(/\/\*\*([\s\S]*?)\*\/\s+readonly (\w+)\?:/g)];
    const optional = [...source.matchAll(/^ {2}readonly \w+\?:/gm)];
    expect(documented).toHaveLength(optional.length);
    for (const [, comment, name] of documented) expect(comment, name).toContain('@default');
  });

  test('shows a stack that can be synthesised', async () => {
    const bundle = 'dist/lambda/index.mjs';
    expect(existsSync(bundle), `${bundle}: run "npm run build" first`).toBe(true);
    const folder = mkdtempSync(join(tmpdir(), 'model-rollback-docs-'));
    try {
      const [code = ''] = blocks(page('cdk'), 'ts');
      const construct = pathToFileURL(join(process.cwd(), 'src', 'cdk', 'index.ts')).href;
      await promisify(execFile)(
        process.execPath,
        [
          '--input-type=module-typescript',
          '--eval',
          code.replace("'model-rollback/cdk'", JSON.stringify(construct)),
        ],
        { env: { ...process.env, CDK_OUTDIR: folder } },
      );
      const template = readFileSync(join(folder, 'Models.template.json'), 'utf8');
      expect(template).toContain('"high-drawdown-alarm"');
      expect(template).toContain('"PascalStrategy"');
      // The asset is the bundle and nothing else.
      const assets = readdirSync(folder).filter((name) => name.startsWith('asset.'));
      expect(assets).toHaveLength(1);
      expect(readdirSync(join(folder, assets[0] ?? ''))).toEqual(['index.mjs']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('cloudformation.md', () => {
  const template = synthesizeTemplate() as {
    readonly Parameters: object;
    readonly Outputs: object;
  };

  test('tells every parameter, and no other', () => {
    expect(rows(page('cloudformation'))).toEqual(Object.keys(template.Parameters).toSorted());
  });

  test('tells and uses the outputs that there are', () => {
    for (const name of Object.keys(template.Outputs)) {
      expect(page('cloudformation')).toContain(`\`${name}\``);
    }
    const used = [...page('cloudformation').matchAll(/\$\(output (\w+)\)/g)].map(
      (match) => match[1] ?? '',
    );
    expect(used.length).toBeGreaterThan(3);
    expect(Object.keys(template.Outputs)).toEqual(expect.arrayContaining(used));
  });
});

describe('terraform.md', () => {
  const declared = (file: string): string[] =>
    parseHcl(readFileSync(join('terraform', file), 'utf8')).map(({ labels }) => labels[0] ?? '');

  test('tells every variable, and no other', () => {
    expect(rows(page('terraform'))).toEqual(declared('variables.tf').toSorted());
  });

  test('tells and uses the outputs that there are', () => {
    const text = page('terraform');
    for (const name of declared('outputs.tf')) expect(text).toContain(`\`${name}\``);
    const used = [...text.matchAll(/(?:\$\(output |module\.model_rollback\.)(\w+)/g)].map(
      (match) => match[1] ?? '',
    );
    expect(declared('outputs.tf')).toEqual(expect.arrayContaining(used));
  });

  test('shows HCL that sets variables that there are, and the required ones', () => {
    const examples = [page('terraform'), readFileSync('terraform/README.md', 'utf8')];
    for (const example of examples) {
      const [code = ''] = blocks(example, 'hcl');
      const [module] = parseHcl(code).filter(({ type }) => type === 'module');
      const { source: _place, ...set } = module?.attributes ?? {};
      expect(declared('variables.tf')).toEqual(expect.arrayContaining(Object.keys(set)));
      expect(set).toMatchObject({
        mlflow_tracking_uri: expect.anything(),
        package_file: expect.anything(),
      });
    }
  });

  test('says that it was not applied', () => {
    expect(page('terraform')).toContain('It was not applied');
    expect(readFileSync('terraform/README.md', 'utf8')).toContain('This module was not applied');
  });
});

describe('each page', () => {
  test.each(['cdk', 'cloudformation', 'terraform'])(
    '%s ends with a test alarm and doctor',
    (name) => {
      const [, end = ''] = page(name).split('\n## A test alarm\n');
      expect(end).toContain('aws cloudwatch set-alarm-state');
      expect(end).toContain('\nmodel-rollback doctor --function ');
    },
  );
});
