import type { RequestHeaders } from '../../ports/authorizer.ts';

/** What nobody may see of the headers that were sent, as a server or a proxy may repeat it. */
export function secretsIn({
  authorization = '',
  'x-amz-security-token': token = '',
}: RequestHeaders): string[] {
  const found = [token, ...partsOf(authorization)];
  // Longest first: a part that was masked would hide the whole. A very short one would mask half of every text.
  return found
    .filter((secret) => secret.length > 3)
    .toSorted((one, other) => other.length - one.length);
}

// ---------------------------------------------------------------------------------------------------

/** The header's value, its credential part, and the password in it, also as JSON and addresses write it. */
function partsOf(authorization: string): string[] {
  const credential = authorization.slice(authorization.indexOf(' ') + 1);
  const signature = /\bSignature=(\w+)/.exec(credential)?.[1] ?? '';
  const plain = authorization.startsWith('Basic ')
    ? Buffer.from(credential, 'base64').toString('utf8')
    : '';
  const password = plain.slice(plain.indexOf(':') + 1);
  const inJson = JSON.stringify(password).slice(1, -1);
  const inAddress = encodeURIComponent(password);
  return [authorization, credential, signature, plain, password, inJson, inAddress];
}
