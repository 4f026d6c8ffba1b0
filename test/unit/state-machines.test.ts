/** The state machines of `state-machines/`, and the tasks to copy in the documents, against the code. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { Outcome } from '../../src/domain/decide/outcome.ts';
import * as errors from '../../src/domain/errors.ts';
import { limits } from '../../src/domain/limits.ts';
import { parseFleetRequest, planOfFleet } from '../../src/domain/request/fleet-request.ts';
import { parseRequest } from '../../src/domain/request/request.ts';

interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds: number;
  readonly BackoffRate: number;
  readonly MaxDelaySeconds?: number;
  readonly MaxAttempts: number;
  readonly JitterStrategy?: 'FULL' | 'NONE';
}

interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly Resource?: string;
  readonly TimeoutSeconds?: number;
  readonly Parameters?: { readonly FunctionName: string };
  readonly Arguments?: { readonly FunctionName: string };
  readonly Retry?: readonly Retrier[];
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[];
  readonly Choices?: readonly Rule[];
  readonly Default?: string;
  readonly Error?: string;
  readonly ErrorPath?: string;
  readonly Cause?: string;
  readonly CausePath?: string;
}

interface Rule {
  readonly Variable?: string;
  readonly StringEquals?: string;
  readonly Condition?: string;
  readonly Next: string;
}

interface Definition {
  readonly QueryLanguage: string;
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

/** Of a fleet run: a state machine within a Map. */
interface FleetDefinition extends Definition {
  readonly States: Definition['States'] & {
    readonly Plan: State;
    readonly RollBackEach: {
      readonly Label: string;
      readonly MaxConcurrencyPath: string;
      readonly ToleratedFailureCountPath: string;
      readonly ItemsPath: string;
      readonly ItemSelector: Readonly<Record<string, string>>;
      readonly ItemProcessor: Definition & {
        readonly ProcessorConfig: Readonly<Record<string, string>>;
      };
    };
    readonly Summarize: { readonly Output: Readonly<Record<string, unknown>> };
    readonly SummarizeStop: { readonly Output: Readonly<Record<string, unknown>> };
    readonly Announce: {
      readonly Arguments: {
        readonly MessageAttributes: Readonly<Record<string, { readonly DataType: string }>>;
      };
    };
  };
}

type Validator = (definition: unknown) => {
  readonly isValid: boolean;
  errorsText(separator: string): string;
};

// It has no types, and it writes into what it is given.
const require = createRequire(import.meta.url);
const validate = require('asl-validator') as Validator;
const problemsOf = (definition: unknown): string => {
  const { isValid, errorsText } = validate(structuredClone(definition));
  return isValid ? '' : errorsText('\n');
};

const read = (language: string): Definition =>
  JSON.parse(readFileSync(`state-machines/roll-back.${language}.asl.json`, 'utf8'));
const fleet: FleetDefinition = JSON.parse(
  readFileSync('state-machines/fleet-roll-back.asl.json', 'utf8'),
);
const twins = { jsonpath: read('jsonpath'), jsonata: read('jsonata') };
const taskOf = ({ States }: Definition): State => States['RollBack'] ?? expect.fail('no RollBack');
const choiceOf = ({ States }: Definition): State =>
  States['WhatHappened'] ?? expect.fail('no WhatHappened');

/** Of a request. The others end an alarm, or a promotion. */
const requestOutcomes = [
  ...Object.values(Outcome).filter(
    (outcome) =>
      !['DEFERRED', 'AWAITING_APPROVAL', 'OBSERVED', 'IGNORED', 'PROMOTED'].includes(outcome),
  ),
  'DRY_RUN',
];

const thrown = Object.values(errors)
  .filter((value) => typeof value === 'function')
  .filter((value) => value.prototype instanceof errors.ModelRollbackError)
  .map((value) => new (value as unknown as new () => errors.ModelRollbackError)());
const namesOf = (isRetryable: boolean): string[] =>
  thrown.filter((error) => error.isRetryable === isRetryable).map(({ name }) => name);

