import type { RollbackResponse } from '../domain/answer/response.ts';
import { commandLine, splitAdvice } from '../domain/command-line.ts';
import { RefusalCode } from '../domain/request/request.ts';

/** What a person does now: a few words, and a command where there is one. */
export interface NextStep {
  readonly words: string;
  readonly command: string | null;
}

/** What the person asked for. */
export interface Asked {
  /** The command that asks for the same again, and passes these guards too. */
  again(overrides: readonly string[]): string;
  /** The pointer that was named. */
  readonly pointer?: string | undefined;
  /** True when it names the version that has to be live: asked again, it is refused again. */
  readonly expectsVersion: boolean;
}

/** What follows the answer to a person's request; null when nothing has to be done. */
export function nextStep(answer: RollbackResponse, asked: Asked): NextStep | null {
  const { model_name: model, plan } = answer;
  if (model === null) return null;
  const isPreview = answer.outcome === 'DRY_RUN';
  const seePlan = commandLine('plan', [model], { pointer: asked.pointer });
  switch (isPreview ? plan?.verdict : answer.outcome) {
    case 'ROLLED_BACK':
      return isPreview ? { words: 'To do it', command: asked.again([]) } : null;
    case 'REFUSED':
      return afterRefusal(answer, model, asked);
    case 'NO_TARGET':
      if (plan === null || plan.candidates.length === 0) return null;
      return isPreview
        ? { words: 'To restore one of them all the same, pass it with --to.', command: null }
        : { words: 'To see every candidate', command: seePlan };
    case 'CONTESTED':
      return { words: 'To see what a rollback would do now', command: seePlan };
    case 'FAILED':
      return { words: 'When the cause is fixed', command: asked.again([]) };
    default:
      return null;
  }
}

// ---------------------------------------------------------------------------------------------------

function afterRefusal({ refusals }: RollbackResponse, model: string, asked: Asked): NextStep {
  const codes = refusals.map(({ code }) => code);
  if (codes.includes(RefusalCode.LIVE_VERSION_CHANGED)) {
    return asked.expectsVersion
      ? {
          words: 'To see what would be done now',
          command: commandLine('plan', [model], { pointer: asked.pointer }),
        }
      : { words: 'To see the current plan and decide', command: asked.again([]) };
  }
  const unused = refusals.find(({ code }) => code === RefusalCode.POINTER_UNUSED);
  const other = unused === undefined ? null : firstStep(splitAdvice(unused.message).advice);
  if (other !== null) return other;
  const overridable = refusals.filter(({ overridable }) => overridable).map(({ code }) => code);
  if (overridable.length < codes.length) {
    const words = 'Choose the version to restore, and pass it with --to. To see what is live';
    return { words, command: commandLine('status', [model]) };
  }
  const hasEnd = refusals.every(({ clears_at: at }) => at !== null);
  const words = hasEnd ? 'Wait until then; to do it now' : 'To do it all the same';
  return { words, command: asked.again(overridable) };
}

/** The first thing that an advice names, which has its reason in words and its command in backticks. */
export function firstStep(advice: string): NextStep | null {
  const [, words, command] = /^(To [^`]+), run `([^`]+)`/.exec(advice) ?? [];
  return words === undefined || command === undefined ? null : { words, command };
}
