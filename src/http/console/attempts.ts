import { responseOf } from '../../domain/answer/response.ts';
import type { RollbackRecord } from '../../domain/record/record.ts';
import { type Html, html } from './html.ts';
import { modelPath, rollbackPath } from './paths.ts';
import { nameText, timeText } from './text.ts';
import { moveText, outcomeBadge } from './words.ts';

/** Attempts, newest first, each with its page. @param hasModels true where they are of several models */
export function attemptList(records: readonly RollbackRecord[], hasModels: boolean): Html {
  if (records.length === 0) return html`<p class="faint">Nothing is on record.</p>`;
  return html`<ol class="attempts">${records.map((record) => attemptRow(record, hasModels))}</ol>`;
}

// ---------------------------------------------------------------------------------------------------

function attemptRow(record: RollbackRecord, hasModels: boolean): Html {
  const answer = responseOf(record);
  const { id, modelName, subject } = record;
  const name = nameText(modelName);
  const model = subject === 'model' ? html`<a href="${modelPath(modelName)}">${name}</a>` : name;
  const by = answer.alarm_name ?? answer.requested_by;
  return html`<li><span class="when">${timeText(answer.timestamp)}</span> <a class="what"
 href="${rollbackPath(id)}">${outcomeBadge(answer)} ${moveText(answer.from_version, answer.to_version)}<span
 class="unseen"> explained</span></a> ${hasModels ? html`<span class="model">${model}</span>` : null} ${
   by === null ? null : html`<span class="faint by">by ${nameText(by)}</span>`
 }</li>`;
}
