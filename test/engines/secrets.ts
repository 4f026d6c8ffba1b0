/** Secrets in MiniStack, for tests. */
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { localClientConfig } from './aws.ts';

/** What a secret holds: text, an object as JSON, or bytes. */
type SecretContent = string | object | Uint8Array;

/** Makes a secret and answers its ARN. */
export async function createSecret(
  endpoint: string,
  name: string,
  content: SecretContent,
): Promise<string> {
  const { ARN: arn } = await use(endpoint, (client) =>
    client.send(new CreateSecretCommand({ Name: name, ...fieldsOf(content) })),
  );
  if (arn === undefined) throw new Error(`no secret was made for ${name}`);
  return arn;
}

/** Gives a secret another current value. */
export async function changeSecret(
  endpoint: string,
  secretId: string,
  content: SecretContent,
): Promise<void> {
  await use(endpoint, (client) =>
    client.send(new PutSecretValueCommand({ SecretId: secretId, ...fieldsOf(content) })),
  );
}

/** Marks a secret for deletion: it is still there, and gives nothing. */
export async function deleteSecret(endpoint: string, secretId: string): Promise<void> {
  await use(endpoint, (client) =>
    client.send(new DeleteSecretCommand({ SecretId: secretId, RecoveryWindowInDays: 7 })),
  );
}

// ---------------------------------------------------------------------------------------------------

function fieldsOf(content: SecretContent): { SecretString: string } | { SecretBinary: Uint8Array } {
  if (content instanceof Uint8Array) return { SecretBinary: content };
  return { SecretString: typeof content === 'string' ? content : JSON.stringify(content) };
}

async function use<T>(
  endpoint: string,
  act: (client: SecretsManagerClient) => Promise<T>,
): Promise<T> {
  const client = new SecretsManagerClient(localClientConfig(endpoint));
  return await act(client).finally(() => client.destroy());
}
