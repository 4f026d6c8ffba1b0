import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Duration, type Stack } from 'aws-cdk-lib';
import { Alias, type IFunction, type IVersion } from 'aws-cdk-lib/aws-lambda';
import {
  Choice,
  Condition,
  DefinitionBody,
  Fail,
  JsonPath,
  Pass,
  QueryLanguage,
  StateMachine,
  Succeed,
} from 'aws-cdk-lib/aws-stepfunctions';
import { describe, expect, test } from 'vitest';
import { RollBackTask, type RollBackTaskProps } from '../../src/cdk/index.ts';
import { flat, makeRollback, statementsOf, theOnly } from './stacks.ts';

interface State {
  readonly Type: string;
  readonly Resource: string;
  readonly QueryLanguage?: string;
  readonly TimeoutSeconds: number;
  readonly OutputPath?: string;
  readonly Output?: string;
  readonly Parameters?: { readonly FunctionName: string; readonly Payload: object };
  readonly Arguments?: { readonly FunctionName: string; readonly Payload: object };
  readonly Retry: readonly object[];
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[];
}

type Validator = (definition: unknown) => {
  readonly isValid: boolean;
  errorsText(separator: string): string;
};

const validate = createRequire(import.meta.url)('asl-validator') as Validator;
const JSONATA = { queryLanguage: QueryLanguage.JSONATA };

/** A stack with the function in it, and the task as the state machine has it. */
function makeTask(
  props: Partial<RollBackTaskProps> = {},
  continueWith: (task: RollBackTask, stack: Stack) => void = () => undefined,
): { readonly state: State; readonly stack: Stack } {
  const { rollback, stack } = makeRollback();
  const task = new RollBackTask(stack, 'RollBack', {
    lambdaFunction: rollback.function,
    modelName: 'PascalStrategy',
    ...props,
  });
  continueWith(task, stack);
  new StateMachine(stack, 'Release', {
    definitionBody: DefinitionBody.fromChainable(task.next(new Succeed(stack, 'Done'))),
  });
  const { DefinitionString } = theOnly(stack, 'AWS::StepFunctions::StateMachine').Properties;
  const definition = JSON.parse(flat(DefinitionString));
  const text = JSON.stringify(definition).replaceAll('<AWS::Partition>', 'aws');
  const { isValid, errorsText } = validate(JSON.parse(text));
  expect(isValid ? '' : errorsText('\n')).toBe('');
  return { state: definition.States.RollBack, stack };
}

const catchBoth = (task: RollBackTask, stack: Stack): void => {
  task.onNeedsPeople(new Fail(stack, 'NeedsPeople')).onGaveUp(new Fail(stack, 'GaveUp'));
};

