/**
 * X.509 certificates for tests, made on the spot: no key is kept in the repository, and each is wrong in
 * exactly one way.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

export interface Certificate {
  readonly name: string;
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

export interface CertificateParts {
  /** Common name, and the host name that it is for. */
  readonly name: string;
  /** Who signs it; absent: it signs itself. */
  readonly issuer?: Certificate;
  /** May sign others. */
  readonly isAuthority?: boolean;
  readonly from?: Date;
  readonly until?: Date;
}

const dayMs = 86_400_000;

export function createCertificate(parts: CertificateParts): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const issuer = parts.issuer ?? { name: parts.name, key };
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSHA256,
    nameOf(issuer.name),
    sequence(
      time(parts.from ?? new Date(Date.now() - dayMs)),
      time(parts.until ?? new Date(Date.now() + dayMs)),
    ),
    nameOf(parts.name),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensionsOf(parts))),
  );
  const signature = sign('sha256', body, issuer.key);
  const cert = sequence(body, ecdsaWithSHA256, bits(signature));
  return { name: parts.name, cert: pem(cert), key };
}

// ---------------------------------------------------------------------------------------------------

function extensionsOf({ name, isAuthority = false }: CertificateParts): Buffer[] {
  const basicConstraints = sequence(...(isAuthority ? [tagged(0x01, Buffer.from([0xff]))] : []));
  const altName = sequence(tagged(0x82, Buffer.from(name, 'ascii')));
  return [
    // basicConstraints, critical
    sequence(oid('55 1d 13'), tagged(0x01, Buffer.from([0xff])), tagged(0x04, basicConstraints)),
    // subjectAltName
    sequence(oid('55 1d 11'), tagged(0x04, altName)),
  ];
}

function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x30, ...parts);
}

function integer(value: Buffer): Buffer {
  return tagged(0x02, value);
}

function oid(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

function bits(value: Buffer): Buffer {
  return tagged(0x03, Buffer.from([0]), value);
}

function time(at: Date): Buffer {
  // UTCTime: two digits of the year.
  const text = `${at.toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`;
  return tagged(0x17, Buffer.from(text, 'ascii'));
}

function nameOf(commonName: string): Buffer {
  const text = tagged(0x0c, Buffer.from(commonName, 'utf8'));
  return sequence(tagged(0x31, sequence(oid('55 04 03'), text)));
}

const ecdsaWithSHA256 = sequence(oid('2a 86 48 ce 3d 04 03 02'));

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
