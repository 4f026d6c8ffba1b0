import type { PlanAnswer, RollbackResponse } from '../../domain/answer/response.ts';
import { splitAdvice } from '../../domain/command-line.ts';
import { movesPointer } from '../../domain/decide/outcome.ts';
import { escapeText } from '../../domain/escape.ts';
import { unreachedText } from '../../domain/pointer/alias.ts';
import { policyText } from '../../domain/request/policy.ts';
import type { NextStep } from '../next-step.ts';
import { withFlagNames } from './flag-names.ts';
import type { Style } from './style.ts';

/** How an answer is shown. */
export interface AnswerView {
  readonly style: Style;
  /** False: a notice went to this terminal, not to a topic. */
  readonly hasTopic: boolean;
}

/** What happened, or would: what, why, and what to do now. Everything from outside is escaped. */
export function renderAnswer(
  answer: RollbackResponse,
  view: AnswerView,
  next: NextStep | null = null,
): string {
  const { style } = view;
  // Refusals of one answer have one next step together.
  const refusals = answer.refusals.map(({ code, message }) =>
    messageLine({ code, message: splitAdvice(message).why }, style.bad),
  );
  return [
    headline(answer, style),
    ...(refusals.length > 0 ? refusals : details(answer, view, next)),
    ...answer.warnings.map((warning) => messageLine(warning, style.warn)),
    ...(next === null ? [] : [stepText(next)]),
  ].join('\n');
}

/** A plan that was asked for: the guards say why, so the answer below does not say it again. */
export function renderPreview(
  answer: RollbackResponse,
  { style }: AnswerView,
  next: NextStep | null,
): string {
  const isExplained =
    answer.refusals.length > 0 ||
    (answer.to_version === null && answer.plan?.candidates.length !== 0);
  return [
    renderPlan(answer, style),
    '',
    headline(answer, style),
    ...(isExplained ? [] : splitLines(answer, next).map((line) => `  ${line}`)),
    ...planWarnings(answer, style),
    ...(next === null ? [] : [stepText(next)]),
  ].join('\n');
}

/** What a person is asked to confirm: the plan, and what it warns of. */
export function renderQuestion(answer: RollbackResponse, style: Style): string {
  return [renderPlan(answer, style), ...planWarnings(answer, style)].join('\n');
}

/** The move; in brackets when it is only what would have been. */
export function moveText(answer: RollbackResponse): string {
  const move = escapeText(`${answer.from_version ?? 'none'} -> ${answer.to_version ?? 'none'}`);
  return movesPointer(answer.outcome) ? move : `(${move})`;
}

/** What moves, the guards that did not pass by themselves, and the first candidates. */
function renderPlan(answer: RollbackResponse, style: Style): string {
  const { plan } = answer;
  if (plan === null) return 'No plan was made.';
  const guards = plan.guards.filter(({ verdict }) => verdict !== 'passed');
  const passed = plan.guards.length - guards.length;
  const shown = plan.candidates.slice(0, candidatesShown);
  const more = plan.candidates.length - shown.length + plan.candidates_omitted;
  return [
    ...planHead(plan, 'live', style),
    ...policyLine(answer, style),
    ...(movesPointer(plan.verdict)
      ? [
          `${label(answer.promotes ? 'promotion' : 'rollback', style)}${escapeText(`moves ${plan.pointer}. ${unreachedText}`)}`,
        ]
      : []),
    `${label('guards', style)}${passed} of ${plan.guards.length} passed`,
    ...guards.map((guard) =>
      guardLine({ ...guard, message: splitAdvice(guard.message).why }, style),
    ),
    style.bold('candidates'),
    ...candidateLines(shown, style),
    ...(more === 0 ? [] : [`     and ${more} more`]),
  ].join('\n');
}

/** The whole plan, as it was at the time of the decision. */
export function renderWholePlan({ plan }: RollbackResponse, style: Style): string {
  if (plan === null) return 'No plan was made.';
  const { candidates_omitted: omitted } = plan;
  return [
    ...planHead(plan, 'live then', style),
    style.bold('guards'),
    ...plan.guards.map((guard) => guardLine(guard, style)),
    style.bold('candidates'),
    ...candidateLines(plan.candidates, style),
    ...(omitted === 0 ? [] : [`     and ${omitted} more`]),
  ].join('\n');
}

