/** What every source of the registry's login must do; each adapter has a run file beside this one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Credentials } from '../../src/ports/credentials.ts';
import { soon } from './model-registry.contract.ts';

/** Credentials, and the hands of whoever sets the login. */
export interface CredentialsPlace {
  readonly credentials: Credentials;
  /** What they give at first. */
  readonly authorization: string | null;
  /** What of it nobody may see. */
  readonly secrets: readonly string[];
  /** Sets another login and answers its header; null where there is never another. */
  readonly rotate: (() => Promise<string>) | null;
  close(): Promise<void>;
}

/** Runs the contract on one adapter. */
export function describeCredentials(
  name: string,
  openCredentials: () => Promise<CredentialsPlace>,
): void {
  describe(name, () => {
    let place: CredentialsPlace;

    beforeEach(async () => {
      place = await openCredentials();
    });

    afterEach(async () => {
      place.credentials.close();
      await place.close();
    });

    test('gives the same value to everybody', async () => {
      const { credentials, authorization } = place;
      const together = [credentials.authorization(soon()), credentials.authorization(soon())];
      expect(await Promise.all(together)).toEqual([authorization, authorization]);
      expect(await credentials.authorization(soon())).toBe(authorization);
    });

    test('has no other one for a refused login that is still the one', async () => {
      const { credentials, authorization } = place;
      await credentials.authorization(soon());
      expect(await credentials.renew(authorization, soon())).toBeNull();
      expect(await credentials.authorization(soon())).toBe(authorization);
    });

    test('has the other one when the login was changed, and keeps it', async ({ skip }) => {
      const { credentials, authorization, rotate } = place;
      if (rotate === null) return skip('there is never another');
      await credentials.authorization(soon());
      const other = await rotate();
      expect(await credentials.authorization(soon())).toBe(authorization);
      expect(await credentials.renew(authorization, soon())).toBe(other);
      expect(await credentials.authorization(soon())).toBe(other);
    });

    test('names its source without the login', () => {
      const { credentials, secrets } = place;
      expect(credentials.source).toMatch(/(MLFLOW_TRACKING|DATABRICKS)_\w+/);
      for (const secret of secrets) expect(credentials.source).not.toContain(secret);
    });
  });
}
