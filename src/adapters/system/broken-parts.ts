import type { Authorizer } from '../../ports/authorizer.ts';
import type { RollbackStore } from '../../ports/rollback-store.ts';

/** What stands in for a part that cannot be used: every call throws why, so that the others can be checked. */

export function brokenStore(error: unknown): RollbackStore {
  const fail = async (): Promise<never> => {
    throw error;
  };
  return {
    read: fail,
    readNotice: fail,
    write: fail,
    list: fail,
    listDue: fail,
    readHeads: fail,
    listLive: fail,
    close: () => undefined,
  };
}

export function brokenAuthorizer(error: unknown): Authorizer {
  const authorize = async (): Promise<never> => {
    throw error;
  };
  return {
    source: 'the settings',
    iamService: null,
    authorize,
    renew: async () => null,
    close: () => undefined,
  };
}
