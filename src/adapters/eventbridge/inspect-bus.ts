import type { SNSClient } from '@aws-sdk/client-sns';
import { type Check, ok, problem, warning } from '../../domain/answer/check.ts';
import { messageOf } from '../../domain/errors.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { callEventBridge } from './eventbridge-call.ts';

/** Does the bus exist? Puts nothing on it, and never throws. */
export async function inspectBus(
  client: SNSClient,
  bus: string,
  deadline: Deadline,
): Promise<Check> {
  const region = bus.split(':')[3] ?? null;
  const call = { operation: 'DescribeEventBus', region, body: { Name: bus } };
  const name = 'eventbridge';
  try {
    const answer = await callEventBridge(client, call, deadline);
    if (answer.kind === 'answer') {
      return ok(name, `The event bus ${bus} exists. Whether it takes events, only an event shows.`);
    }
    const why = `${answer.name}: ${answer.message}`;
    if (/NotFound/.test(answer.name)) {
      const fix = 'Create it, or set ROLLBACK_EVENT_BUS to an existing one.';
      return problem(name, `The event bus ${bus} does not exist.`, fix);
    }
    return /AccessDenied|NotAuthorized/.test(answer.name)
      ? warning(
          name,
          `The event bus ${bus} cannot be read (${why}).`,
          'Check the permission events:DescribeEventBus.',
        )
      : problem(name, `The event bus ${bus} cannot be read (${why}).`, awsFix);
  } catch (error) {
    return problem(name, `The event bus ${bus} cannot be read (${messageOf(error)}).`, awsFix);
  }
}

// ---------------------------------------------------------------------------------------------------

const awsFix = 'Check AWS_REGION, the credentials and the network.';
