import { limits } from '../domain/limits.ts';
import { chance } from '../ports/identity.ts';
import type { RollbackDeps } from './deps.ts';

/** A pause (ms) that grows with the attempt: those that met once do not all come at the same instant again. */
export function jitterMs({ identity }: Pick<RollbackDeps, 'identity'>, attempt: number): number {
  return Math.round(limits.fleetBackoffMs * attempt * chance(identity));
}
