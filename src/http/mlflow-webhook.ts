import { type Delivery, noteDelivery } from '../app/note-delivery.ts';
import { RollbackInProgressError } from '../domain/errors.ts';
import type { Answer, HttpCall } from './http-call.ts';
import { errorAnswer, HttpError } from './http-error.ts';

/** Whose webhooks are received. */
export interface WebhookSender {
  readonly secret: string;
  readonly workspace: string | null;
}

/**
 * A webhook of MLflow, whose signature fits. Whatever was understood is 200. MLflow sends again what it gets a 503
 * for, and drops what it gets a 4xx for.
 */
export async function answerWebhook(
  { deps, deadline, afterwards, handOver }: HttpCall,
  delivery: Delivery,
): Promise<Answer> {
  if (handOver) {
    await handOver({ kind: 'delivery', delivery }, deadline);
    return { status: 202, body: accepted };
  }
  try {
    // A sweep finds what a failure after the answer leaves out.
    const noted = await afterwards.within(noteDelivery(deps, delivery, deadline), async () => {});
    return noted === null ? { status: 202, body: accepted } : { body: noted };
  } catch (error) {
    if (!(error instanceof RollbackInProgressError)) throw error;
    return { status: 503, body: { error: errorAnswer(error).error } };
  }
}

const accepted = {
  result: 'accepted',
  why: 'The registry takes long. It is read after this answer.',
};

export function webhooksOff(): HttpError {
  return new HttpError(
    'NotImplementedError',
    "MLflow's webhooks are off, since nothing is set to check their signatures with. Set " +
      'ROLLBACK_MLFLOW_WEBHOOK_SECRET to the secret of the webhook, and start the service again.',
  );
}
