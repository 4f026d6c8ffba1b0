import { limits } from '../domain/limits.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { PointersPage } from '../ports/model-registry.ts';
import type { RollbackDeps } from './deps.ts';

/** One page, and when its reading began (epoch ms). */
export type TimedPage = PointersPage & { readonly beganAtMs: number };

/**
 * What the pointers of registered models name, page by page. MLflow reads all versions of each model for such a
 * page, so pages are small, and smaller where one was slow.
 * @param from `next` of the page before; null for the first
 * @throws RegistryRefusedError, RegistryUnavailableError
 */
export async function* pointerPages(
  { registry, clock }: Pick<RollbackDeps, 'registry' | 'clock'>,
  { from, pagesMax }: { readonly from: string | null; readonly pagesMax: number },
  deadline: Deadline,
): AsyncGenerator<TimedPage, void> {
  let at = from;
  let rows: number = limits.pointerPageRows;
  for (let pages = 1; pages <= pagesMax && deadline.leftMs() > 0; pages += 1) {
    const beganAtMs = clock.nowMs();
    const beganMs = clock.monotonicMs();
    const page = await registry.listPointers({ from: at, rows }, deadline);
    const isSlow = clock.monotonicMs() - beganMs > limits.pointerPageSlowMs;
    if (isSlow) rows = Math.max(1, Math.floor(rows / 2));
    yield { ...page, beganAtMs };
    at = page.next;
    if (at === null) return;
  }
}
