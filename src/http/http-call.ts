import type { RollbackDeps } from '../app/deps.ts';
import type { Delivery } from '../app/note-delivery.ts';
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

/** What a message asks for, to be done after its answer. */
export type Handed =
  /** @param message of Alertmanager or Grafana, or a part of one */
  | { readonly kind: 'alerts'; readonly message: unknown }
  | { readonly kind: 'delivery'; readonly delivery: Delivery };

/** Hands something over, so that it is done even if nothing of this process is left. */
export type HandOver = (handed: Handed, deadline: Deadline) => Promise<void>;

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
  /** What comparisons found. @default nothing is promoted here */
  readonly evidence?: EvidenceStore | null;
  /** Where nothing goes on after an answer. @default it does */
  readonly handOver?: HandOver | null;
}
