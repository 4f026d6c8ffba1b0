import * as v from 'valibot';
import { noteDelivery } from '../app/note-delivery.ts';
import { InvalidRequestError } from '../domain/errors.ts';
import { settleAlerts } from './alerts.ts';
import type { HttpCall } from './http-call.ts';

/**
 * Does what was handed over, as an event `{"handed_over": …}` brings it.
 * @throws InvalidRequestError for another event; else what a retry can cure
 */
export async function doHanded(
  call: Omit<HttpCall, 'request' | 'caller'>,
  event: unknown,
): Promise<void> {
  const read = v.safeParse(eventSchema, event);
  if (!read.success) {
    throw new InvalidRequestError(
      'This function answers only requests to its URL. Nothing was done. To roll back, send the event to the function that rolls back.',
    );
  }
  const { handed_over: handed } = read.output;
  if (handed.kind === 'alerts') await settleAlerts(call, handed.message);
  else await noteDelivery(call.deps, handed.delivery, call.deadline);
}

// ---------------------------------------------------------------------------------------------------

const eventSchema = v.object({
  handed_over: v.variant('kind', [
    v.object({ kind: v.literal('alerts'), message: v.unknown() }),
    v.object({
      kind: v.literal('delivery'),
      delivery: v.object({ id: v.string(), body: v.unknown(), workspace: v.nullable(v.string()) }),
    }),
  ]),
});
