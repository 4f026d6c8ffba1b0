import { type Comparison, compareDetails, comparisonUnread } from '../domain/answer/comparison.ts';
import { messageOf } from '../domain/errors.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';

/** Two versions side by side, for people. What cannot be read is named: never an error. */
export async function compareVersions(
  { registry }: Pick<RollbackDeps, 'registry'>,
  modelName: string,
  { from, to }: { readonly from: string; readonly to: string },
  deadline: Deadline,
): Promise<Comparison> {
  try {
    const [left, right] = await Promise.all(
      [from, to].map((version) => registry.readDetails(modelName, version, deadline)),
    );
    return left === undefined || right === undefined
      ? comparisonUnread(from, to, 'one of them is missing.')
      : compareDetails(left, right);
  } catch (error) {
    return comparisonUnread(from, to, messageOf(error));
  }
}
