import { type Check, ok, problem } from '../../domain/answer/check.ts';
import { hookName } from '../../domain/hook.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { reach } from './reach.ts';

/** Can the server of a hook be reached? Opens a connection and sends nothing; never throws. */
export async function inspectHttpHook(
  {
    name,
    variable,
    url,
  }: { readonly name: string; readonly variable: string; readonly url: string },
  deadline: Deadline,
): Promise<Check> {
  const shown = hookName({ kind: 'http', url });
  const trouble = await reach(new URL(url), deadline);
  return trouble === null
    ? ok(name, `${shown} can be reached. It was not called.`)
    : problem(
        name,
        `${shown} cannot be reached (${trouble}).`,
        `Check ${variable}, and that the network lets this machine and the function reach it.`,
      );
}
