import { homedir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '../domain/errors.ts';
import { type Env, read, wrong } from './read-env.ts';

export type StoreConfig =
  | { readonly kind: 'dynamodb'; readonly tableName: string }
  | { readonly kind: 'sqlite'; readonly path: string }
  /** `url` may hold a password: never log it. `address` is for people. */
  | { readonly kind: 'postgres'; readonly url: string; readonly address: string };

export type Surface = 'lambda' | 'command';

/**
 * Where state is kept; needs no registry.
 * @throws ConfigurationError
 */
export function storeFromEnv(env: Env, surface: Surface): StoreConfig {
  const table = read(env, 'ROLLBACK_STATE_TABLE');
  const store = read(env, 'ROLLBACK_STORE');
  const path = store?.startsWith('sqlite:') ? store.slice('sqlite:'.length) : null;
  if (path !== null && path !== '') return { kind: 'sqlite', path };
  if (store !== undefined && /^postgres(ql)?:/i.test(store)) return postgresStore(store, surface);
  if (store !== undefined && store !== 'dynamodb') {
    throw wrong('ROLLBACK_STORE', withoutLogin(store), allowed);
  }
  if (store === undefined && surface === 'command' && table === undefined) {
    const folder = env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state');
    return { kind: 'sqlite', path: join(folder, 'model-rollback', 'state.sqlite') };
  }
  const tableName = table ?? 'tradai-rollback-state';
  if (!/^(arn:aws[a-z-]*:dynamodb:[\w-]+:\d{12}:table\/)?[\w.-]{3,255}$/.test(tableName)) {
    throw wrong(
      'ROLLBACK_STATE_TABLE',
      tableName,
      'the name (3 to 255 letters, digits, _ - .) or ARN of a DynamoDB table',
    );
  }
  return { kind: 'dynamodb', tableName };
}

// ---------------------------------------------------------------------------------------------------

const allowed = '`dynamodb`, `sqlite:<path>` or `postgres://USER@HOST/DATABASE`';

/** @throws ConfigurationError */
function postgresStore(text: string, surface: Surface): StoreConfig {
  if (surface === 'lambda') {
    throw new ConfigurationError(
      'ROLLBACK_STORE names a PostgreSQL database, and the function keeps its state in DynamoDB only. ' +
        'Unset it, and name the table by ROLLBACK_STATE_TABLE.',
    );
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw wrong('ROLLBACK_STORE', withoutLogin(text), allowed);
  }
  return { kind: 'postgres', url: text, address: `postgres://${url.host}${url.pathname}` };
}

/** Whatever stands before an @ may be a login, also where the address is too broken to be parsed. */
function withoutLogin(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@').replace(/[?#].*$/s, '');
}
