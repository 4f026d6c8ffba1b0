import type { Hook, HookAnswer, HookRequest } from '../domain/hook.ts';
import type { Deadline } from './deadline.ts';

/** Calls what the user has set up. A hook that fails never undoes or hides a rollback, so failing is an answer. */
export interface HookCaller<Kind extends Hook = Hook> {
  /**
   * One call, bounded in time by the deadline and in size, without a second try. Never throws, and no part of an
   * answer holds what is secret about the hook.
   */
  call(hook: Kind, request: HookRequest, deadline: Deadline): Promise<HookAnswer>;
  /** Frees what it holds (sockets). */
  close(): void;
}
