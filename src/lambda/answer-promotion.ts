import { type PromotionDeps, runPromotion } from '../app/promote.ts';
import { type PromotionResponse, promotionOf } from '../domain/answer/promotion.ts';
import { parsePromotion } from '../domain/request/promotion-request.ts';
import type { Invocation } from './answer-event.ts';
import { type Call, serveCall } from './serve-call.ts';

/**
 * Answers one request for a promotion (docs/reference/promote.md).
 * @throws InvalidRequestError, and what a promotion throws
 */
export async function answerPromotion(
  { evidence, ...deps }: PromotionDeps,
  body: unknown,
  { invocationId, deadline, report }: Invocation,
): Promise<PromotionResponse> {
  const asked = parsePromotion(body);
  const { requestId, modelName, isDryRun } = asked.request;
  const call: Call = {
    kind: 'promotion',
    triggerId: requestId ?? invocationId,
    modelName,
    alarmName: null,
    messageId: null,
    quality: isDryRun ? 'dry-run' : 'sound',
    alarmAtMs: null,
  };
  const answered = await serveCall(
    deps,
    call,
    (watched) => runPromotion({ ...watched, evidence }, { ...asked, invocationId, deadline }),
    report,
  );
  return promotionOf(answered);
}
