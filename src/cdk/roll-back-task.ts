import { Duration, Token } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  type CatchProps,
  type IChainable,
  JitterType,
  JsonPath,
  QueryLanguage,
  TaskInput,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { ConfigurationError, messageOf } from '../domain/errors.ts';
import { parseRequest } from '../domain/request/request.ts';

/**
 * The request that the task sends. Each value is a literal, which is judged when the template is made, or
 * comes from the state: `JsonPath.stringAt('$.model_name')`, in JSONata `'{% $states.input.model_name %}'`.
 */
export interface RollBackTaskProps {
  /** The function of ModelRollback, or an alias or a version of it. */
  readonly lambdaFunction: IFunction;
  /** Registered model. */
  readonly modelName: string;
  /**
   * Version to restore.
   * @default - the last good one
   */
  readonly targetVersion?: string;
  /**
   * `MANUAL_REQUEST`, `PERFORMANCE_DEGRADATION`, `TEST_FAILURE` or `DRIFT_SEVERE`.
   * @default MANUAL_REQUEST
   */
  readonly reason?: string;
  /**
   * Alarm that asked for it.
   * @default - none
   */
  readonly alarmName?: string;
  /**
   * Preview: reads only.
   * @default false
   */
  readonly dryRun?: boolean | string;
  /**
   * Refuse when another version is live.
   * @default - any may be live
   */
  readonly expectedFromVersion?: string;
  /**
   * Guards to pass on purpose.
   * @default - none
   */
  readonly overrides?: readonly string[];
  /**
   * Idempotency key. It holds per registered model, so that one execution may roll many models back; to
   * roll the same one back twice it needs two.
   * @default - the id of the execution, so that each retry is the same request
   */
  readonly requestId?: string;
  /**
   * Person or state machine.
   * @default - the id of the state machine
   */
  readonly requestedBy?: string;
  /**
   * More than the timeout of the function, so that Lambda ends a run and not Step Functions.
   * @default Duration.seconds(150)
   */
  readonly timeout?: Duration;
  /**
   * Of this state.
   * @default QueryLanguage.JSON_PATH
   */
  readonly queryLanguage?: QueryLanguage;
  /**
   * @default - the id of the construct
   */
  readonly stateName?: string;
}

/**
 * Rolls a model back as one step of a state machine. Its output is the response of the function; what a
 * retry may cure is retried by name, long enough to outlast a run that was killed.
 */
export class RollBackTask extends LambdaInvoke {
  /** This one function, alias or version; the CDK's own task may invoke every version. */
  protected override readonly taskPolicies: PolicyStatement[];
  #hasCaughtAll = false;

  /** @throws ConfigurationError for a literal that no request may hold */
  constructor(scope: Construct, id: string, props: RollBackTaskProps) {
    const isJsonata = props.queryLanguage === QueryLanguage.JSONATA;
    const request = requestOf(props, isJsonata);
    requireSound(`${scope.node.path}/${id}`, request, isJsonata);
    super(scope, id, {
      lambdaFunction: props.lambdaFunction,
      payload: TaskInput.fromObject(request),
      retryOnServiceExceptions: false,
      taskTimeout: Timeout.duration(props.timeout ?? Duration.seconds(150)),
      ...(isJsonata
        ? { queryLanguage: QueryLanguage.JSONATA, outputs: '{% $states.result.Payload %}' }
        : { outputPath: '$.Payload' }),
      ...(props.stateName === undefined ? {} : { stateName: props.stateName }),
    });
    this.taskPolicies = [
      new PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: [props.lambdaFunction.functionArn],
      }),
    ];
    this.addRetry({
      errors: [...retriedErrors],
      interval: Duration.seconds(5),
      backoffRate: 2,
      maxDelay: Duration.seconds(60),
      maxAttempts: 18,
      jitterStrategy: JitterType.FULL,
    });
  }

  /**
   * Where to go on when a retry does not help: the request, a setting or the registry has to be fixed.
   * Call it before `onGaveUp`.
   */
  onNeedsPeople(handler: IChainable, props: Omit<CatchProps, 'errors'> = {}): this {
    if (this.#hasCaughtAll) {
      throw new ConfigurationError(
        `${this.node.path}: onGaveUp catches every error, so onNeedsPeople must be called before it.`,
      );
    }
    this.addCatch(handler, { ...props, errors: [...errorsForPeople] });
    return this;
  }

  /** Where to go on when the retries are used up, or with an unexpected error. */
  onGaveUp(handler: IChainable, props: Omit<CatchProps, 'errors'> = {}): this {
    this.#hasCaughtAll = true;
    this.addCatch(handler, { ...props, errors: ['States.ALL'] });
    return this;
  }
}

// ---------------------------------------------------------------------------------------------------

const retriedErrors = [
  'RollbackInProgressError',
  'RegistryUnavailableError',
  'StateStoreUnavailableError',
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.TooManyRequestsException',
  'Lambda.Unknown',
  'Sandbox.Timedout',
  'Runtime.ExitError',
  'States.Timeout',
] as const;

const errorsForPeople = [
  'InvalidRequestError',
  'ConfigurationError',
  'ModelNotFoundError',
  'VersionNotFoundError',
  'RegistryRefusedError',
  'StateCorruptError',
] as const;

type TaskRequest = Readonly<Record<string, unknown>>;

function requestOf(props: RollBackTaskProps, isJsonata: boolean): Record<string, unknown> {
  const context = (name: string): string =>
    isJsonata ? `{% $states.context.${name} %}` : JsonPath.stringAt(`$$.${name}`);
  const fields = {
    model_name: props.modelName,
    target_version: props.targetVersion,
    reason: props.reason,
    alarm_name: props.alarmName,
    dry_run: props.dryRun,
    expected_from_version: props.expectedFromVersion,
    overrides: props.overrides,
    request_id: props.requestId ?? context('Execution.Id'),
    requested_by: props.requestedBy ?? context('StateMachine.Id'),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Literals are judged as the function would; what comes from the state is known only when it runs. */
function requireSound(path: string, request: TaskRequest, isJsonata: boolean): void {
  const refuse = (problem: string): never => {
    throw new ConfigurationError(`${path}: ${problem}`);
  };
  const literals = Object.entries(request).filter(([name, value]) => {
    if (isJsonata && typeof value === 'string' && JsonPath.isEncodedJsonPath(value)) {
      refuse(`${name} is a path, and this state is JSONata: write '{% … %}'.`);
    }
    if (Token.isUnresolved(value)) return false;
    const isExpression = typeof value === 'string' && /^\{%.*%\}$/s.test(value);
    if (isExpression && isJsonata) return false;
    if (isExpression) refuse(`${name} is JSONata, and this state is not; set its queryLanguage.`);
    if (typeof value === 'string' && /^\$\$?[.[]/.test(value)) {
      refuse(`${name} is the text ${value}. Write JsonPath.stringAt('${value}') for a path.`);
    }
    return true;
  });
  try {
    parseRequest({ model_name: 'from the state', ...Object.fromEntries(literals) });
  } catch (error) {
    refuse(messageOf(error));
  }
}
