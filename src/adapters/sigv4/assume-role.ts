import type { SNSClient } from '@aws-sdk/client-sns';
import { ConfigurationError, messageOf, RegistryUnavailableError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';

/** As the SDK takes them: it asks for others when they are about to expire. */
export interface RoleCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

/**
 * Credentials of a role, by one call of STS. A client that is there anyway signs and sends it: the one for STS would
 * add to the bundle.
 * @param client with the credentials that may assume the role
 * @throws ConfigurationError, RegistryUnavailableError
 */
export async function assumeRole(client: SNSClient, roleArn: string): Promise<RoleCredentials> {
  const region = await client.config.region();
  const url = new URL(endpointIn(region));
  const parameters = {
    Action: 'AssumeRole',
    Version: '2011-06-15',
    RoleArn: roleArn,
    RoleSessionName: 'model-rollback',
  };
  const request = {
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    path: url.pathname,
    query: {},
    headers: { host: url.host, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(parameters).toString(),
  };
  const signer = await client.config.signer();
  const signed = await signer.sign(request, { signingService: 'sts', signingRegion: region });
  const abortSignal = AbortSignal.timeout(limits.secretTimeoutMs);
  const { requestHandler: handler } = client.config;
  let answer: { readonly status: number; readonly text: string };
  try {
    const { response } = await handler.handle(signed as Parameters<typeof handler.handle>[0], {
      abortSignal,
    });
    const text = await textOf(response.body as AsyncIterable<Uint8Array>);
    answer = { status: response.statusCode, text };
  } catch (error) {
    throw unavailable(roleArn, messageOf(error), error);
  }
  return credentialsIn(answer, roleArn);
}

// ---------------------------------------------------------------------------------------------------

/** As the SDK finds it. */
function endpointIn(region: string): string {
  const { AWS_ENDPOINT_URL_STS: own, AWS_ENDPOINT_URL: all } = process.env;
  return own || all || `https://sts.${region}.amazonaws.com`;
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > limits.noticeAnswerBytesMax) {
      throw new Error(`its answer is larger than ${limits.noticeAnswerBytesMax / 1024} KiB`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The cause of an error holds nothing of the answer: it may be credentials. */
function credentialsIn(
  { status, text }: { readonly status: number; readonly text: string },
  roleArn: string,
): RoleCredentials {
  if (status !== 200) throw refused(roleArn, status, text);
  const found = {
    accessKeyId: element(text, 'AccessKeyId'),
    secretAccessKey: element(text, 'SecretAccessKey'),
    sessionToken: element(text, 'SessionToken'),
    expiration: new Date(element(text, 'Expiration')),
  };
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = found;
  const isWhole = [accessKeyId, secretAccessKey, sessionToken].every((part) => part !== '');
  if (!isWhole || Number.isNaN(expiration.getTime())) {
    throw unavailable(roleArn, 'STS answered with something else than credentials');
  }
  return found;
}

function refused(
  roleArn: string,
  status: number,
  text: string,
): ConfigurationError | RegistryUnavailableError {
  const code = element(text, 'Code') || String(status);
  const reason = `${code}: ${element(text, 'Message').slice(0, limits.textLengthMax)}`;
  if (status >= 500 || status === 429 || /throttl|RequestLimitExceeded/i.test(code)) {
    return unavailable(roleArn, reason);
  }
  return new ConfigurationError(
    `The role ${roleArn}, which SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN names, cannot be assumed (${reason}). Check that ` +
      'the role exists, that its trust policy names who runs this, and that they may use sts:AssumeRole on it.',
  );
}

function unavailable(roleArn: string, reason: string, cause?: unknown): RegistryUnavailableError {
  return new RegistryUnavailableError(
    `The role ${roleArn} could not be assumed (${reason}); without it requests to the registry cannot be signed. Try again.`,
    { cause },
  );
}

/** The text of the first element of this name; AWS escapes nothing in credentials but what XML must. */
function element(xml: string, name: string): string {
  const text = new RegExp(`<${name}>([^<]{1,4096})</${name}>`).exec(xml)?.[1] ?? '';
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&').trim();
}