/** What Lambda and Step Functions say when the function did not get to speak. A retry may help. */
const passingTroubles = [
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.TooManyRequestsException',
  'Lambda.Unknown',
  'Sandbox.Timedout',
  'Runtime.ExitError',
  'States.Timeout',
];

/** How long retries wait in all, without jitter. */
const spanOf = (retriers: readonly Retrier[]): number => {
  const spans = retriers.map((retrier) => {
    const { IntervalSeconds, BackoffRate, MaxDelaySeconds = Infinity, MaxAttempts } = retrier;
    const waits = Array.from({ length: MaxAttempts }, (_, attempt) =>
      Math.min(IntervalSeconds * BackoffRate ** attempt, MaxDelaySeconds),
    );
    return waits.reduce((sum, wait) => sum + wait, 0);
  });
  // Each retrier counts for itself: an error has only its own.
  return Math.min(...spans);
};

describe.each(Object.entries(twins))('roll-back.%s.asl.json', (_, definition) => {
  const task = taskOf(definition);

  test('is a sound state machine', () => {
    expect(problemsOf(definition)).toBe('');
  });

  test('retries each error that a retry may cure, and no other', () => {
    const retried = task.Retry?.flatMap(({ ErrorEquals }) => ErrorEquals);
    expect(namesOf(true).length).toBeGreaterThan(2);
    expect(retried?.toSorted()).toEqual([...namesOf(true), ...passingTroubles].toSorted());
  });

  test('hands each error that a retry cannot cure to people, and all others on', () => {
    expect(namesOf(false).length).toBeGreaterThan(5);
    const [people, rest, ...others] = task.Catch ?? [];
    expect(people?.ErrorEquals.toSorted()).toEqual(namesOf(false).toSorted());
    expect(people?.Next).toBe('NeedsPeople');
    expect(rest).toMatchObject({ ErrorEquals: ['States.ALL'], Next: 'GaveUp' });
    expect(others).toEqual([]);
  });

  test('waits 300 s in all, and on average even with full jitter', () => {
    const retriers = task.Retry ?? [];
    expect(retriers.map(({ JitterStrategy }) => JitterStrategy)).toEqual(['FULL']);
    // Full jitter: anything from nothing to the whole wait.
    expect(spanOf(retriers) / 2).toBeGreaterThanOrEqual(300);
    expect(spanOf(retriers)).toBe(915);
    expect(JSON.stringify(task)).toContain('add up to 915 s');
  });

  test('gives the function more time than it takes', () => {
    expect(task.TimeoutSeconds).toBeGreaterThan(limits.defaultBudgetMs / 1_000);
  });

  test('has an end for each outcome of a request, and one for all others', () => {
    const ends = endsOf(definition);
    expect([...ends.keys()].toSorted()).toEqual(requestOutcomes.toSorted());
    expect(choiceOf(definition).Default).toBe('UnknownOutcome');
  });

  test('succeeds when all is done and when it was refused, and fails by the name of the outcome else', () => {
    const typeOf = (state: string): string | undefined => definition.States[state]?.Type;
    for (const [outcome, state] of endsOf(definition)) {
      if (['ROLLED_BACK', 'ALREADY_LIVE', 'DRY_RUN'].includes(outcome)) expect(state).toBe('Done');
      else if (outcome === 'REFUSED') expect(state).toBe('Refused');
      else expect(definition.States[state]).toMatchObject({ Type: 'Fail', Error: outcome });
    }
    expect(typeOf('Done')).toBe('Succeed');
    expect(typeOf('Refused')).toBe('Succeed');
    expect(typeOf('UnknownOutcome')).toBe('Fail');
    expect(typeOf('NeedsPeople')).toBe('Fail');
    expect(typeOf('GaveUp')).toBe('Fail');
  });
});

describe('the two state machines', () => {
  test('differ in how they write it and in nothing else', () => {
    expect(plain(twins.jsonata)).toEqual(plain(twins.jsonpath));
  });

  test('are told apart from broken ones by the validator', () => {
    const { Done: _, ...States } = twins.jsonata.States;
    expect(problemsOf({ ...twins.jsonata, States })).toContain('Done');
  });
});

