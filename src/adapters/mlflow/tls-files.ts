import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigurationError } from '../../domain/errors.ts';
import type { ConnectionOptions } from './connections.ts';

/** For an agent of Node.js. */
export interface TlsOptions {
  readonly rejectUnauthorized?: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Reads what a TLS connection needs.
 * @throws ConfigurationError naming the variable and the file
 */
export function tlsOptions({
  isCertificateChecked,
  authoritiesFile,
  clientCertificateFile,
}: ConnectionOptions): TlsOptions {
  const authorities =
    authoritiesFile === null
      ? {}
      : { ca: readPem('MLFLOW_TRACKING_SERVER_CERT_PATH', authoritiesFile, certificateOnly) };
  if (clientCertificateFile === null) {
    return { rejectUnauthorized: isCertificateChecked, ...authorities };
  }
  const own = readPem('MLFLOW_TRACKING_CLIENT_CERT_PATH', clientCertificateFile, withKey);
  return { rejectUnauthorized: isCertificateChecked, ...authorities, cert: own, key: own };
}

// ---------------------------------------------------------------------------------------------------

interface Content {
  readonly what: string;
  readonly marks: readonly RegExp[];
}

const certificateOnly: Content = {
  what: 'the certificate of one or more authorities',
  marks: [/-----BEGIN (TRUSTED )?CERTIFICATE-----/],
};
const withKey: Content = {
  what: 'a certificate and its key, without a passphrase',
  marks: [/-----BEGIN CERTIFICATE-----/, /-----BEGIN (\w+ )?PRIVATE KEY-----/],
};

const certificates = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]*?(?:-----END|$)[^\n]*/g;

function readPem(variable: string, path: string, { what, marks }: Content): string {
  const wrong = (why: string): ConfigurationError =>
    new ConfigurationError(
      `${variable} names ${JSON.stringify(path)}, ${why}. Set it to the path of a PEM file with ${what}.`,
    );
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw wrong(`which cannot be read (${code})`);
  }
  if (!marks.every((mark) => mark.test(text))) throw wrong('which holds something else');
  const problem = contentProblem(text, marks.length > 1);
  if (problem !== null) throw wrong(`which cannot be used: ${problem}`);
  return text;
}

/** Node takes anything for an authority without a word, and knows none of it later. */
function contentProblem(text: string, hasKey: boolean): string | null {
  try {
    const found = [...text.matchAll(certificates)].map(([block]) => new X509Certificate(block));
    const isPair = !hasKey || found[0]?.checkPrivateKey(createPrivateKey(text)) === true;
    return isPair ? null : 'the key is not that of the certificate';
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    return code;
  }
}
