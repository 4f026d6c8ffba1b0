import * as v from 'valibot';
import { type Check, failed, ok, warning } from '../../domain/answer/check.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { MLflowClient } from './mlflow-client.ts';
import { mlflowApi } from './mlflow-reader.ts';

/**
 * Does the server have a webhook that reports moves of aliases, and can it read it? Sends none; never throws. Whether
 * its deliveries arrive, only a move shows.
 */
export async function inspectWebhooks(client: MLflowClient, deadline: Deadline): Promise<Check> {
  try {
    const path = `${mlflowApi.root}/webhooks?max_results=100`;
    const { status, text } = await client.send('GET', path, null, deadline);
    if (status === 200) return judgeList(text);
    return judgeStatus(status);
  } catch (error) {
    return failed(name, error);
  }
}

// ---------------------------------------------------------------------------------------------------

const name = 'webhooks';

const list = v.object({
  webhooks: v.optional(
    v.array(
      v.object({
        status: v.optional(v.string(), 'ACTIVE'),
        events: v.array(v.object({ entity: v.string(), action: v.string() })),
      }),
    ),
    [],
  ),
  next_page_token: v.optional(v.string()),
});

function judgeList(text: string): Check {
  const { webhooks, next_page_token: next } = v.parse(
    v.pipe(v.string(), v.parseJson(), list),
    text,
  );
  // Of model versions, or of prompts.
  const isOfAliases = ['MODEL_VERSION_ALIAS', 'PROMPT_ALIAS'].some((entity) =>
    webhooks.some(
      ({ status, events }) =>
        status === 'ACTIVE' &&
        ['CREATED', 'DELETED'].every((action) =>
          events.some((event) => event.entity === entity && event.action === action),
        ),
    ),
  );
  if (isOfAliases || next !== undefined) {
    return ok(name, 'MLflow has its webhooks. Whether they arrive, the log of the service shows.');
  }
  return warning(
    name,
    'MLflow has no active webhook that reports when an alias is set and deleted.',
    'Make one as docs/deploy/alertmanager.md says, or unset ROLLBACK_MLFLOW_WEBHOOK_SECRET.',
  );
}

function judgeStatus(status: number): Check {
  if (status === 404) {
    const fix =
      'Update the server to MLflow 3.3 or later, or unset ROLLBACK_MLFLOW_WEBHOOK_SECRET.';
    return warning(name, 'The server has no webhooks.', fix);
  }
  if (status === 401 || status === 403) {
    return ok(name, 'This login may not list webhooks: an admin may. They are not checked.');
  }
  if (status === 500) {
    return warning(
      name,
      'MLflow cannot read its own webhooks (500), so it sends none. Most likely it has not the key that it ' +
        'encrypted their secrets with.',
      'Start the server with the MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY that they were made with; if there was none, set ' +
        'one, delete the rows of its table webhooks, and make them again.',
    );
  }
  const fix = 'Check the log of the server.';
  return warning(name, `MLflow did not list its webhooks: status ${status}.`, fix);
}