describe('fleet-roll-back.asl.json', () => {
  const { Plan, RollBackEach, Announce } = fleet.States;
  const child = RollBackEach.ItemProcessor;

  test('is a sound state machine', () => {
    expect(problemsOf(fleet)).toBe('');
  });

  test('retries as the single rollback does, in the plan and for each model', () => {
    const { Retry, Catch, TimeoutSeconds } = taskOf(twins.jsonata);
    const bare = (task: State): unknown =>
      task.Catch?.map(({ ErrorEquals, Next }) => ({ ErrorEquals, Next }));
    expect(taskOf(child)).toMatchObject({ Retry, TimeoutSeconds });
    expect(bare(taskOf(child))).toEqual(
      Catch?.map(({ ErrorEquals, Next }) => ({ ErrorEquals, Next })),
    );
    expect(Plan).toMatchObject({ Retry, TimeoutSeconds });
    expect(bare(Plan)).toEqual([{ ErrorEquals: ['States.ALL'], Next: 'NotBegun' }]);
  });

  test('has an end for each outcome of a request; what fails, fails by its name', () => {
    const ends = endsOf(child);
    expect([...ends.keys()].toSorted()).toEqual(requestOutcomes.toSorted());
    for (const [outcome, state] of ends) {
      if (['ROLLED_BACK', 'ALREADY_LIVE', 'DRY_RUN', 'REFUSED'].includes(outcome)) {
        expect(state).toBe('Done');
      } else {
        expect(child.States[state]).toMatchObject({ Type: 'Fail', Error: outcome });
      }
    }
    expect(choiceOf(child).Default).toBe('UnknownOutcome');
  });

  test('sends requests that are sound, with the key of the execution, and a Map of the plan', () => {
    const plan = planOfFleet(parseFleetRequest({ models: ['a'], dry_run: true }), ['a']);
    const at = (path: string): unknown => plan[path.replace('$.', '') as keyof typeof plan];
    const { ItemSelector, ItemsPath, MaxConcurrencyPath, ToleratedFailureCountPath } = RollBackEach;
    expect(at(ItemsPath)).toEqual(['a']);
    expect(at(MaxConcurrencyPath)).toBe(plan.max_concurrency);
    expect(at(ToleratedFailureCountPath)).toBe(plan.tolerated_failures);
    const context: Record<string, string> = {
      '$$.Map.Item.Value': 'a',
      '$$.Execution.Id': 'id',
      '$$.StateMachine.Id': 'machine',
    };
    const request = Object.entries(ItemSelector).map(([name, path]) => [
      name.replace('.$', ''),
      context[path] ?? at(path),
    ]);
    expect(parseRequest(Object.fromEntries(request))).toMatchObject({
      request: { modelName: 'a', requestId: 'id', requestedBy: 'machine', isDryRun: true },
      warnings: [],
    });
  });

  test('runs its children as long as the retries last', () => {
    expect(child.ProcessorConfig).toEqual({ Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' });
  });

  test('announces with the attributes that a filter policy needs', () => {
    const { MessageAttributes } = Announce.Arguments;
    expect(Object.keys(MessageAttributes)).toEqual(['outcome', 'reason', 'schema']);
    for (const { DataType } of Object.values(MessageAttributes)) expect(DataType).toBe('String');
  });
});

describe('step-functions.md', () => {
  const text = readFileSync('docs/reference/step-functions.md', 'utf8');
  const tasks = [...text.matchAll(/^```json\n([\s\S]*?)^```$/gm)]
    .map((match): unknown => JSON.parse(match[1] ?? ''))
    .filter((value): value is Record<string, State> => isNamedTask(value));

  test('has a task for each query language that fits into a state machine', () => {
    expect(tasks.map((named) => 'QueryLanguage' in (named['RollBack'] ?? {}))).toEqual([
      false,
      true,
    ]);
    for (const named of tasks) {
      const States = {
        ...named,
        WhatHappened: { Type: 'Succeed' },
        CallSomebody: { Type: 'Succeed' },
      };
      expect(problemsOf({ StartAt: 'RollBack', States })).toBe('');
    }
  });

  test('has the retries of the state machines in its tasks', () => {
    for (const { RollBack } of tasks) {
      expect(RollBack?.Retry).toEqual(taskOf(twins.jsonpath).Retry);
      expect(RollBack?.TimeoutSeconds).toBe(taskOf(twins.jsonpath).TimeoutSeconds);
    }
  });

  test('has inputs of a fleet run that are sound, and tells every field', () => {
    const inputs = [...text.matchAll(/^```json\n([\s\S]*?)^```$/gm)]
      .map((match): Record<string, unknown> => JSON.parse(match[1] ?? ''))
      .filter((value) => 'models' in value || 'live_version_tag' in value);
    expect(inputs).toHaveLength(2);
    for (const input of inputs) expect(() => parseFleetRequest(input)).not.toThrow();
    const source = readFileSync('src/domain/request/fleet-request.ts', 'utf8');
    const list = /const knownFields = \[([\s\S]*?)\]/.exec(source)?.[1] ?? '';
    const fields = [...list.matchAll(/'(\w+)'/g)].map((match) => match[1] ?? '');
    expect(fields).toHaveLength(8);
    expect(fields.filter((field) => !text.includes(`| \`${field}\` |`))).toEqual([]);
  });

  test('shows the summary of a fleet run as the state machine makes it', () => {
    const { Summarize, SummarizeStop } = fleet.States;
    const example = [...text.matchAll(/^```json\n([\s\S]*?)^```$/gm)]
      .map((match): Record<string, unknown> => JSON.parse(match[1] ?? ''))
      .find((value) => value['about'] === 'fleet');
    const { notified, ...summary } = example ?? {};
    expect(notified).toBe(true);
    expect(Object.keys(summary)).toEqual(Object.keys(Summarize.Output));
    expect(Object.keys(SummarizeStop.Output).toSorted()).toEqual(Object.keys(summary).toSorted());
  });

  test('tells every error name and every end', () => {
    const { Retry = [], Catch = [] } = taskOf(twins.jsonpath);
    const names = [...Retry, ...Catch].flatMap(({ ErrorEquals }) => ErrorEquals);
    const ends = [...endsOf(twins.jsonpath)].flat();
    expect(
      [...names, ...ends, 'UNKNOWN_OUTCOME'].filter((name) => !text.includes(`\`${name}\``)),
    ).toEqual([]);
  });
});

// ---------------------------------------------------------------------------------------------------

/** Outcome to state. Each rule asks for one outcome, in the one form that its language has here. */
function endsOf(definition: Definition): Map<string, string> {
  const rules = choiceOf(definition).Choices ?? [];
  return new Map(
    rules.map((rule) => {
      const asked = /^\{% \$states\.input\.outcome = '(\w+)' %\}$/.exec(rule.Condition ?? '')?.[1];
      if (rule.Condition === undefined) expect(rule.Variable).toBe('$.outcome');
      return [asked ?? rule.StringEquals ?? expect.fail(JSON.stringify(rule)), rule.Next];
    }),
  );
}

/** What a definition says, whichever language says it. How the request is put together is not in it. */
function plain(definition: Definition): unknown {
  const { Sign: _, ...states } = definition.States;
  return Object.entries(states).map(([name, state]) => ({
    name,
    type: state.Type,
    next: state.Next,
    resource: state.Resource,
    timeoutSeconds: state.TimeoutSeconds,
    function: (state.Parameters ?? state.Arguments)?.FunctionName,
    retry: state.Retry,
    catch: state.Catch?.map(({ ErrorEquals, Next }) => ({ ErrorEquals, Next })),
    choices: state.Choices && [...endsOf(definition)],
    default: state.Default,
    error: state.ErrorPath?.replace('$.', 'input ') ?? fromJsonata(state.Error),
    cause: state.CausePath?.replace('$.', 'input ') ?? fromJsonata(state.Cause),
  }));
}

function fromJsonata(text: string | undefined): string | undefined {
  return text?.replace(/^\{% \$states\.input\.(\w+) %\}$/, 'input $1');
}

function isNamedTask(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'RollBack' in value;
}
