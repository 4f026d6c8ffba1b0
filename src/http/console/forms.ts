import { commandLine } from '../../domain/command-line.ts';
import { type Html, html, nothing, type Part } from './html.ts';
import type { PageContext } from './page.ts';
import { commandCopy } from './text.ts';

/** A form that acts. It brings what proves that it is ours, and an id so that it acts once. */
export interface ActionForm {
  /** Behind `/console/`. */
  readonly action: 'rollback' | 'approve' | 'undo' | 'decide';
  /** Hidden fields; a list is sent as several of one name. */
  readonly fields: Readonly<Record<string, string | readonly string[]>>;
  /** What the button says: what will be done. */
  readonly label: Part;
  readonly isPrimary?: boolean;
  /** What a person fills in. */
  readonly inputs?: Part;
}

/** Nothing for who may not act. */
export function actionForm(context: PageContext, form: ActionForm): Html {
  const { action, fields, label, isPrimary = false, inputs = null } = form;
  const { formToken } = context;
  if (formToken === null) return nothing;
  const all = { form_token: formToken, request_id: context.newRequestId(), ...fields };
  const hidden = Object.entries(all).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map(
      (one) => html`<input type="hidden" name="${name}" value="${one}">`,
    ),
  );
  return html`<form method="post" action="/console/${action}" class="action">${hidden}${inputs}<button
 class="${isPrimary ? 'primary' : 'plain'}">${label}</button></form>`;
}

/**
 * What a person may decide, each with its command line.
 * @param model null: all models
 */
export function decisions(
  context: PageContext,
  model: string | null,
  { isFrozen, isPaused }: { readonly isFrozen: boolean; readonly isPaused: boolean },
): Html {
  const subject = model === null ? { fleet: 'true' } : { model_name: model };
  const form = (verb: string, label: string, inputs: Part = null): Html =>
    actionForm(context, {
      action: 'decide',
      fields: { ...subject, operation: verb },
      label,
      inputs,
    });
  const forAll = model === null ? ({ fleet: true } as const) : {};
  const args: readonly [model?: string] = model === null ? [] : [model];
  const what = model === null ? 'all models' : 'this model';
  const freeze = html`<h3>Freeze</h3>
<p class="hint">Nobody rolls back ${what} until then: no alarm, and no person.</p>
${form('freeze', `Freeze ${what}`, [untilInput, reasonInput('freeze')])}
${commandCopy(commandLine('freeze', args, { ...forAll, until: '2h', reason: 'REASON' }))}`;
  const unfreeze = html`<h3>End the freeze</h3>
<p class="hint">Rollbacks are allowed again at once.</p>
${form('unfreeze', `Unfreeze ${what}`)}
${commandCopy(commandLine('unfreeze', args, forAll))}`;
  const pause = html`<h3>Pause</h3>
<p class="hint">Alarms do not roll back ${what} until somebody resumes it. People still can.</p>
${form('pause', `Pause ${what}`, reasonInput('pause'))}
${commandCopy(commandLine('pause', args, { ...forAll, reason: 'REASON' }))}`;
  const resume = html`<h3>Resume</h3>
<p class="hint">Alarms may roll back ${what} again.</p>
${form('resume', `Resume ${what}`)}
${commandCopy(commandLine('resume', args, forAll))}`;
  return html`<div class="decisions"><section>${isFrozen ? unfreeze : freeze}</section><section>${
    isPaused ? resume : pause
  }</section></div>`;
}

/** The button that rejects a rollback which waits for a person. */
export function rejectForm(context: PageContext, rollbackId: string): Html {
  return html`<div class="reject" id="reject">${actionForm(context, {
    action: 'decide',
    fields: { operation: 'reject', rollback_id: rollbackId },
    label: 'Reject this rollback',
    inputs: reasonInput('reject', false),
  })}
${commandCopy(commandLine('reject', [rollbackId], { reason: 'REASON' }))}</div>`;
}

/** Puts a version of a model into quarantine; nothing for who may not act. */
export function quarantineForm(context: PageContext, model: string): Html {
  if (context.formToken === null) return nothing;
  const version = html`<label for="quarantine-version">Version</label><input id="quarantine-version" name="version"
 required inputmode="numeric" pattern="[1-9][0-9]*" maxlength="18" autocomplete="off" title="a version of this model,
 such as 4">`;
  return html`<details><summary>Quarantine a version</summary><div>
<p class="hint">No rollback chooses it until somebody releases it. If it is live, it stays live.</p>
${actionForm(context, {
  action: 'decide',
  fields: { operation: 'quarantine', model_name: model },
  label: 'Quarantine this version',
  inputs: [version, reasonInput('quarantine')],
})}
${commandCopy(commandLine('quarantine', [model, 'VERSION'], { reason: 'REASON' }))}</div></details>`;
}

/** A command line of its own, with what it does. */
export function commandRow(text: string, command: string): Html {
  return html`<p class="command-row"><span>${text}</span> ${commandCopy(command)}</p>`;
}

// ---------------------------------------------------------------------------------------------------

const untilInput: Html = html`<label for="until">Until</label><select id="until" name="until"><option
 value="30m">in 30 minutes</option><option value="2h" selected>in 2 hours</option><option value="8h">in 8 hours</option>
<option value="1d">in 1 day</option><option value="3d">in 3 days</option><option value="7d">in 7 days</option></select>`;

function reasonInput(verb: string, isRequired = true): Html {
  return html`<label for="reason-${verb}">Reason${isRequired ? null : ' (optional)'}</label><input
 id="reason-${verb}" name="reason"${isRequired ? html` required` : null} maxlength="200" autocomplete="off" placeholder="shown to the people whom it concerns">`;
}
