import type { LiveSpan } from '../../domain/answer/live-timeline.ts';
import type { StatusAnswer } from '../../domain/answer/status.ts';
import { commandLine } from '../../domain/command-line.ts';
import type { RollbackRecord } from '../../domain/record/record.ts';
import { attemptList } from './attempts.ts';
import { banner, waitingBlock } from './fleet-page.ts';
import { actionForm, commandRow, decisions, quarantineForm } from './forms.ts';
import { type Html, html, nothing, type Part } from './html.ts';
import type { Page, PageContext } from './page.ts';
import { evidencePath, modelPath, planPath, rollbackPath } from './paths.ts';
import { warningList } from './plan-view.ts';
import { commandCopy, nameText, prose, timeText } from './text.ts';
import {
  eventsOf,
  fittingRange,
  type RangeName,
  rangeNames,
  type TimelineFacts,
  timelineOf,
} from './timeline.ts';
import { legend, signSvg, timelineSvg } from './timeline-svg.ts';

/** What the page of one model shows. */
export interface ModelFacts extends TimelineFacts {
  readonly modelName: string;
  /** Why it could not be read, in place of it: then the rest is shown. */
  readonly status: StatusAnswer | { readonly problem: string };
  /** What waits for a person. */
  readonly waiting: readonly RollbackRecord[];
  /** What could not be read. */
  readonly unreadable: readonly { readonly id: string; readonly why: string }[];
  readonly hasEvidence: boolean;
  /** Null: the one that shows the latest events. */
  readonly range: RangeName | null;
}

export function modelPage(context: PageContext, facts: ModelFacts): Page {
  const { modelName, status, waiting, records, nowMs, unreadable, hasEvidence } = facts;
  const known = 'problem' in status ? null : status;
  return {
    title: modelName,
    body: html`<p class="crumbs"><a href="/">All models</a></p>
<div class="title"><h1>${nameText(modelName)}</h1>${liveText(known, facts.spans)}
<p class="row"><a class="button primary" href="${planPath(modelName)}">See the plan to roll back</a>${
      hasEvidence
        ? html` <a class="button" href="${evidencePath(modelName)}">Comparisons</a>`
        : null
    }</p></div>
${
  'problem' in status
    ? html`<p class="problem" role="alert">What is live could not be read: ${prose(status.problem)}</p>`
    : null
}
${known === null ? null : stops(known)}
${waitingBlock(waiting, nowMs)}
${known === null ? null : warningList(known.warnings)}
${timelineBlock(facts)}
${known === null ? null : quarantineBlock(context, known)}
<section class="card" aria-labelledby="attempts"><h2 id="attempts">Attempts</h2>${attemptList(records, false)}
${unreadable.map(({ id, why }) => html`<p class="problem">${id} cannot be read: ${prose(why)}</p>`)}</section>
${known === null ? null : actionsBlock(context, known)}`,
  };
}

// ---------------------------------------------------------------------------------------------------

function liveText(known: StatusAnswer | null, spans: readonly LiveSpan[]): Html {
  if (known === null) return nothing;
  const versions = known.live_versions;
  const [latest] = spans.filter(({ pointer }) => pointer === known.pointer);
  const since =
    latest !== undefined && versions.length === 1 && latest.version === versions[0]
      ? html` <span class="faint">since ${timeText(latest.began_by)}${
          latest.how === 'baseline' || latest.how === 'seen' ? ' or before' : null
        }</span>`
      : null;
  return html`<p class="live-line"><span class="faint">Live</span> <b class="version">${
    versions.join(', ') || 'none'
  }</b> <span class="faint">on <code>${known.pointer}</code></span>${since}</p>`;
}

function stops({
  frozen,
  fleet_frozen: fleetFrozen,
  paused,
  fleet_paused: fleetPaused,
}: StatusAnswer): Part {
  const none = 'No alarm and no person can roll it back.';
  return [
    fleetFrozen === undefined ? null : banner('Frozen', `${fleetFrozen}.`, none),
    frozen === undefined ? null : banner('Frozen', `${frozen}.`, none),
    fleetPaused === null ? null : banner('Paused', fleetPaused, ''),
    paused === null ? null : banner('Paused', paused, ''),
  ];
}

