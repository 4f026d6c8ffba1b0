import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError } from '../domain/errors.ts';
import { sectionIn } from './credentials-file.ts';
import type { DatabricksSettings } from './databricks-address.ts';
import type { Env } from './read-env.ts';

/**
 * A profile of `~/.databrickscfg`, where Databricks' own tools keep logins of a person.
 * @param name null: the profile DEFAULT, if there is one
 * @throws ConfigurationError when a named one is not there, or the file cannot be read
 */
export function profileIn(env: Env, name: string | null): DatabricksSettings {
  const path = join(env['HOME'] || env['USERPROFILE'] || '.', '.databrickscfg');
  const values = sectionIn(textOf(path), name ?? 'DEFAULT');
  if (name !== null && values.size === 0) {
    throw new ConfigurationError(
      `${path} has no profile ${JSON.stringify(name)}. Add it with \`databricks auth login --profile ${name}\`, or set ` +
        'DATABRICKS_HOST and a login, and remove the profile from the address.',
    );
  }
  return {
    source: { file: `the profile ${name ?? 'DEFAULT'} of ${path}` },
    host: values.get('host'),
    token: values.get('token'),
    clientId: values.get('client_id'),
    clientSecret: values.get('client_secret'),
  };
}

// ---------------------------------------------------------------------------------------------------

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return '';
    throw new ConfigurationError(
      `${path}, where Databricks keeps logins, cannot be read (${code}). Make it readable for this user, or delete it.`,
    );
  }
}
