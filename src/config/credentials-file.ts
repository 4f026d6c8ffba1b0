import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError } from '../domain/errors.ts';
import type { Env } from './read-env.ts';

/** The login that MLflow keeps for a person; what is absent is blank. */
export interface StoredLogin {
  readonly path: string;
  readonly name: string;
  readonly password: string;
}

/**
 * Reads `~/.mlflow/credentials` as MLflow does; null where there is none.
 * @throws ConfigurationError when it is there and cannot be read
 */
export function storedLogin(env: Env): StoredLogin | null {
  const home = env['HOME'] || env['USERPROFILE'];
  if (!home) return null;
  const path = join(home, '.mlflow', 'credentials');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new ConfigurationError(
      `${path}, where MLflow keeps a login, cannot be read (${code}). Make it readable for this user, or delete it.`,
    );
  }
  const values = sectionIn(text, 'mlflow');
  return {
    path,
    name: values.get('mlflow_tracking_username') ?? '',
    password: values.get('mlflow_tracking_password') ?? '',
  };
}

/** The values of a section, by name in lower case. Python writes a percent sign twice. */
export function sectionIn(text: string, section: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let current = '';
  for (const line of text.split(/\r?\n/)) {
    const [, header] = /^\[(.+)\]/.exec(line) ?? [];
    if (header !== undefined) current = header;
    const [, name = '', value = ''] = /^([^#;=:[\s][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
    if (current === section && name !== '') {
      values.set(name.toLowerCase(), value.replaceAll('%%', '%'));
    }
  }
  return values;
}
