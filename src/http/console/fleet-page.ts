import type { FleetReading } from '../../app/read-fleet.ts';
import {
  type ModelOverview,
  type Need,
  needCodes,
  needWords,
} from '../../domain/answer/fleet-status.ts';
import type { LiveSpan } from '../../domain/answer/live-timeline.ts';
import { responseOf } from '../../domain/answer/response.ts';
import { commandLine } from '../../domain/command-line.ts';
import { positionText } from '../../domain/record/list-position.ts';
import type { RollbackRecord } from '../../domain/record/record.ts';
import { pauseText } from '../../domain/state/fleet.ts';
import { freezeNow, freezeText } from '../../domain/state/operator.ts';
import { attemptList } from './attempts.ts';
import { decisions } from './forms.ts';
import { type Html, html, type Part } from './html.ts';
import type { Page, PageContext } from './page.ts';
import { modelPath, rollbackPath } from './paths.ts';
import { commandCopy, nameText, prose, roughly, timeText } from './text.ts';
import { timelineOf } from './timeline.ts';
import { hatchOnly, stripSvg } from './timeline-svg.ts';
import { badge, moveText, outcomeBadge } from './words.ts';

/** What the page of all models shows. */
export interface FleetFacts {
  readonly reading: FleetReading;
  /** What was live of the first models, by their names. */
  readonly spans: ReadonlyMap<string, readonly LiveSpan[]>;
  /** The latest attempts, newest first. */
  readonly latest: readonly RollbackRecord[];
}

export function fleetPage(context: PageContext, { reading, spans, latest }: FleetFacts): Page {
  const { fleet, atMs, models } = reading;
  const freeze = freezeNow(fleet, atMs);
  return {
    title: 'All models',
    body: html`${hatchOnly}<h1>${headline(models)}</h1>
${subline(models)}
${
  freeze === null
    ? null
    : banner('Frozen', `${freezeText(freeze, null)}`, 'No alarm and no person can roll back.')
}
${fleet.pause === null ? null : banner('Paused', pauseText(fleet.pause, null), '')}
${waitingBlock(
  models.flatMap((model) => model.waiting),
  atMs,
)}
${modelsBlock(reading, spans)}
<section class="card" aria-labelledby="latest"><h2 id="latest">Latest attempts</h2>
${attemptList(latest, true)}
<p class="faint">The same on a command line: ${commandCopy(commandLine('history'))}</p></section>
${
  context.formToken === null
    ? null
    : html`<details class="card"><summary><h2>Freeze or pause all models</h2></summary>${decisions(
        context,
        null,
        { isFrozen: freeze !== null, isPaused: fleet.pause !== null },
      )}</details>`
}`,
  };
}

/** What holds for all models, or for one, until somebody ends it. */
export function banner(word: string, text: string, consequence: string): Html {
  return html`<div class="banner"><p><b>${word}.</b> ${prose(text)} ${consequence}</p></div>`;
}

/** Alarms that wait for a person. */
export function waitingBlock(records: readonly RollbackRecord[], nowMs: number): Part {
  if (records.length === 0) return null;
  return html`<section class="waiting" aria-labelledby="waiting"><h2 id="waiting">Waiting for you</h2>
<ul>${records.map((record) => waitingCard(record, nowMs))}</ul></section>`;
}

// ---------------------------------------------------------------------------------------------------

function headline(models: readonly ModelOverview[]): string {
  const needing = models.filter(({ needs }) => needs.length > 0).length;
  if (models.length === 0) return 'No model is on record yet';
  if (needing === 0) return 'No model needs you';
  return `${needing} of ${models.length} models ${needing === 1 ? 'needs' : 'need'} you`;
}

/** How many need somebody for what. */
function subline(models: readonly ModelOverview[]): Part {
  const groups = needCodes.flatMap((code) => {
    const count = models.filter(({ needs }) => needs.some((need) => need.code === code)).length;
    return count === 0 ? [] : [`${count} ${needWords[code]}`];
  });
  return groups.length === 0 ? null : html`<p class="sub">${groups.join(' · ')}</p>`;
}

