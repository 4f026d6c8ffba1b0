import type { NoAnswerError } from './mlflow-client.ts';

/**
 * Why we refused a TLS connection, and what to set: waiting does not help. Null for every other
 * failure.
 */
export function certificateProblem(
  error: NoAnswerError,
): { readonly what: string; readonly fix: string } | null {
  const { cause } = error;
  const code = codeOf(cause);
  if (code === null) return null;
  // Something else than TLS came back.
  if (code === 'EPROTO' && /wrong version number|packet length too long/i.test(error.message)) {
    const fix =
      'Set MLFLOW_TRACKING_URI to an address with http://, or to the port that speaks TLS.';
    return { what: 'the server does not speak TLS at this address', fix };
  }
  const known = problems[code];
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
  'Set NODE_EXTRA_CA_CERTS to a PEM file with the certificate of the authority that issued it, and start ' +
  'the program again (in Lambda: a file in the function or in a layer).';
const unknownIssuer = {
  what: 'its certificate is not trusted: this machine does not know who issued it, or the server does not send the certificates in between',
  fix: trustIt,
};

const otherHost = {
  what: 'its certificate is for another host name',
  fix: 'Set MLFLOW_TRACKING_URI to a host name that the certificate names, or have one issued for this host name.',
};

/** OpenSSL's names, as Node reports them. */
const problems: Readonly<Record<string, { readonly what: string; readonly fix: string }>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: {
    what: 'its certificate is not trusted: it is self-signed',
    fix: 'Set NODE_EXTRA_CA_CERTS to a PEM file with this certificate, and start the program again (in Lambda: a file in the function or in a layer).',
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
