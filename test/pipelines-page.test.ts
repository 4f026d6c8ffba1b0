import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { parseLine } from '../src/cli/run.ts';
import { parseOperation } from '../src/domain/request/operation.ts';
import { parseRequest } from '../src/domain/request/request.ts';
import { parseEvent } from '../src/lambda/event.ts';
import { blocksOf } from './fakes/pages.ts';
import { stepsOf } from './fakes/pipeline-steps.ts';
import { shellCommands } from './shell-commands.ts';

/** docs/deploy/pipelines.md: what can be checked of its files without a pipeline; test/e2e runs their steps. */

type Validator = (definition: unknown) => { readonly isValid: boolean };
const validate = createRequire(import.meta.url)('asl-validator') as Validator;

const blocks = blocksOf('docs/deploy/pipelines.md');
const filesIn = (section: string): readonly string[] =>
  blocks
    .filter((one) => one.section === section && one.language === 'yaml')
    .map(({ text }) => text);
const [promote = '', operate = ''] = filesIn('GitHub Actions');
const [gitlab = ''] = filesIn('GitLab CI');
/** Every call of the command, as its words. */
const callsIn = (...files: readonly string[]): string[][] =>
  files
    .flatMap((file) => stepsOf(file).flatMap(({ shell }) => shellCommands(shell)))
    .filter(([program]) => program === 'model-rollback')
    .map(([, ...words]) => words);

describe.each([
  ['GitHub Actions', [promote, operate]],
  ['GitLab CI', [gitlab]],
])('the files for %s', (_name, files) => {
  test('call the command as its parser takes it', () => {
    const calls = callsIn(...files);
    for (const [verb = '', ...args] of calls) {
      expect(() => parseLine(verb, args), [verb, ...args].join(' ')).not.toThrow();
    }
    const verbs = new Set(calls.map(([verb]) => verb));
    expect([...verbs].toSorted()).toEqual(
      ['apply', 'approve', 'can-promote', 'plan', 'promoted', 'status'].toSorted(),
    );
  });

  test('are indented by spaces, two at a time, and quote every variable of a command', () => {
    for (const file of files) {
      for (const line of file.split('\n')) expect(line).toMatch(/^( {2})*(\S|$)/);
      for (const { shell } of stepsOf(file)) {
        expect(shell).not.toContain('${{');
        expect(shell).not.toMatch(/(?<!["=\w/-])\$[A-Z]/);
      }
    }
  });

  test('never ask on a terminal, and roll back with JSON and a key of the run', () => {
    for (const [verb, ...args] of callsIn(...files)) {
      if (verb !== 'apply' && verb !== 'approve') continue;
      expect(args).toEqual(expect.arrayContaining(['--yes', '--json']));
      if (verb === 'apply') expect(args).toContain('--request-id');
    }
  });
});

test('GitLab CI calls the command as GitHub Actions does', () => {
  const plain = (files: readonly string[]): string[] =>
    callsIn(...files)
      .map((words) =>
        words.join(' ').replace(/github-\$GITHUB_RUN_ID|gitlab-\$CI_PIPELINE_ID/, 'KEY'),
      )
      .toSorted();
  expect(plain([gitlab])).toEqual(plain([promote, operate]));
});

describe('the state machine', () => {
  const [definition = '{}'] = blocks
    .filter(({ section, language }) => section === 'Step Functions' && language === 'json')
    .map(({ text }) => text);
  const { States: states } = JSON.parse(definition) as {
    readonly States: Record<string, { readonly Arguments?: { readonly Payload: unknown } }>;
  };
  /** What the function gets for an input, with values in place of the expressions. */
  const payloadOf = (state: string): unknown =>
    JSON.parse(
      JSON.stringify(states[state]?.Arguments?.Payload)
        .replaceAll('{% $states.input.model_name %}', 'PascalStrategy')
        .replaceAll('{% $states.input.version %}', '4')
        .replaceAll(/\{% \$states\.context\.(\w+)\.Id %\}/g, 'arn:aws:states:$1'),
    );

  test('is valid', () => {
    expect(validate(JSON.parse(definition)).isValid).toBe(true);
  });

  test.each(['Freeze', 'Unfreeze', 'UnfreezeAndFail'])('sends an operation in %s', (state) => {
    const event = parseEvent(payloadOf(state));
    expect(event.kind).toBe('operation');
    if (event.kind !== 'operation') return;
    const operation = parseOperation(event.body, Date.UTC(2026, 0, 1));
    expect(operation).toMatchObject({
      modelName: 'PascalStrategy',
      requestedBy: expect.any(String),
    });
  });

  test('sends a request for exactly the version that it promoted', () => {
    const { request, warnings } = parseRequest(payloadOf('RollBack'));
    expect(warnings).toEqual([]);
    expect(request).toMatchObject({ expectedFromVersion: '4', reason: 'TEST_FAILURE' });
  });
});

describe('stepsOf', () => {
  test('reads what YAML would: lines, blocks, folded blocks and lists', () => {
    const yaml = `jobs:
  a:
    steps:
      - uses: x
      - name: One
        run: echo one
      - run: |
          echo two \\
            three
          echo four
      - name: Last
        if: failure()
b:
  before_script:
    - echo five
  script:
    - >-
      echo six
      seven
    - echo eight
  artifacts:
    - no-script
`;
    expect(stepsOf(yaml)).toEqual([
      { name: 'One', shell: 'echo one' },
      { name: 'One', shell: 'echo two \\\n  three\necho four' },
      { name: 'b', shell: 'echo five' },
      { name: 'b', shell: 'echo six seven' },
      { name: 'b', shell: 'echo eight' },
    ]);
  });
});
