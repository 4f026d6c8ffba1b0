import type { Comparison, ComparisonRow } from '../../domain/answer/comparison.ts';
import type { PlanAnswer, RollbackResponse } from '../../domain/answer/response.ts';
import { type Html, html, nothing, type Part } from './html.ts';
import { prose, timeText } from './text.ts';
import { moveText } from './words.ts';

/** A plan: the move, every guard, every candidate. */
export function planView(
  answer: Pick<RollbackResponse, 'from_version' | 'to_version' | 'warnings'>,
  plan: PlanAnswer,
  linkTo: ((version: string) => string) | null,
): Html {
  return html`<div class="plan">
<p class="move-line">${moveText(answer.from_version, answer.to_version)} <span class="faint">on
<code>${plan.pointer}</code></span></p>
${plan.rule_text === null ? null : html`<p class="faint">Target: ${plan.rule_text}.</p>`}
${warningList(answer.warnings)}
<div class="columns"><section><h3>Guards</h3>${guardList(plan)}</section>
<section><h3>Candidates</h3>${candidateList(plan, linkTo)}</section></div></div>`;
}

/** Two versions side by side, what differs first. */
export function comparisonView(comparison: Comparison | null): Html {
  if (comparison === null) return nothing;
  const { from_version: from, to_version: to, rows, unread } = comparison;
  const differing = rows.filter(({ differs }) => differs);
  const same = rows.filter(({ differs }) => !differs);
  const head = html`<thead><tr><th scope="col">What</th><th scope="col">Version ${from} (live)</th><th
 scope="col">Version ${to} (target)</th></tr></thead>`;
  return html`<section class="card" aria-labelledby="comparison"><h2 id="comparison">Version ${from} and version ${to}</h2>
${
  differing.length === 0
    ? html`<p class="faint">Nothing that was read differs.</p>`
    : html`<div class="scroll" tabindex="0" role="region" aria-labelledby="comparison"><table
 class="comparison">${head}<tbody>${differing.map(comparisonRow)}</tbody></table></div>`
}
${
  same.length === 0
    ? null
    : html`<details><summary>${same.length} more that are the same</summary><div class="scroll" tabindex="0"
 role="region" aria-label="What is the same"><table class="comparison">${head}<tbody>${same.map(
   comparisonRow,
 )}</tbody></table></div></details>`
}
${unread.map((line) => html`<p class="hint">${prose(line)}</p>`)}</section>`;
}

export function warningList(warnings: RollbackResponse['warnings']): Part {
  if (warnings.length === 0) return null;
  return html`<ul class="warnings">${warnings.map(
    ({ code, message }) =>
      html`<li><span class="sign-text warn" aria-hidden="true">!</span> <span>${prose(message)} <code
 class="code">${code}</code></span></li>`,
  )}</ul>`;
}

// ---------------------------------------------------------------------------------------------------

const verdicts: Readonly<Record<string, readonly [sign: string, word: string, tone: string]>> = {
  passed: ['✓', 'passed', 'good'],
  warning: ['!', 'warning', 'warn'],
  overridden: ['↷', 'overridden', 'warn'],
  refused: ['■', 'refused', 'bad'],
};

/** Those that did not pass first. */
function guardList({ guards }: PlanAnswer): Html {
  const passed = guards.filter(({ verdict }) => verdict === 'passed');
  const others = guards.filter(({ verdict }) => verdict !== 'passed');
  return html`<p class="faint">${passed.length} of ${guards.length} passed</p>
${others.length === 0 ? null : html`<ul class="guards">${others.map(guardRow)}</ul>`}
${
  passed.length === 0
    ? null
    : html`<details${others.length === 0 ? html` open` : null}><summary>Passed</summary><ul
 class="guards">${passed.map(guardRow)}</ul></details>`
}`;
}

function guardRow({ code, verdict, message, clears_at: end }: PlanAnswer['guards'][number]): Html {
  const [sign, word, tone] = verdicts[verdict] ?? ['', verdict, 'calm'];
  return html`<li><span class="sign-text ${tone}" aria-hidden="true">${sign}</span> <span><span
 class="unseen">${word}: </span>${prose(message)} <code class="code">${code}</code>${
   end === null ? null : html` <span class="faint">until ${timeText(end)}</span>`
 }</span></li>`;
}

function candidateList(
  { candidates, candidates_omitted: omitted }: PlanAnswer,
  linkTo: ((version: string) => string) | null,
): Html {
  if (candidates.length === 0) return html`<p class="faint">The model has no other version.</p>`;
  return html`<ul class="candidates">${candidates.map(({ version, stage, taken, why }) => {
    const name = html`<b>${version}</b>${stage === '' || stage === 'None' ? null : html` <span class="faint">${stage}</span>`}`;
    return html`<li class="${taken ? 'taken' : 'passed-over'}"><span class="sign-text ${taken ? 'good' : 'calm'}"
 aria-hidden="true">${taken ? '➜' : '·'}</span> <span>${name}${taken ? html`<span class="unseen"> (target)</span>` : null} ${why}${
   taken || linkTo === null
     ? null
     : html` <a href="${linkTo(version)}">Plan with version ${version}</a>`
 }</span></li>`;
  })}</ul>${omitted === 0 ? null : html`<p class="faint">${omitted} more are not shown.</p>`}`;
}

function comparisonRow({ part, name, from, to, differs }: ComparisonRow): Html {
  return html`<tr${differs ? html` class="differs"` : null}><th scope="row">${
    part === name ? null : html`<span class="faint">${part}</span> `
  }${name}</th>
<td>${valueText(from)}</td><td>${valueText(to)}</td></tr>`;
}

function valueText(value: string | null): Part {
  if (value === null) return '–';
  return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? timeText(value) : value;
}
