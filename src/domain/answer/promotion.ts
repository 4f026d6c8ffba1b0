import { Outcome } from '../decide/outcome.ts';
import { parsePointer } from '../registry/pointer.ts';
import type { RollbackResponse } from './response.ts';

/** The answer to a promotion (docs/reference/promote.md). The first seven fields never change. */
export interface PromotionResponse
  extends Omit<
    RollbackResponse,
    'rolled_back' | 'from_version' | 'to_version' | 'reason' | 'alarm_name' | 'alarm' | 'undoes'
  > {
  /** True when the version is live now, also where it was already. */
  readonly promoted: boolean;
  /** True when nothing had to be moved. */
  readonly already_promoted: boolean;
  /** The version that was promoted, or was to be; null where none was found. */
  readonly new_version: string | null;
  /** `Production`, or the alias that names the version now; null when it was not promoted. */
  readonly new_stage: string | null;
  /** The version that was live before: archived in a stage, without the alias else. Null where nothing was replaced. */
  readonly archived_version: string | null;
  /** Why it was not promoted, or was already; null when it was promoted now. */
  readonly reason: string | null;
}

/** What the answer of the run that promotes means for its caller. */
export function promotionOf({
  rolled_back: _rolledBack,
  from_version: from,
  to_version: to,
  reason: _reason,
  alarm_name: _alarmName,
  alarm: _alarm,
  model_name,
  ...rest
}: RollbackResponse): PromotionResponse {
  const { outcome, pointer } = rest;
  const isMoved = outcome === Outcome.PROMOTED;
  const isPromoted = isMoved || outcome === Outcome.ALREADY_LIVE;
  return {
    promoted: isPromoted,
    already_promoted: isPromoted && !isMoved,
    model_name,
    new_version: to,
    new_stage: isPromoted && pointer !== null ? nameOf(pointer) : null,
    archived_version: isMoved ? from : null,
    reason: isMoved ? null : reasonOf(rest),
    ...rest,
    // Those of a rollback are: a promotion takes no overrides.
    refusals: rest.refusals.map((refusal) => ({ ...refusal, overridable: false })),
  };
}

// ---------------------------------------------------------------------------------------------------

function nameOf(text: string): string {
  const pointer = parsePointer(text, 'pointer');
  return pointer.kind === 'alias' ? pointer.alias : pointer.stage;
}

/** Where nothing was found the first sentence says it all, as callers of promote-model know it. */
function reasonOf({
  outcome,
  message,
  plan,
}: Pick<PromotionResponse, 'outcome' | 'message' | 'plan'>): string {
  const verdict = outcome === 'DRY_RUN' ? plan?.verdict : outcome;
  return verdict === Outcome.NO_TARGET ? (message.split('. ')[0] ?? message) : message;
}
