import type { RollbackDeps } from '../app/deps.ts';
import type { CallReport } from '../lambda/serve-call.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { EvidenceStore } from '../ports/evidence-store.ts';
import type { Caller } from './access.ts';
import type { Afterwards } from './afterwards.ts';

/** What a route answers with. */
export interface Answer {
  readonly status?: number;
  readonly body: unknown;
}

/** One call of a route. */
export interface HttpCall {
  readonly deps: RollbackDeps;
  readonly request: Request;
  /** The body, where it was read to check its signature. @default the request still has it */
  readonly body?: Uint8Array;
  readonly caller: Caller;
  readonly deadline: Deadline;
  readonly report: (report: CallReport) => void;
  readonly afterwards: Afterwards;
  /** What comparisons found; null where nothing is promoted here. */
  readonly evidence: EvidenceStore | null;
}
