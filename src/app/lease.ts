import type { Lease } from '../domain/protocol/transition.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/** The lease of a claim: it outlives every write that this run may send. */
export function newLease(deps: RollbackDeps, deadline: Deadline): Lease {
  const leaseEndsAtMs = deps.clock.nowMs() + deadline.leftMs() + deps.settings.writeHorizonMs;
  return { owner: deps.identity.random(), leaseEndsAtMs: Math.round(leaseEndsAtMs) };
}