const refusal = (props: Partial<RollBackTaskProps>): string => {
  try {
    makeTask(props);
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  return 'nothing was thrown';
};

describe('RollBackTask', () => {
  test.each([
    ['jsonpath', {}],
    ['jsonata', JSONATA],
  ])('is the task of roll-back.%s.asl.json', (language, props) => {
    const file = readFileSync(`state-machines/roll-back.${language}.asl.json`, 'utf8');
    const wanted: State = JSON.parse(file).States.RollBack;

    const { state } = makeTask(props, catchBoth);

    expect(state.Retry).toEqual(wanted.Retry);
    expect(state.Catch?.map(({ ErrorEquals, Next }) => ({ ErrorEquals, Next }))).toEqual(
      wanted.Catch?.map(({ ErrorEquals, Next }) => ({ ErrorEquals, Next })),
    );
    expect(state).toMatchObject({
      Type: 'Task',
      Resource: 'arn:<AWS::Partition>:states:::lambda:invoke',
      TimeoutSeconds: wanted.TimeoutSeconds,
      ...(wanted.OutputPath === undefined ? {} : { OutputPath: wanted.OutputPath }),
      ...(wanted.Output === undefined ? {} : { Output: wanted.Output }),
    });
    expect(state.QueryLanguage).toBe(language === 'jsonata' ? 'JSONata' : undefined);
  });

  test('makes each retry of an execution the same request', () => {
    expect(makeTask().state.Parameters?.Payload).toEqual({
      model_name: 'PascalStrategy',
      'request_id.$': '$$.Execution.Id',
      'requested_by.$': '$$.StateMachine.Id',
    });
    expect(makeTask(JSONATA).state.Arguments?.Payload).toEqual({
      model_name: 'PascalStrategy',
      request_id: '{% $states.context.Execution.Id %}',
      requested_by: '{% $states.context.StateMachine.Id %}',
    });
  });

  test('takes each field of a request from the state', () => {
    const at = JsonPath.stringAt;
    const { state } = makeTask({
      modelName: at('$.model'),
      targetVersion: at('$.to'),
      reason: at('$.why'),
      alarmName: at('$.alarm'),
      dryRun: at('$.preview'),
      expectedFromVersion: at('$.from'),
      overrides: JsonPath.listAt('$.guards'),
      requestId: JsonPath.format('{}-second', at('$$.Execution.Id')),
      requestedBy: at('$.who'),
    });
    expect(state.Parameters?.Payload).toEqual({
      'model_name.$': '$.model',
      'target_version.$': '$.to',
      'reason.$': '$.why',
      'alarm_name.$': '$.alarm',
      'dry_run.$': '$.preview',
      'expected_from_version.$': '$.from',
      'overrides.$': '$.guards',
      'request_id.$': "States.Format('{}-second', $$.Execution.Id)",
      'requested_by.$': '$.who',
    });
    const name = '{% $states.input.model %}';
    const jsonata = makeTask({ ...JSONATA, modelName: name, dryRun: '{% $preview %}' }).state;
    expect(jsonata.Arguments?.Payload).toMatchObject({
      model_name: name,
      dry_run: '{% $preview %}',
    });
  });

  test('takes literals, and keeps their types', () => {
    const { state } = makeTask({
      targetVersion: '2',
      reason: 'TEST_FAILURE',
      dryRun: true,
      overrides: ['COOLDOWN'],
    });
    expect(state.Parameters?.Payload).toMatchObject({
      target_version: '2',
      reason: 'TEST_FAILURE',
      dry_run: true,
      overrides: ['COOLDOWN'],
    });
  });

  test.each([
    [{ modelName: ' ' }, /model_name must not be blank/],
    [{ targetVersion: 'v2' }, /target_version must be a string of digits/],
    [{ reason: 'BECAUSE' }, /reason must be one of MANUAL_REQUEST/],
    [{ dryRun: 'true' }, /dry_run must be true or false/],
    [{ overrides: ['EVERYTHING'] }, /"EVERYTHING" is not a refusal code/],
    [{ requestId: 'x'.repeat(257) }, /request_id has 257 characters/],
    [{ modelName: '$.model' }, /text \$\.model\. Write JsonPath\.stringAt\('\$\.model'\)/],
    [{ requestId: '$$.Execution.Id' }, /Write JsonPath\.stringAt\('\$\$\.Execution\.Id'\)/],
    [{ modelName: '{% $states.input.model %}' }, /set its queryLanguage/],
    [{ ...JSONATA, modelName: '$.model' }, /is the text \$\.model/],
    [{ ...JSONATA, modelName: JsonPath.stringAt('$.m') }, /is a path, and this state is JSONata/],
  ])('refuses %j when the template is made', (props, message) => {
    const told = refusal(props);
    expect(told).toMatch(message);
    expect(told).toMatch(/^ConfigurationError: Production\/RollBack: /);
  });

  test('takes a name that only looks like a path from afar', () => {
    expect(refusal({ modelName: '$100 strategy' })).toBe('nothing was thrown');
  });

  test('catches errors for people before all others', () => {
    const wrong = (task: RollBackTask, stack: Stack): void => {
      task.onGaveUp(new Fail(stack, 'GaveUp'));
      task.onNeedsPeople(new Fail(stack, 'NeedsPeople'));
    };
    expect(() => makeTask({}, wrong)).toThrow(/onNeedsPeople must be called before it/);
  });

  test('hands the options of a catch on', () => {
    const { state } = makeTask({}, (task, stack) => {
      task.onGaveUp(new Pass(stack, 'CallSomebody'), { resultPath: '$.error' });
    });
    expect(state.Catch).toEqual([
      { ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'CallSomebody' },
    ]);
  });

  test('may take longer, be named, and stand within a Choice', () => {
    const { state } = makeTask({ timeout: Duration.seconds(300) });
    expect(state.TimeoutSeconds).toBe(300);
    const { rollback, stack } = makeRollback();
    const task = new RollBackTask(stack, 'Task', {
      lambdaFunction: rollback.function,
      modelName: 'm',
      stateName: 'Put the last good version back',
    });
    const choice = new Choice(stack, 'HowDoesItLook').when(
      Condition.stringEquals('$.verdict', 'BAD'),
      task,
    );
    new StateMachine(stack, 'Release', { definitionBody: DefinitionBody.fromChainable(choice) });
    const machine = theOnly(stack, 'AWS::StepFunctions::StateMachine').Properties;
    const { States } = JSON.parse(flat(machine['DefinitionString']));
    expect(Object.keys(States)).toContain('Put the last good version back');
  });

  test('stands in the documents as it works', async () => {
    const bundle = 'dist/lambda/index.mjs';
    expect(existsSync(bundle), `${bundle}: run "npm run build" first`).toBe(true);
    const page = readFileSync('docs/reference/step-functions.md', 'utf8');
    const [, code = ''] = /^```ts\n([\s\S]*?)^```$/m.exec(page) ?? [];
    const construct = pathToFileURL(join(process.cwd(), 'src', 'cdk', 'index.ts')).href;
    const program = `
      ${code.replace("'model-rollback/cdk'", JSON.stringify(construct))}
      import { Template } from 'aws-cdk-lib/assertions';
      const found = Template.fromStack(stack).findResources('AWS::StepFunctions::StateMachine');
      console.log(Object.keys(found).length);
    `;
    const args = ['--input-type=module-typescript', '--eval', program];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toBe('2\n');
  });

  test('lets the state machine invoke this function, alias or version, and nothing else', () => {
    const invoked = (stack: Stack): readonly string[] =>
      statementsOf(theOnly(stack, 'AWS::IAM::Policy', 'Release')).map(
        ({ Action, Resource }) => `${Action} ${flat(Resource)}`,
      );
    const { stack, state } = makeTask();
    const arn = state.Parameters?.FunctionName;
    expect(invoked(stack)).toEqual([`lambda:InvokeFunction ${arn}`]);

    const { rollback, stack: other } = makeRollback();
    const live = new Alias(other, 'Live', {
      aliasName: 'live',
      version: rollback.function.currentVersion as IVersion,
    }) as IFunction;
    const task = new RollBackTask(other, 'RollBack', { lambdaFunction: live, modelName: 'm' });
    new StateMachine(other, 'Release', { definitionBody: DefinitionBody.fromChainable(task) });
    const [only, ...others] = invoked(other);
    expect(only).toMatch(/^lambda:InvokeFunction <Live\w+>$/);
    expect(others).toEqual([]);
  });
});
