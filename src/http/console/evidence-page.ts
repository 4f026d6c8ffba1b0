import { commandLine } from '../../domain/command-line.ts';
import { Decision, type Evidence } from '../../domain/evidence/evidence.ts';
import {
  readFinding,
  type ShownFinding,
  type ShownMetric,
} from '../../domain/evidence/read-finding.ts';
import { numberText, signed } from '../../domain/evidence/sentences.ts';
import type { EvidenceList } from '../../domain/evidence/stored-evidence.ts';
import { commandRow } from './forms.ts';
import { type Html, html, type Part } from './html.ts';
import { intervalLegend, intervalSvg, toneOf } from './interval-svg.ts';
import type { Page } from './page.ts';
import { modelPath } from './paths.ts';
import { nameText, prose, timeText } from './text.ts';
import { hatchOnly } from './timeline-svg.ts';
import { badge, type Tone } from './words.ts';

/** The latest comparison of each pair of versions of a model. */
export function evidencePage(modelName: string, { entries, unreadable }: EvidenceList): Page {
  return {
    title: `Comparisons: ${modelName}`,
    body: html`${hatchOnly}<p class="crumbs"><a href="/">All models</a> <span aria-hidden="true">/</span> <a
 href="${modelPath(modelName)}">${nameText(modelName)}</a></p>
<h1>Comparisons <span class="of">${nameText(modelName)}</span></h1>
<p class="sub">The latest evidence of each pair of versions. A change is the value of the challenger less that of the
champion.</p>
${unreadable.map(({ why }) => html`<p class="problem">${prose(why)}</p>`)}
${
  entries.length === 0
    ? html`<div class="card"><p>No comparison is on record.</p>
${commandRow('Compare two versions:', commandLine('compare', [modelName]))}</div>`
    : [intervalLegend, entries.map(evidenceCard)]
}`,
  };
}

// ---------------------------------------------------------------------------------------------------

const decisions: Readonly<Record<Decision, readonly [word: string, sign: string, tone: Tone]>> = {
  [Decision.PROMOTE]: ['Promote', '✓', 'good'],
  [Decision.KEEP]: ['Keep', '×', 'bad'],
  [Decision.INVESTIGATE]: ['Investigate', '?', 'warn'],
};

function evidenceCard(evidence: Evidence, index: number): Html {
  const { modelName, champion, challenger, decision, confidence, sha256, createdAtMs } = evidence;
  const [word, sign, tone] = decisions[decision];
  const finding = readFinding(evidence);
  const id = `pair-${index + 1}`;
  return html`<section class="card" aria-labelledby="${id}"><div class="card-head"><h2 id="${id}">Version ${challenger}
against ${champion}</h2><p class="row">${badge(word, tone, sign)} <span class="faint">confidence
${String(Math.floor(confidence * 1000) / 1000)}, ${timeText(createdAtMs)}</span></p></div>
${finding === null ? unknownForm : findingView(finding)}
${commandRow('Compare again:', commandLine('compare', [modelName], { champion, challenger }))}
${decision === Decision.PROMOTE ? commandRow('Promote:', commandLine('promote', [modelName, challenger])) : null}
<p class="digest faint">SHA-256 of the evidence <code>${sha256}</code></p></section>`;
}

const unknownForm: Html = html`<p class="problem">Its metrics cannot be shown here: another release of model-rollback
wrote them.</p>`;

function findingView({ metrics, slices, problems, level }: ShownFinding): Part {
  return [
    problems.length === 0
      ? null
      : html`<ul class="warnings">${problems.map(
          (problem) =>
            html`<li><span class="sign-text warn" aria-hidden="true">!</span> <span>${prose(problem)}</span></li>`,
        )}</ul>`,
    metricTable('Metric', metrics, level),
    slices.length === 0
      ? null
      : html`<details><summary>Slices: ${String(slices.length)}</summary>${metricTable('Slice', slices, level)}</details>`,
    html`<details><summary>In words</summary><ul class="reasons">${[...metrics, ...slices].map(
      ({ slice, reason }) =>
        html`<li>${slice === null ? null : html`<b>${slice.column} ${slice.value}</b>: `}${prose(reason)}</li>`,
    )}</ul></details>`,
  ];
}

function metricTable(first: string, metrics: readonly ShownMetric[], level: number): Html {
  const percent = `${numberText(100 * level)} %`;
  return html`<table class="models metrics"><thead><tr><th scope="col">${first}</th><th scope="col">Values</th><th
 scope="col" class="wide">Change</th><th scope="col">Result</th></tr></thead>
<tbody>${metrics.map((metric) => metricRow(metric, percent))}</tbody></table>`;
}

function metricRow(metric: ShownMetric, percent: string): Html {
  const { name, champion, challenger, result, slice, isCritical, isObserved } = metric;
  const kind = isObserved ? 'observed only' : isCritical ? 'critical' : null;
  return html`<tr><th scope="row">${name}${
    slice === null ? null : html` <span class="faint">${slice.column} ${slice.value}</span>`
  }${kind === null ? null : html` <span class="faint kind">${kind}</span>`}</th>
<td data-label="Values">${valueText(challenger)} <span class="faint">against ${valueText(champion)}</span></td>
<td class="wide">${intervalSvg(metric)}<span class="faint">${changeText(metric, percent)}</span></td>
<td data-label="Result">${badge(result, toneOf(result), signs[toneOf(result)])}</td></tr>`;
}

const signs = { good: '●', bad: '×', warn: '◆' } as const;

/** What the picture shows. */
function changeText({ change, interval, limit }: ShownMetric, percent: string): string {
  if (change === null) return 'not known';
  const range =
    interval === null
      ? 'no interval'
      : `${percent} ${signed(interval[0])} to ${signed(interval[1])}`;
  const rule = limit === null ? '' : `; allowed: ${boundWords(limit)} ${signed(limit.change)}`;
  return `${signed(change)} (${range})${rule}`;
}

function boundWords({ worse, isEnough }: NonNullable<ShownMetric['limit']>): string {
  if (worse === 'below') return isEnough ? 'at least' : 'more than';
  return isEnough ? 'at most' : 'less than';
}

function valueText(value: number | null): string {
  return value === null ? 'not known' : numberText(value);
}
