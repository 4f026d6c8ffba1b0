import { randomUUID } from 'node:crypto';
import { type PromotionCall, type PromotionDeps, runPromotion } from '../../app/promote.ts';
import { openEvidence } from '../../compose-store.ts';
import { promotionOf } from '../../domain/answer/promotion.ts';
import type { RollbackResponse } from '../../domain/answer/response.ts';
import { reloadText } from '../../domain/answer/serving.ts';
import { commandLine, splitAdvice } from '../../domain/command-line.ts';
import type { ConfirmedPlan } from '../../domain/decide/guard-answer.ts';
import { movesPointer, Outcome } from '../../domain/decide/outcome.ts';
import { escapeText } from '../../domain/escape.ts';
import { parsePromotion } from '../../domain/request/promotion-request.ts';
import { type Command, type CommandContext, textOption } from '../command.ts';
import { ExitCode, exitCodeOf } from '../exit-codes.ts';
import { firstStep, type NextStep } from '../next-step.ts';
import { renderAnswer, renderQuestion } from '../render/render-answer.ts';
import { table } from '../render/table.ts';
import { requester, type Session, withSession } from '../session.ts';
import { questionOf, requireAnswerable } from './apply.ts';
import { planning } from './plan.ts';

export const promoteCommand: Command = {
  name: 'promote',
  usage: 'MODEL [VERSION]',
  summary:
    'make VERSION the live version: show the plan, ask, move the pointer, record what it replaced; without VERSION: the one in Staging or with the alias challenger',
  options: {
    'expect-from': { type: 'string' },
    pointer: { type: 'string' },
    'request-id': { type: 'string' },
    yes: { type: 'boolean', short: 'y' },
  },
  optionHelp: {
    'expect-from': 'refuse if another version than this one is live',
    pointer:
      'stage:Production, or alias:NAME (default: the policy of the model, then ROLLBACK_MODEL_POINTERS, ROLLBACK_POINTER)',
    'request-id': 'idempotency key: the same key never acts twice (default: a new one)',
    yes: 'do not ask; needed without a terminal',
  },
  arity: [1, 2],
  examples: [
    'model-rollback promote PascalStrategy',
    'model-rollback promote PascalStrategy 4 --yes --json',
  ],
  run: async (context) => {
    const asked = readPromotion(context);
    requireAnswerable(context, 'promote');
    return await withSession(context, async (session) => {
      const { store, registry } = session.config;
      const evidence = await openEvidence(store, registry.workspace);
      try {
        const deps = { ...session.deps, evidence };
        return await confirmAndPromote(context, session, deps, asked);
      } finally {
        evidence.close();
      }
    });
  },
};

// ---------------------------------------------------------------------------------------------------

type Asked = Pick<PromotionCall, 'request' | 'warnings'>;

/** Shows the plan, asks unless `--yes`, and promotes exactly what was shown. */
async function confirmAndPromote(
  context: CommandContext,
  session: Session,
  deps: PromotionDeps,
  asked: Asked,
): Promise<ExitCode> {
  const { view, startDeadline } = session;
  const go = async (confirmed: ConfirmedPlan): Promise<ExitCode> => {
    const call = { ...asked, invocationId: 'command', deadline: startDeadline(), confirmed };
    const answer = await context.during('Promoting, with the registry and the state', () =>
      runPromotion(deps, call),
    );
    session.answered(answer.rollback_id);
    const lines = [renderAnswer(answer, view, stepAfter(answer)), ...afterPromotion(answer)];
    context.print(lines.join('\n'), promotionOf(answer));
    return exitCodeOf(answer);
  };
  if (context.options['yes'] === true) return await go({ kind: 'none' });
  const preview = await context.during(planning, () =>
    runPromotion(deps, {
      ...asked,
      request: { ...asked.request, isDryRun: true },
      invocationId: 'plan',
      deadline: startDeadline(),
    }),
  );
  const { plan } = preview;
  // Nothing to ask about: the answer says why.
  if (plan === null || !movesPointer(plan.verdict)) return await go({ kind: 'no-move' });
  context.say(renderQuestion(preview, context.style));
  if ((await context.ask?.(questionOf(preview, plan.pointer))) !== true) {
    context.print('Declined. Nothing was done.', { ...promotionOf(preview), declined: true });
    return ExitCode.REFUSED;
  }
  return await go({ kind: 'move', live: plan.live_versions[0] ?? null, to: preview.to_version });
}

/** The first thing that lets a refused promotion go on. */
function stepAfter({ outcome, refusals }: RollbackResponse): NextStep | null {
  if (outcome !== Outcome.REFUSED) return null;
  return (
    refusals.map(({ message }) => firstStep(splitAdvice(message).advice)).find(Boolean) ?? null
  );
}

/** What a person has to know once the pointer has moved, as lines; none when it did not move. */
function afterPromotion(answer: RollbackResponse): string[] {
  const { outcome, model_name: model, from_version: from, pointer } = answer;
  if (outcome !== Outcome.PROMOTED || model === null) return [];
  const back = { to: from ?? undefined, pointer: pointer ?? undefined };
  const rows = [
    ['reload', reloadText(answer)],
    ...(from === null ? [] : [['back', commandLine('apply', [model], back)]]),
  ];
  return [table(rows.map(([label = '', text = '']) => [`  ${label}`, escapeText(text)]))];
}

function readPromotion(context: CommandContext): Asked {
  return parsePromotion({
    model_name: context.positionals[0],
    new_version: context.positionals[1],
    expected_from_version: textOption(context, 'expect-from'),
    request_id: textOption(context, 'request-id') ?? `cli:${randomUUID()}`,
    requested_by: requester(),
    pointer: textOption(context, 'pointer'),
  });
}
