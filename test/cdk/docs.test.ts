import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FleetRollBack } from '../../src/cdk/index.ts';
import { synthesizeTemplate } from '../../tools/template.ts';
import { parseHcl } from './hcl.ts';
import { makeRollback, resourcesOf, type Statement, statementsOf } from './stacks.ts';

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
  const source = ['companion-props', 'model-rollback-props']
    .map((file) => readFileSync(`src/cdk/${file}.ts`, 'utf8'))
    .join('');

  test('tells every prop, and no other', () => {
    const props = [...source.matchAll(/^ {2}readonly (\w+)\??:/gm)].map((match) => match[1] ?? '');
    expect(props.length).toBeGreaterThan(25);
    expect(rows(page('cdk'))).toEqual(props.toSorted());
  });

  test('has every prop documented with its default', () => {
    const documented = [...source.matchAll(/\/\*\*([\s\S]*?)\*\/\s+readonly (\w+)\?:/g)];
    const optional = [...source.matchAll(/^ {2}readonly \w+\?:/gm)];
    expect(documented).toHaveLength(optional.length);
    for (const [, comment, name] of documented) expect(comment, name).toContain('@default');
  });

  test('installs the versions that the package is tested with', () => {
    const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      readonly devDependencies: Readonly<Record<string, string>>;
    };
    for (const name of ['aws-cdk-lib', 'constructs']) {
      expect(page('cdk')).toContain(` ${name}@${devDependencies[name]} `);
    }
  });
});

describe('cloudformation.md', () => {
  const template = synthesizeTemplate({ hasCompanions: true }) as {
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

describe('step-functions.md', () => {
  test('lets the state machine of a fleet do what the construct lets it do', () => {
    const text = readFileSync('docs/reference/step-functions.md', 'utf8');
    const [, policy = '{}'] = /^cat > fleet-policy.json <<JSON\n([\s\S]*?)^JSON$/m.exec(text) ?? [];
    const { Statement: statements } = JSON.parse(policy) as { readonly Statement: Statement[] };
    const { rollback, stack } = makeRollback();
    const { function: lambdaFunction, topic } = rollback;
    new FleetRollBack(stack, 'Fleet', { lambdaFunction, topic });
    const made = Object.entries(resourcesOf(stack, 'AWS::IAM::Policy'))
      // The rights for its log and its traces, and those for the key of the topic, are the construct's own.
      .filter(([id]) => /^Fleet(Policy|Children)/.test(id))
      .flatMap(([, resource]) => statementsOf(resource))
      .filter(({ Sid }) => Sid !== 'AnnounceKey');
    const actions = (list: readonly Statement[]) =>
      list.map(({ Action }) => [Action].flat().toSorted().join()).toSorted();
    expect(actions(statements)).toEqual(actions(made));
  });
});

describe('each page', () => {
  test.each(['cdk', 'cloudformation', 'terraform'])(
    '%s ends with a test alarm and doctor',
    (name) => {
      const [, end = ''] = page(name).split('\n## A test alarm\n');
      expect(end).toContain('aws cloudwatch set-alarm-state');
      expect(end).toMatch(/^(npx )?model-rollback doctor --function /m);
    },
  );
});