// ---------------------------------------------------------------------------------------------------

const candidatesShown = 5;

function policyLine({ policy }: RollbackResponse, style: Style): string[] {
  return policy === undefined ? [] : [`${label('policy', style)}${escapeText(policyText(policy))}`];
}

function text(message: string): string {
  return escapeText(withFlagNames(message));
}

function headline(answer: RollbackResponse, style: Style): string {
  const { outcome, model_name: model, rollback_id: id } = answer;
  const isGood = movesPointer(outcome) || outcome === 'ALREADY_LIVE';
  const paint = isGood ? style.good : outcome === 'DRY_RUN' ? style.bold : style.bad;
  const replayed = answer.replayed ? ' (replayed: this was done before)' : '';
  const shownId = id === null ? '' : style.dim(`  id ${escapeText(id)}`);
  return `${paint(outcome)}  ${escapeText(model ?? 'no model')}  ${moveText(answer)}${replayed}${shownId}`;
}

function messageLine(
  { code, message }: { readonly code: string; readonly message: string },
  paint: (code: string) => string,
): string {
  return `  ${paint(escapeText(code))}  ${text(message)}`;
}

function details(
  answer: RollbackResponse,
  { style, hasTopic }: AnswerView,
  next: NextStep | null,
): string[] {
  const isSent = answer.notified && hasTopic;
  const facts = [
    style.times.full(answer.timestamp),
    answer.reason,
    ...(isSent ? ['notice sent'] : []),
  ];
  return [
    ...splitLines(answer, next).map((line) => `  ${line}`),
    style.dim(`  ${facts.map(escapeText).join(', ')}`),
  ];
}

/** Warnings of an answer with a plan; the guards show some of them already. */
function planWarnings({ plan, warnings }: RollbackResponse, style: Style): string[] {
  const guardMessages = plan?.guards.map(({ message }) => message) ?? [];
  return warnings
    .filter(({ message }) => !guardMessages.some((known) => known.startsWith(message)))
    .map((warning) => messageLine(warning, style.warn));
}

/**
 * The message of an answer, with its advice on a line of its own, unless the next step says what to do. What
 * a warning says too is left to its own line.
 */
function splitLines({ message, warnings }: RollbackResponse, next: NextStep | null): string[] {
  const alone = warnings.reduce(
    (rest, warning) => rest.replace(` ${warning.message}`, ''),
    message,
  );
  const { why, advice } = splitAdvice(alone);
  return [why, ...(advice === '' || next !== null ? [] : [advice])].map(text);
}

/** The command stands at the end of a line, so that it can be copied as a whole. */
function stepText({ words, command }: NextStep): string {
  return command === null ? `  ${words}` : `  ${words}: ${escapeText(command)}`;
}

/** As wide as the longest name of `explain`. */
function label(name: string, style: Style): string {
  return style.bold(name.padEnd(12));
}

function planHead(plan: PlanAnswer, liveLabel: string, style: Style): string[] {
  return [
    `${label('registry', style)}${escapeText(plan.registry)}  ${escapeText(plan.pointer)}`,
    `${label(liveLabel, style)}${escapeText(plan.live_versions.join(', ')) || 'none'}`,
  ];
}

function guardLine({ code, verdict, message }: PlanAnswer['guards'][number], style: Style): string {
  const marks: Readonly<Record<string, string>> = {
    passed: style.good('ok  '),
    warning: style.warn('warn'),
    overridden: style.warn('over'),
    refused: style.bad('no  '),
  };
  const shown = verdict === 'overridden' ? splitAdvice(message).why : message;
  return `  ${marks[verdict] ?? '?   '} ${escapeText(code)}  ${style.dim(text(shown))}`;
}

function candidateLines(candidates: PlanAnswer['candidates'], style: Style): string[] {
  if (candidates.length === 0) return ['     none'];
  return candidates.map(({ version, stage, taken, why }) => {
    const mark = taken ? style.good('->') : '  ';
    return `  ${mark} ${escapeText(version)} (${escapeText(stage)})  ${style.dim(escapeText(why))}`;
  });
}
