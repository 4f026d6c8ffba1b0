import { limits } from '../domain/limits.ts';
import type { RollbackDeps } from './deps.ts';

/** A pause (ms) that grows with the attempt: those that met once do not all come at the same instant again. */
export function jitterMs({ identity }: Pick<RollbackDeps, 'identity'>, attempt: number): number {
  const byte = Number.parseInt(identity.digest(identity.random()).slice(0, 2), 16);
  return Math.round((limits.fleetBackoffMs * attempt * byte) / 256);
}
