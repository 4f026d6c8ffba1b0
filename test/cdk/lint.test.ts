import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, describe, expect, test } from 'vitest';
import { FleetRollBack, PromoteAndWatch } from '../../src/cdk/index.ts';
import { synthesizeTemplate } from '../../tools/template.ts';
import { tool } from '../engines/tools.ts';
import { makeStack, makeWhole } from './stacks.ts';

interface Finding {
  readonly Rule: { readonly Id: string };
  readonly Location: { readonly Path: readonly (string | number)[] };
}

interface Linted {
  readonly Parameters?: Readonly<Record<string, object>>;
  readonly Resources: Readonly<Record<string, { readonly Metadata?: Metadata }>>;
}

interface Metadata {
  readonly 'cfn-lint'?: {
    readonly config: { readonly ignore_checks: readonly string[] };
    readonly reasons: Readonly<Record<string, string>>;
  };
}

const cfnLint = await tool('cfnlint');
const folder = mkdtempSync(join(tmpdir(), 'model-rollback-lint-'));
const packaged = synthesizeTemplate({ hasCompanions: true }) as unknown as Linted;
const constructs = templateOfConstructs();

describe.skipIf(cfnLint.isMissing)(cfnLint.title('cfn-lint'), () => {
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('finds nothing in the template of the package, nor in the constructs', async () => {
    expect(await lint('plain', [packaged, constructs])).toEqual([]);
  });

  test('finds exactly what is acknowledged in a resource, each with a reason', async () => {
    const acknowledged = [packaged, constructs].flatMap(acknowledgements);
    expect(acknowledged.length).toBeGreaterThan(4);
    for (const { reason } of acknowledged) expect(reason).toMatch(/^.{20,}\.$/);
    const rules = [...new Set(acknowledged.map(({ rule }) => rule))];

    const found = await lint('all', [packaged, constructs], ['--mandatory-checks', ...rules]);

    const named = (list: readonly { rule: string; where: unknown }[]) =>
      list.map(({ rule, where }) => `${rule} ${where}`).toSorted();
    const places = found.map(({ Rule, Location }) => ({ rule: Rule.Id, where: Location.Path[1] }));
    expect(named(places)).toEqual(named(acknowledged));
  });

  test('finds a default that is none of the allowed values', async () => {
    const { LogRetentionDays: days, ...others } = packaged.Parameters ?? {};
    const Parameters = { ...others, LogRetentionDays: { ...days, Default: 90 } };
    const [finding] = await lint('broken', [{ ...packaged, Parameters }]);
    expect(finding?.Rule.Id).toBe('E2015');
  });
});

// ---------------------------------------------------------------------------------------------------

/** Everything switched on, in a stack of no account, beside the state machines. */
function templateOfConstructs(): Linted {
  const stack: Stack = makeStack({});
  const rollback = makeWhole(stack);
  const { function: lambdaFunction, topic } = rollback;
  new FleetRollBack(stack, 'Fleet', { lambdaFunction, topic });
  new PromoteAndWatch(stack, 'Promotion', { rollback });
  return Template.fromStack(stack).toJSON() as Linted;
}

function acknowledgements({
  Resources,
}: Linted): { rule: string; where: string; reason: string }[] {
  return Object.entries(Resources).flatMap(([where, { Metadata: metadata }]) => {
    const { config, reasons = {} } = metadata?.['cfn-lint'] ?? {};
    return (config?.ignore_checks ?? []).map((rule) => ({
      rule,
      where,
      reason: reasons[rule] ?? '',
    }));
  });
}

async function lint(
  name: string,
  templates: readonly Linted[],
  options: readonly string[] = [],
): Promise<readonly Finding[]> {
  const files = templates.map((template, index) => {
    const file = join(folder, `${name}-${index}.json`);
    writeFileSync(file, JSON.stringify(template));
    return file;
  });
  const command = join(cfnLint.folder, 'bin', 'cfn-lint');
  const args = ['--format', 'json', ...options, '--template', ...files];
  const { promise, resolve, reject } = Promise.withResolvers<readonly Finding[]>();
  execFile(command, args, { maxBuffer: 32 << 20 }, (error, stdout, stderr) => {
    // Its exit code says what kinds of findings there are, and nothing where it is 1.
    if (stderr !== '' || (error !== null && (typeof error.code !== 'number' || error.code === 1))) {
      reject(new Error(`${error?.message}\n${stderr}`));
    } else {
      resolve(JSON.parse(stdout) as readonly Finding[]);
    }
  });
  return await promise;
}