function timelineBlock(facts: ModelFacts): Html {
  const { spans, modelName } = facts;
  const range = facts.range ?? fittingRange(facts);
  const timeline = timelineOf(facts, range);
  const events = eventsOf(facts);
  const shown = new Set(events.map(({ kind }) => kind));
  const links = rangeNames.map((name) =>
    name === range
      ? html`<a href="${modelPath(modelName)}?range=${name}" aria-current="true">${rangeWords[name]}</a>`
      : html`<a href="${modelPath(modelName)}?range=${name}">${rangeWords[name]}</a>`,
  );
  return html`<section class="card" aria-labelledby="live"><div class="card-head"><h2 id="live">What was live</h2><nav
 class="ranges" aria-label="Time shown">${links}</nav></div>
${
  spans.length === 0 && events.length === 0
    ? html`<p class="faint">Nothing is known yet. The sweep reads what the pointer names every few minutes, and keeps
each change.</p>`
    : html`<figure>${timelineSvg(timeline)}${legend(shown)}<figcaption class="unseen">A picture of which version was live
when, with alarms, rollbacks, promotions and refusals. The lists below say the same.</figcaption></figure>`
}
<details><summary>The same as a list</summary><div class="columns"><section><h3>What happened</h3><ol class="events">${events
    .slice(0, 40)
    .map(
      ({ kind, atMs, text, rollbackId }) =>
        html`<li>${signSvg(kind)} <span>${
          rollbackId === null ? text : html`<a href="${rollbackPath(rollbackId)}">${text}</a>`
        } <span class="faint">${timeText(atMs)}</span></span></li>`,
    )}</ol></section><section><h3>Versions</h3>${spanTable(spans)}</section></div></details>
<p class="faint">On a command line: ${commandCopy(commandLine('history', [modelName], { live: true }))}</p></section>`;
}

const rangeWords: Readonly<Record<RangeName, string>> = {
  '24h': '24 hours',
  '7d': '7 days',
  '30d': '30 days',
  all: 'All',
};

function spanTable(spans: readonly LiveSpan[]): Html {
  const hasSeveral = new Set(spans.map(({ pointer }) => pointer)).size > 1;
  return html`<ol class="spans">${spans.slice(0, 40).map(
    ({ version, pointer, began_by: began, ended_by: end, how, has_gap: hasGap }) =>
      html`<li><b>${version ?? 'none'}</b>${hasSeveral ? html` <code>${pointer}</code>` : null} <span class="faint">from
${timeText(began)}${how === 'baseline' || how === 'seen' ? ' or before' : null} ${
        end === null ? 'until now, as far as known' : html`until ${timeText(end)}`
      }${hasGap ? '; another version may have been live just before it' : null}</span></li>`,
  )}</ol>`;
}

function quarantineBlock(context: PageContext, status: StatusAnswer): Html {
  const { quarantined, model_name: model } = status;
  if (quarantined.length === 0 && context.formToken === null) return nothing;
  return html`<section class="card" aria-labelledby="quarantine">${
    quarantined.length === 0
      ? html`<h2 id="quarantine">Quarantine</h2><p class="faint">No version is in quarantine.</p>`
      : quarantineList(context, status)
  }${quarantineForm(context, model)}</section>`;
}

function quarantineList(
  context: PageContext,
  { quarantined, model_name: model }: StatusAnswer,
): Html {
  return html`<h2 id="quarantine">In quarantine</h2>
<p class="faint">No rule restores these versions, and no alarm does.</p><ul class="quarantine">${quarantined.map(
    ({
      version,
      since,
      rollback_id: id,
      reason,
    }) => html`<li><span><b>${version}</b> <span class="faint">since
${timeText(since)}${reason === undefined ? null : html`: ${reason}`}</span>${
      id === null ? null : html` <a href="${rollbackPath(id)}">the rollback</a>`
    }</span> ${actionForm(context, {
      action: 'decide',
      fields: { operation: 'release', model_name: model, version },
      label: `Release version ${version}`,
    })}${commandCopy(commandLine('release', [model, version]))}</li>`,
  )}</ul>`;
}

function actionsBlock(context: PageContext, status: StatusAnswer): Html {
  const { model_name: model, last_rollback: last, live_versions: live } = status;
  const isUndoable = last !== null && last.from !== null && live.join() === last.to;
  return html`<section class="card" aria-labelledby="actions"><h2 id="actions">Actions</h2>
${commandRow('See the plan, and roll back:', commandLine('apply', [model]))}
${
  isUndoable
    ? html`<p class="row">${
        context.formToken === null
          ? null
          : html`<a class="button" href="${rollbackPath(last.rollback_id, 'undo')}">Undo the rollback from ${last.from} to ${last.to}</a>`
      } ${commandCopy(commandLine('undo', [last.rollback_id]))}</p>`
    : null
}
${
  context.formToken === null
    ? html`<p class="hint">You may read. To act here, a token of an operator is needed.</p>`
    : decisions(context, model, {
        isFrozen: status.frozen !== undefined,
        isPaused: status.paused !== null,
      })
}</section>`;
}
