import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { App, type Stack, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, type NagPack, ServerlessChecks } from 'cdk-nag';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { home, makeAlarm, makeRollback, makeStack, makeWhole } from './stacks.ts';

interface Finding {
  readonly rule: string;
  readonly where: string;
}

const packs: readonly (new (app: App) => NagPack)[] = [AwsSolutionsChecks, ServerlessChecks];
/** What `cdk init` sets for a new app: some of it changes policies. */
const recommended = createRequire(import.meta.url).resolve(
  'aws-cdk-lib/recommended-feature-flags.json',
);
const flags: Record<string, unknown> = JSON.parse(readFileSync(recommended, 'utf8'));

/** Within the construct: what stands around it in a test is not its business. */
function findingsOf(stack: Stack): readonly Finding[] {
  const app = stack.node.root as App;
  return packs
    .flatMap((Pack) => new Pack(app).validateScope(app).violations)
    .flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath = '' }) => ({
        rule: ruleName,
        where: constructPath,
      })),
    )
    .filter(({ where }) => where.startsWith('Production/Rollback/'));
}

/** Those that are acknowledged, and a construct without any acknowledgement. */
function withoutAcknowledgements(): { readonly id: string; readonly reason: string }[] {
  const seen: { id: string; reason: string }[] = [];
  vi.spyOn(Validations.prototype, 'acknowledge').mockImplementation((...rules) => {
    seen.push(...rules);
  });
  return seen;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('cdk-nag', () => {
  test.each([
    ['of an account', home],
    ['of no account yet', {}],
  ])('finds nothing in a stack %s', (_what, props) => {
    const { stack, rollback } = makeRollback({}, makeStack(props));
    rollback.addAlarm(makeAlarm(stack), { model: 'PascalStrategy' });
    expect(findingsOf(stack)).toEqual([]);
  });

  test.each([
    ['without flags', {}],
    ['with the flags of a new app', flags],
  ])('finds nothing with everything switched on, %s', (_what, context) => {
    const stack = makeStack(home, new App({ context }));
    makeWhole(stack);
    expect(findingsOf(stack)).toEqual([]);
  });

  test('finds exactly what is acknowledged, each with a reason', () => {
    const acknowledged = withoutAcknowledgements();
    const { stack } = makeRollback({ compareFunction: true, promoteFunction: true });
    const found = findingsOf(stack);
    expect(found.length).toBeGreaterThan(3);
    expect(found.map(({ rule }) => rule).toSorted()).toEqual(
      acknowledged.map(({ id }) => id).toSorted(),
    );
    for (const { reason } of acknowledged) expect(reason.length).toBeGreaterThan(20);
  });

  test('lets an app with both packs be synthesised, and no app without the acknowledgements', () => {
    const synth = (stack: Stack): void => {
      const app = stack.node.root as App;
      Validations.of(app).addPlugins(...packs.map((Pack) => new Pack(app)));
      app.synth();
    };
    expect(() => synth(makeRollback().stack)).not.toThrow();
    withoutAcknowledgements();
    expect(() => synth(makeRollback().stack)).toThrow(/AwsSolutions-IAM5[\s\S]*SQSRedrivePolicy/);
  });
});
