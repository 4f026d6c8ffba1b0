import { messageOf } from '../domain/errors.ts';
import type { Hook, HookAnswer, HookRequest } from '../domain/hook.ts';
import { limits } from '../domain/limits.ts';
import { type Deadline, deadlineWithin } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/** One call of a hook, within its own time. Never throws. */
export async function callHook(
  { hooks, clock }: Pick<RollbackDeps, 'hooks' | 'clock'>,
  hook: Hook,
  request: HookRequest,
  deadline: Deadline,
): Promise<HookAnswer> {
  if (hooks === undefined) return { kind: 'failed', why: 'nothing here can call it' };
  try {
    const within = deadlineWithin(clock, limits.hookTimeoutMs, deadline);
    return await hooks.call(hook, request, within);
  } catch (error) {
    return { kind: 'failed', why: messageOf(error).replace(/\.$/, '') };
  }
}
