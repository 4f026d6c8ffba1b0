import type { RollbackSettings } from '../app/deps.ts';
import { composeRehearsal, lambdaLogger } from '../compose-lambda.ts';
import { Outcome } from '../domain/decide/outcome.ts';
import { limits } from '../domain/limits.ts';
import { deadlineAfter } from '../ports/deadline.ts';
import { serveEvent } from './serve-event.ts';

/**
 * True where the init phase has more processor than a call: in Lambda, below the memory at which a function gets
 * a whole one (1,769 MB). Elsewhere a rehearsal only takes its own time.
 */
export function isCallSlow({
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: memory,
}: NodeJS.ProcessEnv): boolean {
  const megabytes = Number(memory ?? Number.NaN);
  return megabytes > 0 && megabytes < 1_769;
}

export type RehearsedEvent = 'request' | 'alarm';

/**
 * Plays rollbacks before the first event, so that their code is compiled and warm when it comes: Lambda
 * gives the init phase about ten times the processor of the first call at 256 MB. Everything is of its own and
 * ends here: nothing is sent, logged or kept.
 * @param events an alarm runs nearly everything that a request runs
 * @param compose makes its parts @default with canned answers
 * @returns why it did not go as it should; null when it did. It is never thrown: a function works without it
 */
export async function rehearse(
  settings: RollbackSettings,
  events: readonly RehearsedEvent[],
  compose: typeof composeRehearsal = composeRehearsal,
): Promise<string | null> {
  try {
    // Whatever the settings say: the code of a rollback is to run.
    const alarms = {
      ...settings.alarms,
      mode: 'act',
      blastRadius: null,
      // Nothing shows when an alias was moved, so a person would be asked.
      isCauseChecked: false,
    } as const;
    const deps = compose({ ...settings, cooldownMs: 0, alarms });
    const { clock } = deps;
    const logger = lambdaLogger(() => undefined).forInvocation('rehearsal');
    try {
      for (const name of events) {
        const answer = await serveEvent(deps, rehearsedEvents[name](clock.nowMs()), {
          invocationId: 'rehearsal',
          deadline: deadlineAfter(clock, limits.defaultBudgetMs),
          logger,
          clock,
          write: () => undefined,
        });
        const { outcome } = answer as { readonly outcome?: unknown };
        if (outcome !== Outcome.ROLLED_BACK) return `the ${name} ended as ${String(outcome)}`;
      }
      return null;
    } finally {
      deps.close();
    }
  } catch (error) {
    return String(error);
  }
}

// ---------------------------------------------------------------------------------------------------

const rehearsedEvents: Readonly<Record<RehearsedEvent, (nowMs: number) => object>> = {
  request: () => ({ model_name: 'rehearsal', request_id: 'rehearsal' }),
  alarm: alarmEvent,
};

/** As CloudWatch invokes a function. */
function alarmEvent(nowMs: number): object {
  const timestamp = new Date(nowMs - 1_000).toISOString().replace('Z', '+0000');
  return {
    source: 'aws.cloudwatch',
    alarmArn: 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:rehearsal',
    accountId: '000000000000',
    time: timestamp,
    region: 'us-east-1',
    alarmData: {
      alarmName: 'rehearsal',
      state: { value: 'ALARM', reason: 'rehearsal', timestamp },
      previousState: { value: 'OK', reason: 'rehearsal', timestamp },
      configuration: {
        metrics: [
          {
            id: 'm1',
            metricStat: {
              metric: {
                namespace: 'rehearsal',
                name: 'm',
                dimensions: { ModelName: 'rehearsal-2' },
              },
              period: 60,
              stat: 'Average',
            },
            returnData: true,
          },
        ],
      },
    },
  };
}
