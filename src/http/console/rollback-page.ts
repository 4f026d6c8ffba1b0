import {
  type ChannelReport,
  type Explanation,
  gapText,
  type Moment,
} from '../../domain/answer/explanation.ts';
import type { RollbackResponse } from '../../domain/answer/response.ts';
import { servingText } from '../../domain/answer/serving.ts';
import { commandLine } from '../../domain/command-line.ts';
import type { RollbackRecord } from '../../domain/record/record.ts';
import { rejectForm } from './forms.ts';
import { type Html, html, nothing } from './html.ts';
import type { Page, PageContext } from './page.ts';
import { modelPath, rollbackPath } from './paths.ts';
import { planView, warningList } from './plan-view.ts';
import { commandCopy, nameText, prose, timeText } from './text.ts';
import { badge, moveText, outcomeBadge } from './words.ts';

/** What the page of one attempt shows: what `explain` prints. */
export interface RollbackFacts {
  readonly record: RollbackRecord;
  readonly answer: RollbackResponse;
  readonly explanation: Explanation;
}

export function rollbackPage(
  context: PageContext,
  { record, answer, explanation }: RollbackFacts,
): Page {
  const { id, modelName, subject } = record;
  const { moments, due, channels } = explanation;
  const name = nameText(modelName);
  return {
    title: `${answer.outcome} ${modelName}`,
    body: html`<p class="crumbs"><a href="/">All models</a>${
      subject === 'model'
        ? html` <span aria-hidden="true">/</span> <a href="${modelPath(modelName)}">${name}</a>`
        : null
    }</p>
<div class="title"><h1>${moveText(answer.from_version, answer.to_version)} <span class="of">${name}</span></h1>
<p class="row">${outcomeBadge(answer)} <span class="faint">${timeText(answer.timestamp)}</span> <code
 class="id">${id}</code></p></div>
<p class="lead">${prose(answer.message)}</p>
${warningList(answer.warnings)}
${nextSteps(context, record, explanation)}
<section class="card" aria-labelledby="happened"><h2 id="happened">What happened</h2>${momentList(moments)}
${due.length === 0 ? null : html`<h3>Still to come</h3>${momentList(due)}`}</section>
<div class="columns cards"><section class="card" aria-labelledby="trigger"><h2 id="trigger">Trigger</h2>${facts(record, answer)}</section>
<section class="card" aria-labelledby="notices"><h2 id="notices">Notices</h2>${channelList(channels)}
${record.serving === undefined ? null : html`<h3>Serving</h3><p>${prose(servingText(record))}</p>`}</section></div>
${
  answer.plan === null
    ? null
    : html`<section class="card" aria-labelledby="plan"><h2 id="plan">The plan at that time</h2>${planView(
        { ...answer, warnings: [] },
        answer.plan,
        null,
      )}</section>`
}
<p class="faint after">On a command line: ${commandCopy(commandLine('explain', [id]))}</p>`,
  };
}

// ---------------------------------------------------------------------------------------------------

/** The commands of the explanation; those that the console can do have a button too. */
function nextSteps(
  context: PageContext,
  { id }: RollbackRecord,
  { next_steps: steps }: Explanation,
): Html {
  if (steps.length === 0) return nothing;
  return html`<section class="card" aria-labelledby="next"><h2 id="next">What to do now</h2>${steps.map(
    ({ text, command }) => {
      const verb = command.split(' ')[1];
      const isHere = context.formToken !== null && (verb === 'approve' || verb === 'undo');
      return html`<div class="step">${
        isHere
          ? html`<a class="button ${verb === 'approve' ? 'primary' : 'plain'}" href="${rollbackPath(id, verb)}">${
              verb === 'approve' ? 'Review and approve' : 'Undo this rollback'
            }</a>`
          : html`<span>${text}:</span>`
      } ${commandCopy(command)}</div>${verb === 'approve' ? rejectForm(context, id) : null}`;
    },
  )}</section>`;
}

function momentList(moments: readonly Moment[]): Html {
  return html`<ol class="moments">${moments.map(({ at, what }, index) => {
    const before = moments[index - 1];
    const gapMs = before === undefined ? 0 : Date.parse(at) - Date.parse(before.at);
    return html`<li><span class="when">${timeText(at)}</span> <span class="gap">${
      gapMs <= 0 ? null : `+${gapText(gapMs)}`
    }</span> <span>${prose(what)}</span></li>`;
  })}</ol>`;
}

function facts(
  { request, attempts }: RollbackRecord,
  { alarm, alarm_name: alarmName, requested_by: person, undoes, reason }: RollbackResponse,
): Html {
  const row = (name: string, value: string | Html): Html =>
    html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  return html`<dl class="facts">${row('Asked by', nameText(alarmName ?? person ?? 'manual'))}${row('Reason', reason)}${
    alarmName !== null && person !== null ? row('Person', nameText(person)) : null
  }${undoes === undefined ? null : row('Undoes', html`<a href="${rollbackPath(undoes)}">${undoes}</a>`)}${row(
    'Attempts',
    String(attempts),
  )}${request.targetVersion === null ? null : row('Target asked for', request.targetVersion)}${
    alarm === null
      ? null
      : [
          row('Alarm', alarm.arn),
          row('In ALARM since', timeText(alarm.red_since)),
          row('Model known by', alarm.model_source ?? 'unknown'),
          row('Alarm now', alarm.watch),
          row('Did it help', alarm.recovery),
        ]
  }</dl>`;
}

function channelList(channels: readonly ChannelReport[]): Html {
  if (channels.length === 0) return html`<p class="faint">None was sent.</p>`;
  return html`<ul class="channels">${channels.map(
    ({ about, channel, state, at, failures }) =>
      html`<li>${
        state === 'sent'
          ? badge('sent', 'good', '✓')
          : badge(`failed ${failures} times`, 'bad', '×')
      } <span>Notice of the ${about} by ${channel}</span> <span class="faint">${timeText(at)}</span></li>`,
  )}</ul>`;
}