function waitingCard(record: RollbackRecord, nowMs: number): Html {
  const answer = responseOf(record);
  const { modelName, id, alarm } = record;
  const sinceMs = alarm?.transition.atMs ?? record.createdAtMs;
  return html`<li class="card wait"><div><h3><a href="${modelPath(modelName)}">${nameText(modelName)}</a></h3>
<p>${moveText(answer.from_version, answer.to_version)} <span class="faint">on <code>${answer.pointer}</code></span></p>
<p class="faint">${answer.alarm_name ?? 'An alarm'} has been in ALARM for ${roughly(nowMs - sinceMs)}.</p></div>
<p class="row"><a class="button primary" href="${rollbackPath(id, 'approve')}">Review and approve<span
 class="unseen"> the rollback of ${modelName}</span></a> <a
 href="${rollbackPath(id)}#reject">Reject<span class="unseen"> the rollback of ${modelName}</span></a> <a
 href="${rollbackPath(id)}">Explain</a></p>
${commandCopy(commandLine('approve', [id]))}</li>`;
}

function modelsBlock(
  { models, next, gaps, unreadable, atMs }: FleetReading,
  spans: FleetFacts['spans'],
): Html {
  const older = next === undefined ? null : positionText(next);
  return html`<section class="card" aria-labelledby="models"><h2 id="models">Models</h2>
${
  models.length === 0
    ? html`<p>Nothing is on record. A model is listed after its first rollback or attempt. To see any other model, enter
its name above.</p>`
    : html`<table class="models"><thead><tr><th scope="col">Model</th><th scope="col">Live</th><th
 scope="col">Needs you</th><th scope="col" class="wide">Last 7 days</th><th scope="col">Latest attempt</th></tr></thead>
<tbody>${models.map((model) => modelRow(model, spans.get(model.modelName), atMs))}</tbody></table>`
}
${gaps.map((gap) => html`<p class="hint">${gap}</p>`)}
${unreadable.map(({ id, why }) => html`<p class="problem">${id} cannot be read: ${prose(why)}</p>`)}
${
  older === null
    ? null
    : html`<p><a href="/?before=${encodeURIComponent(older)}">Models whose latest attempt is older</a></p>`
}
</section>`;
}

function modelRow(
  { modelName, latest, live, needs }: ModelOverview,
  spans: readonly LiveSpan[] | undefined,
  nowMs: number,
): Html {
  const answer = responseOf(latest);
  const isModel = latest.subject === 'model';
  const name = isModel
    ? html`<a href="${modelPath(modelName)}">${nameText(modelName)}</a>`
    : nameText(modelName);
  return html`<tr${needs.length > 0 ? html` class="needs"` : null}><th scope="row">${name}</th>
<td data-label="Live"><b>${live.join(', ') || 'none'}</b></td>
<td data-label="Needs you">${
    needs.length === 0
      ? html`<span class="faint">–</span>`
      : html`<ul class="badges">${needs.map(needBadge)}</ul>`
  }</td>
<td class="wide">${spans === undefined ? null : stripSvg(timelineOf({ spans, records: [latest], nowMs }, '7d'))}</td>
<td data-label="Latest attempt"><a href="${rollbackPath(latest.id)}">${outcomeBadge(answer)}</a> <span
 class="faint">${timeText(answer.timestamp)}</span></td></tr>`;
}

function needBadge({ code, message }: Need): Html {
  return html`<li>${badge(needWords[code], toneOf(code), '!')}<span class="unseen">: ${message}</span></li>`;
}

function toneOf(code: string): 'bad' | 'warn' {
  return ['RUN_INTERRUPTED', 'CONTESTED', 'FAILED', 'NO_TARGET', 'LIVE_IS_QUARANTINED'].includes(
    code,
  )
    ? 'bad'
    : 'warn';
}
