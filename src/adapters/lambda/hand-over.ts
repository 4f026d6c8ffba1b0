import type { SNSClient } from '@aws-sdk/client-sns';
import { messageOf, RegistryUnavailableError } from '../../domain/errors.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { type Invocation, type Invoked, invokeFunction } from './invoke-function.ts';

/**
 * Hands an event over to a function. Once Lambda has it, the function is invoked with it later, and again when it
 * throws.
 * @throws RegistryUnavailableError when Lambda has not taken it
 */
export async function handOver(
  client: SNSClient,
  invocation: Omit<Invocation, 'type'>,
  deadline: Deadline,
): Promise<void> {
  const invoked = await invokeFunction(client, { ...invocation, type: 'Event' }, deadline).catch(
    (error: unknown): Invoked => ({ kind: 'error', name: 'no answer', message: messageOf(error) }),
  );
  if (invoked.kind === 'returned') return;
  const name = invoked.kind === 'error' ? `${invoked.name}: ` : '';
  const hint = /AccessDenied/.test(name)
    ? ' The role of the function needs lambda:InvokeFunction on the function itself.'
    : '';
  throw new RegistryUnavailableError(
    `The function could not invoke itself to handle this message (${name}${invoked.message}). Nothing was done. ` +
      `Send the message again.${hint}`,
  );
}
