/** State machines in MiniStack's interpreter, for tests. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateStateMachineCommand,
  DeleteStateMachineCommand,
  DescribeExecutionCommand,
  type HistoryEvent,
  paginateGetExecutionHistory,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { localClientConfig } from './aws.ts';

/** How an execution ended. */
export interface ExecutionEnd {
  readonly status: string;
  /** The states that it entered, in order. */
  readonly states: readonly string[];
  /** The error name of each attempt of a task that failed, in order. */
  readonly failures: readonly string[];
  /** Null unless it succeeded. */
  readonly output: unknown;
  /** Null unless it failed. */
  readonly error: string | null;
  readonly cause: string | null;
}

const POLL_PAUSE_MS = 50;
const END_TIMEOUT_MS = 50_000;

/** A client of Step Functions for the set-up and the judging of a test. */
export class StepFunctionsAdmin {
  readonly #client: SFNClient;

  constructor(endpoint: string) {
    this.#client = new SFNClient(localClientConfig(endpoint));
  }

  /** Creates a state machine and returns its ARN. */
  async create(name: string, definition: string): Promise<string> {
    const { stateMachineArn } = await this.#client.send(
      new CreateStateMachineCommand({
        name,
        definition,
        roleArn: 'arn:aws:iam::000000000000:role/state-machine',
      }),
    );
    return stateMachineArn ?? missing('the state machine');
  }

  /** Deletes a state machine. MiniStack forgets its executions with it. */
  async delete(stateMachineArn: string): Promise<void> {
    await this.#client.send(new DeleteStateMachineCommand({ stateMachineArn }));
  }

  /** Starts an execution and returns its ARN, which is the id that the states see. */
  async start(stateMachineArn: string, input: unknown, name?: string): Promise<string> {
    const { executionArn } = await this.#client.send(
      new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input), name }),
    );
    return executionArn ?? missing('the execution');
  }

  /** Waits for the end of an execution. */
  async end(executionArn: string): Promise<ExecutionEnd> {
    const deadline = performance.now() + END_TIMEOUT_MS;
    for (;;) {
      const found = await this.#client.send(new DescribeExecutionCommand({ executionArn }));
      if (found.status !== 'RUNNING') {
        const events = await this.#history(executionArn);
        return {
          status: found.status ?? missing('the status'),
          states: events.flatMap(({ stateEnteredEventDetails: entered }) => entered?.name ?? []),
          failures: failuresIn(events),
          output: found.status === 'SUCCEEDED' ? JSON.parse(found.output ?? 'null') : null,
          error: found.error ?? null,
          cause: found.cause ?? null,
        };
      }
      if (performance.now() > deadline) {
        throw new Error(
          `${executionArn} still runs; failures: ${await this.failures(executionArn)}`,
        );
      }
      await delay(POLL_PAUSE_MS);
    }
  }

  /** The error names of the attempts that have failed so far. */
  async failures(executionArn: string): Promise<readonly string[]> {
    return failuresIn(await this.#history(executionArn));
  }

  async #history(executionArn: string): Promise<readonly HistoryEvent[]> {
    const events: HistoryEvent[] = [];
    const pages = paginateGetExecutionHistory({ client: this.#client }, { executionArn });
    for await (const { events: page = [] } of pages) events.push(...page);
    return events;
  }
}

// ---------------------------------------------------------------------------------------------------

function failuresIn(events: readonly HistoryEvent[]): string[] {
  return events.flatMap(({ taskFailedEventDetails: failed }) => failed?.error ?? []);
}

function missing(what: string): never {
  throw new Error(`${what} was not told by the engine`);
}
