import * as v from 'valibot';
import { senderKeyTrouble } from '../domain/channel.ts';
import { ConfigurationError } from '../domain/errors.ts';
import { parseTokens, type Token } from './tokens.ts';

/** Who may call a service that has no files: one secret holds it all. */
export interface HttpSecret {
  readonly tokens: readonly Token[];
  /** What Grafana signs with; null: its messages need a token. */
  readonly grafanaSecret: string | null;
  /** What MLflow signs with; null: its webhooks are not received. */
  readonly mlflowSecret: string | null;
}

/**
 * Reads the text of the secret: `{"tokens": TEXT, "grafana_secret": TEXT, "mlflow_webhook_secret": TEXT}`, of which
 * only the first must be there. It is the text of a token file.
 * @throws ConfigurationError, which holds nothing of the text
 */
export function parseHttpSecret(text: string): HttpSecret {
  const read = v.safeParse(schema, parsed(text));
  if (!read.success) throw unusable('does not have the expected form');
  const { tokens, grafana_secret: grafana, mlflow_webhook_secret: mlflow } = read.output;
  return {
    tokens: parseTokens(tokens, 'tokens in the secret'),
    grafanaSecret: keyOf('grafana_secret', grafana),
    mlflowSecret: keyOf('mlflow_webhook_secret', mlflow),
  };
}

// ---------------------------------------------------------------------------------------------------

const schema = v.strictObject({
  tokens: v.string(),
  grafana_secret: v.optional(v.string()),
  mlflow_webhook_secret: v.optional(v.string()),
});

function keyOf(name: string, key: string | undefined): string | null {
  if (key === undefined || key === '') return null;
  const trouble = senderKeyTrouble(key);
  if (trouble === null) return key;
  throw unusable(`holds a ${name} that ${trouble}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Without the cause: it quotes the text.
    throw unusable('is not JSON');
  }
}

function unusable(what: string): ConfigurationError {
  return new ConfigurationError(
    `The secret that ROLLBACK_HTTP_SECRET_ARN names ${what}. It must be a JSON object with the field tokens (the ` +
      'text of a token file) and, if they are used, grafana_secret and mlflow_webhook_secret.',
  );
}
