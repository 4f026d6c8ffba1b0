import type { RollbackResponse } from '../domain/response.ts';

/** Text for people. Everything from outside goes through `safe`: it may hold control characters. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
}

/** Colours, or plain text. */
export function styleFor(hasColours: boolean): Style {
  const paint = (code: number) => (text: string) =>
    hasColours ? `\u001b[${code}m${text}\u001b[0m` : text;
  return { bold: paint(1), dim: paint(2), good: paint(32), bad: paint(31), warn: paint(33) };
}

/** Control characters, and those that turn text around, as escapes. */
export function safe(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

/** Columns, padded; the last one as long as it is. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** What happened, or would: the answer in a few lines. */
export function renderAnswer(answer: RollbackResponse, style: Style): string {
  const head = headline(answer, style);
  const lines = [
    head,
    ...answer.refusals.map((refusal) => `  ${style.bad(refusal.code)}  ${safe(refusal.message)}`),
    ...answer.warnings.map((warning) => `  ${style.warn(warning.code)}  ${safe(warning.message)}`),
  ];
  if (answer.rollback_id !== null) lines.push(style.dim(`  id ${safe(answer.rollback_id)}`));
  return lines.join('\n');
}

/** The move; in brackets when it is only what would have been. */
export function moveText(answer: RollbackResponse): string {
  const move = `${answer.from_version ?? 'none'} -> ${answer.to_version ?? 'none'}`;
  return answer.rolled_back ? move : `(${move})`;
}

/** Guards and candidates of a plan. */
export function renderPlan(answer: RollbackResponse, style: Style): string {
  const { plan } = answer;
  if (plan === null) return 'No plan was made.';
  const marks: Readonly<Record<string, string>> = {
    passed: style.good('ok  '),
    warning: style.warn('warn'),
    overridden: style.warn('over'),
    refused: style.bad('no  '),
  };
  const guards = plan.guards.map(
    (guard) => `  ${marks[guard.verdict] ?? '?'} ${guard.code}  ${style.dim(safe(guard.message))}`,
  );
  const candidates = plan.candidates.map((candidate) => {
    const mark = candidate.taken ? style.good('->') : '  ';
    return `  ${mark} ${candidate.version} (${safe(candidate.stage)})  ${style.dim(safe(candidate.why))}`;
  });
  const omitted =
    plan.candidates_omitted === 0 ? [] : [`     and ${plan.candidates_omitted} more versions`];
  return [
    `${style.bold('registry')}   ${safe(plan.registry)}  ${plan.pointer}`,
    `${style.bold(answer.outcome === 'DRY_RUN' ? 'live     ' : 'live then')}  ${plan.live_versions.join(', ') || 'none'}`,
    style.bold('guards'),
    ...guards,
    style.bold('candidates'),
    ...(candidates.length === 0 ? ['     none'] : candidates),
    ...omitted,
  ].join('\n');
}

// ---------------------------------------------------------------------------------------------------

function headline(answer: RollbackResponse, style: Style): string {
  const paint =
    answer.outcome === 'ROLLED_BACK' || answer.outcome === 'ALREADY_LIVE'
      ? style.good
      : answer.outcome === 'DRY_RUN'
        ? style.bold
        : style.bad;
  const move = moveText(answer);
  const replayed = answer.replayed ? ' (replayed: this was done before)' : '';
  const told =
    answer.outcome === 'DRY_RUN' ? '' : `, notice ${answer.notified ? 'sent' : 'not sent'}`;
  // A refusal's message is the sum of its guards', which follow.
  const message = answer.refusals.length > 0 ? '' : `  ${safe(answer.message)}\n`;
  return (
    `${paint(answer.outcome)}  ${safe(answer.model_name ?? 'no model')}  ${move}${replayed}\n${message}` +
    style.dim(`  ${answer.timestamp}, ${answer.reason}${told}`)
  );
}
