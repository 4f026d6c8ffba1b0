import { ConfigurationError } from '../domain/errors.ts';
import type { Warning } from '../domain/request/request.ts';
import type { EnvName } from './env-names.ts';
import { type Env, read, readBoolean } from './read-env.ts';

/** How the registry is reached. */
export interface ConnectionSettings {
  /** False: any certificate of the server is accepted. */
  readonly isCertificateChecked: boolean;
  /** Path of a PEM file with the authorities that may have issued it; null: those that Node.js knows. */
  readonly authoritiesFile: string | null;
  /** Path of a PEM file with our own certificate and its key. */
  readonly clientCertificateFile: string | null;
  readonly proxy: ProxySetting | null;
}

export interface ProxySetting {
  /** The variable that names it. */
  readonly variable: string;
  /** May hold a login: secret. */
  readonly url: string;
  /** Host and port, for people. */
  readonly address: string;
}

/** @throws ConfigurationError */
export function connectionFromEnv(
  env: Env,
  baseUrl: URL,
): { readonly connection: ConnectionSettings; readonly warnings: readonly Warning[] } {
  const isTls = baseUrl.protocol === 'https:';
  const isInsecure = readBoolean(env, 'MLFLOW_TRACKING_INSECURE_TLS');
  const authoritiesFile = read(env, 'MLFLOW_TRACKING_SERVER_CERT_PATH') ?? null;
  const clientCertificateFile = read(env, 'MLFLOW_TRACKING_CLIENT_CERT_PATH') ?? null;
  if (isInsecure && authoritiesFile !== null) {
    throw new ConfigurationError(
      'MLFLOW_TRACKING_INSECURE_TLS is true, and MLFLOW_TRACKING_SERVER_CERT_PATH is set: one accepts any ' +
        'certificate, the other only some. Unset MLFLOW_TRACKING_INSECURE_TLS.',
    );
  }
  const { proxy, warnings } = proxyFor(env, baseUrl);
  const insecure: Warning = {
    code: 'INSECURE_TLS',
    message:
      'MLFLOW_TRACKING_INSECURE_TLS is true: anybody on the way can read the login and change what the registry ' +
      'answers. Set MLFLOW_TRACKING_SERVER_CERT_PATH instead.',
  };
  const files = { authoritiesFile, clientCertificateFile };
  return {
    connection: { isCertificateChecked: !isInsecure, ...files, proxy },
    warnings: [
      ...warnings,
      ...(isInsecure && isTls ? [insecure] : []),
      ...(isTls ? [] : tlsNames)
        .filter((name) => read(env, name) !== undefined)
        .map((name) => noEffect(name, 'the address of the registry begins with http:')),
    ],
  };
}

/** A variable that people set for MLflow, and that does nothing here. */
export function noEffect(name: string, why: string): Warning {
  return {
    code: 'SETTING_WITHOUT_EFFECT',
    message: `${name} is set, and has no effect: ${why}.`,
  };
}

// ---------------------------------------------------------------------------------------------------

const tlsNames: readonly EnvName[] = [
  'MLFLOW_TRACKING_INSECURE_TLS',
  'MLFLOW_TRACKING_SERVER_CERT_PATH',
  'MLFLOW_TRACKING_CLIENT_CERT_PATH',
];

/** As other programs read these variables: in lower case first, and the one for all after the one for this. */
function proxyFor(
  env: Env,
  baseUrl: URL,
): { readonly proxy: ProxySetting | null; readonly warnings: readonly Warning[] } {
  const own = baseUrl.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const names = [own.toLowerCase(), own, 'all_proxy', 'ALL_PROXY'];
  const variable = names.find((name) => env[name]?.trim());
  const text = variable === undefined ? '' : (env[variable]?.trim() ?? '');
  const except = env['no_proxy'] || env['NO_PROXY'] || '';
  if (variable === undefined || isExcepted(baseUrl, except)) return { proxy: null, warnings: [] };
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(url)) {
    // Without the value: it may hold a login.
    throw new ConfigurationError(
      `${variable} must be the address of a proxy, such as http://proxy.example.com:3128.`,
    );
  }
  const { protocol, host, href } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') {
    const why = `a proxy by ${protocol.slice(0, -1)} cannot be used, only by http or https`;
    return { proxy: null, warnings: [noEffect(variable, why)] };
  }
  return { proxy: { variable, url: href, address: host }, warnings: [] };
}

/** A name is for its subdomains too; also networks, as Python reads them, and a port. */
function isExcepted({ hostname, port, protocol }: URL, list: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const ownPort = port || (protocol === 'https:' ? '443' : '80');
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, network = '', bits = ''] = /^([\d.]+)\/(\d{1,2})$/.exec(entry) ?? [];
      if (network !== '') return isInNetwork(host, network, Number(bits));
      // An IPv6 address has colons of its own, and its port only behind brackets.
      const [, named = '', namedPort = ownPort] =
        /^\[(.+)\](?::(\d+))?$/.exec(entry) ??
        (entry.split(':').length > 2 ? [entry, entry] : (/^(.*?)(?::(\d+))?$/.exec(entry) ?? []));
      const name = named.replace(/^\*?\./, '');
      if (namedPort !== ownPort) return false;
      return host === name || (!/^[\d.]+$/.test(host) && host.endsWith(`.${name}`));
    });
}

function isInNetwork(host: string, network: string, bits: number): boolean {
  const [one, other] = [numberOf(host), numberOf(network)];
  if (one === null || other === null || bits > 32) return false;
  const size = 2 ** (32 - bits);
  return Math.floor(one / size) === Math.floor(other / size);
}

/** Null for what is not an IPv4 address. */
function numberOf(address: string): number | null {
  const parts = address.split('.');
  const isAddress = parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part));
  return isAddress ? parts.reduce((sum, part) => sum * 256 + Number(part), 0) : null;
}
