import type { Comparison } from '../../domain/answer/comparison.ts';
import type { RefusalAnswer, RollbackResponse } from '../../domain/answer/response.ts';
import { type ActionForm, actionForm } from './forms.ts';
import { type Html, html, nothing } from './html.ts';
import type { Page, PageContext } from './page.ts';
import { modelPath } from './paths.ts';
import { comparisonView, planView } from './plan-view.ts';
import { commandCopy, nameText, prose, timeText } from './text.ts';

/** A plan, and what a person may do with it. */
export interface ConfirmFacts {
  readonly modelName: string;
  readonly title: string;
  /** What a real request would do now. */
  readonly preview: RollbackResponse;
  readonly comparison: Comparison | null;
  readonly form: Pick<ActionForm, 'action' | 'fields'>;
  /** Guards that this plan passes on purpose. */
  readonly overrides: readonly string[];
  /** The same plan with other guards passed. */
  pathWith(overrides: readonly string[]): string;
  /** The plan for another version; null where that cannot be chosen. */
  readonly pathTo: ((version: string) => string) | null;
  /** Where this rollback can be rejected; null where nothing waits. */
  readonly rejectPath: string | null;
  /** The command line for the same. */
  readonly command: string;
}

/** What would be done, and the button that does exactly that: a world that has changed since refuses. */
export function confirmPage(context: PageContext, facts: ConfirmFacts): Page {
  const { modelName, title, preview, comparison, pathTo, rejectPath, command } = facts;
  const { plan } = preview;
  return {
    title: `${title}: ${modelName}`,
    body: html`<p class="crumbs"><a href="/">All models</a> <span aria-hidden="true">/</span> <a
 href="${modelPath(modelName)}">${nameText(modelName)}</a></p>
<h1>${title} <span class="of">${nameText(modelName)}</span></h1>
${preview.alarm_name === null ? null : html`<p class="sub">Asked for by the alarm ${nameText(preview.alarm_name)}</p>`}
${preview.refusals.length > 0 ? null : html`<p class="lead">${prose(preview.message)}</p>`}
<div class="card confirm">${confirmation(context, facts)}
${commandCopy(command)}${rejectPath === null ? null : html`<p><a href="${rejectPath}">Reject it instead</a></p>`}</div>
${
  plan === null
    ? null
    : html`<section class="card" aria-labelledby="plan"><h2 id="plan">The plan</h2>${planView(preview, plan, pathTo)}</section>`
}
${comparisonView(comparison)}`,
  };
}

// ---------------------------------------------------------------------------------------------------

function confirmation(context: PageContext, facts: ConfirmFacts): Html {
  const { preview, form, overrides } = facts;
  const { plan, from_version: from, to_version: to, pointer, model_name: model } = preview;
  if (plan?.verdict !== 'ROLLED_BACK' || to === null) return refusalsView(facts);
  if (context.formToken === null) {
    return html`<p class="hint">You may read. To act here, a token of an operator is needed.</p>`;
  }
  const passed = overrides.length === 0 ? null : ` and override ${overrides.join(', ')}`;
  return html`<p class="hint">This moves the pointer for everybody who loads the model by it. If anything differs when you
press the button, nothing is done.</p>
${actionForm(context, {
  ...form,
  fields: { ...form.fields, confirmed_live: plan.live_versions[0] ?? '', confirmed_to: to },
  label: html`Move ${pointer} of ${nameText(model ?? '')} from ${from ?? 'none'} to ${to}${passed}`,
  isPrimary: true,
})}`;
}

/** Why it is not possible now; a guard that a person may pass has a link. */
function refusalsView({ preview, overrides, pathWith }: ConfirmFacts): Html {
  const { refusals } = preview;
  if (refusals.length === 0) return html`<p>Nothing can be done.</p>`;
  const overridable = refusals.filter((refusal) => refusal.overridable).map(({ code }) => code);
  return html`<h2>Refused</h2><ul class="guards">${refusals.map(refusalRow)}</ul>
${
  overridable.length === refusals.length
    ? html`<p class="row"><a class="button" href="${pathWith([...overrides, ...overridable])}">See the plan that overrides ${overridable.join(', ')}</a></p>`
    : nothing
}`;
}

function refusalRow({ code, message, clears_at: end }: RefusalAnswer): Html {
  return html`<li><span class="sign-text bad" aria-hidden="true">■</span> <span>${prose(message)} <code
 class="code">${code}</code>${end === null ? null : html` <span class="faint">until ${timeText(end)}</span>`}</span></li>`;
}
