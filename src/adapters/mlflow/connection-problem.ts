import type { NoAnswerError } from './http-exchange.ts';

/**
 * Why there is no connection over TLS, or none by a proxy, and what to set: waiting does not help. Null for every
 * other failure.
 */
export function connectionProblem(
  error: NoAnswerError,
): { readonly what: string; readonly fix: string } | null {
  const { cause } = error;
  const code = codeOf(cause);
  if (code === null) return null;
  if (code === 'ERR_PROXY_TUNNEL' && statusOf(cause) === 407) {
    const what = `the connection ${error.way ?? 'by a proxy'} needs a login there, or another one`;
    return {
      what,
      fix: 'Set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT, or add the host to NO_PROXY.',
    };
  }
  // Something else than TLS came back.
  if (code === 'EPROTO' && /wrong version number|packet length too long/i.test(error.message)) {
    const fix =
      'Set MLFLOW_TRACKING_URI to an address with http://, or to the port that speaks TLS.';
    return { what: 'the server does not speak TLS at this address', fix };
  }
  const known = problems[code] ?? alertIn(code, error.message);
  if (known === undefined) {
    return code.startsWith('CERT_')
      ? { what: `its certificate is not accepted (${code})`, fix: replaceIt }
      : null;
  }
  return { what: `${known.what} (${code}${detailOf(cause)})`, fix: known.fix };
}

// ---------------------------------------------------------------------------------------------------

const replaceIt = 'Have the certificate of the server replaced.';
const trustIt =
  'Set MLFLOW_TRACKING_SERVER_CERT_PATH to a PEM file with the certificate of the authority that issued it (in Lambda: ' +
  'a file in a layer).';
const unknownIssuer = {
  what: 'its certificate is not trusted: this machine does not know who issued it, or the server does not send the certificates in between',
  fix: trustIt,
};

const otherHost = {
  what: 'its certificate is for another host name',
  fix: 'Set MLFLOW_TRACKING_URI to a host name that the certificate names, or have one issued for this host name.',
};

const noClientCertificate = {
  what: 'the server wants a certificate of ours, or does not accept any way to encrypt that we offer',
  fix: 'Set MLFLOW_TRACKING_CLIENT_CERT_PATH to a PEM file with a certificate that the server accepts, and its key.',
};
const badClientCertificate = {
  what: 'the server does not accept our certificate, the one in MLFLOW_TRACKING_CLIENT_CERT_PATH',
  fix: 'Set it to a PEM file with a certificate that an authority of the server issued and that is valid, and its key.',
};

/** OpenSSL's names, as Node reports them. */
const problems: Readonly<Record<string, { readonly what: string; readonly fix: string }>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: {
    what: 'its certificate is not trusted: it is self-signed',
    fix: 'Set MLFLOW_TRACKING_SERVER_CERT_PATH to a PEM file with this certificate (in Lambda: a file in a layer).',
  },
  SELF_SIGNED_CERT_IN_CHAIN: {
    what: 'its certificate is not trusted: it was issued by an authority of its own',
    fix: trustIt,
  },
  UNABLE_TO_GET_ISSUER_CERT: unknownIssuer,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownIssuer,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownIssuer,
  INVALID_CA: unknownIssuer,
  CERT_UNTRUSTED: unknownIssuer,
  CERT_HAS_EXPIRED: {
    what: 'its certificate has expired',
    fix: 'Check the clock of this machine, and have the certificate of the server renewed.',
  },
  CERT_NOT_YET_VALID: {
    what: 'its certificate is not valid yet',
    fix: 'Check the clock of this machine, and the certificate of the server.',
  },
  ERR_TLS_CERT_ALTNAME_INVALID: otherHost,
  HOSTNAME_MISMATCH: otherHost,
};

/** What the server says about our certificate: as a code, or in the text of a failed write. */
function alertIn(code: string, message: string): typeof noClientCertificate | undefined {
  const alert = code === 'EPROTO' ? message : code.replaceAll('_', ' ');
  if (/alert (certificate required|handshake failure)/i.test(alert)) return noClientCertificate;
  const isBad = /alert (unknown ca|bad certificate|certificate (expired|unknown|revoked))/i;
  return isBad.test(alert) ? badClientCertificate : undefined;
}

/** Which host names the certificate is for: text of the server, so it is cut and on one line. */
function detailOf(cause: unknown): string {
  if (!(cause instanceof Error) || !('reason' in cause)) return '';
  const text = String(cause.reason).slice(0, 300);
  return `: ${text.replaceAll(/[\s\p{Cc}]+/gu, ' ')}`;
}

function codeOf(cause: unknown): string | null {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
    ? cause.code
    : null;
}

function statusOf(cause: unknown): number | null {
  return cause instanceof Error && 'statusCode' in cause && typeof cause.statusCode === 'number'
    ? cause.statusCode
    : null;
}
