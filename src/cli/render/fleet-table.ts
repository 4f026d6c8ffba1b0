import type { FleetReading } from '../../app/read-fleet.ts';
import { type ModelOverview, needCodes, needWords } from '../../domain/answer/fleet-status.ts';
import { responseOf } from '../../domain/answer/response.ts';
import { commandText } from '../../domain/command-line.ts';
import { escapeText } from '../../domain/escape.ts';
import { limits } from '../../domain/limits.ts';
import { positionText } from '../../domain/record/list-position.ts';
import { pauseText } from '../../domain/state/fleet.ts';
import { freezeNow, freezeText } from '../../domain/state/operator.ts';
import { type Column, fittedTable, type Screen } from './fitted-table.ts';
import { modelOf } from './record-table.ts';
import type { Style } from './style.ts';
import { wrap } from './table.ts';

/** How the page of a fleet is shown. */
export interface FleetView extends Screen {
  readonly style: Style;
  /** Models in the table, at most. */
  readonly limit: number;
}

/** What stops all models, how many need a person and for what, the table, and what to do. */
export function fleetPage(reading: FleetReading, { limit, style, ...screen }: FleetView): string {
  const { models, next } = reading;
  const forAll = fleetLines(reading);
  if (models.length === 0) {
    const nothing =
      'Nothing is on record. A model is listed after its first rollback or attempt. ' +
      `To see what is live now, run ${commandText('status', ['MODEL'])}.`;
    return [...forAll, nothing].join('\n');
  }
  const needs = models.slice(0, limit).flatMap(({ latest, needs: [first] }) => {
    const name = modelOf(responseOf(latest));
    const text = first === undefined ? '' : style.times.within(escapeText(first.message));
    return first === undefined ? [] : [wrap(`${style.bold(name)}: ${text}`, screen.columns)];
  });
  return [
    ...forAll,
    style.bold(fleetHead(models, next !== undefined)),
    '',
    fleetTable(models.slice(0, limit), screen),
    ...(needs.length === 0 ? [] : ['', ...needs.slice(0, needsShown)]),
    ...(needs.length > needsShown ? [`And ${needs.length - needsShown} more.`] : []),
  ].join('\n');
}

/** What stops all models together. */
export function fleetLines({ fleet, atMs }: FleetReading): readonly string[] {
  const freeze = freezeNow(fleet, atMs);
  return [
    ...(freeze === null ? [] : [`${escapeText(freezeText(freeze, null))}.`]),
    ...(fleet.pause === null ? [] : [escapeText(pauseText(fleet.pause, null))]),
  ];
}

/** What was read and is not shown, and what was not read. */
export function leftOut({ models, gaps, next }: FleetReading, limit: number): readonly string[] {
  const hidden = models.slice(limit);
  const needing = hidden.filter(({ needs }) => needs.length > 0).length;
  const more =
    limit < limits.historyRowsMax
      ? commandText('status', [], { limit: String(Math.min(models.length, limits.historyRowsMax)) })
      : null;
  return [
    ...(hidden.length === 0
      ? []
      : [
          `${hidden.length} more models are not shown; ${needing === 0 ? 'none' : needing} of them need you.` +
            (more === null ? '' : ` To see them, run ${more}.`),
        ]),
    ...(next === undefined
      ? []
      : [
          `Models whose latest attempt is older were not read. To see them, run ` +
            `${commandText('status', [], { before: positionText(next) })}.`,
        ]),
    ...gaps,
  ];
}

/** The same as a line of a log. */
export function modelLine({ latest, live, needs }: ModelOverview): string {
  const answer = responseOf(latest);
  const words = needs.map(({ code }) => needWords[code]).join(', ') || 'needs nobody';
  const what = `${answer.outcome} at ${answer.timestamp}, live ${live.join(', ') || 'none'}`;
  return `${modelOf(answer)}  ${escapeText(what)}, ${words}`;
}

// ---------------------------------------------------------------------------------------------------

/** How many models the page says the needs of in full. */
const needsShown = 5;

/** Models, one a line: what needs a person, what is live, and the latest attempt. */
function fleetTable(models: readonly ModelOverview[], screen: Screen): string {
  return fittedTable(models, columns, screen);
}

/** How many need somebody, and for what. @param isMore not all models were read */
function fleetHead(models: readonly ModelOverview[], isMore: boolean): string {
  const count = models.length;
  const all = `${isMore ? `the latest ${count}` : count} model${count === 1 && !isMore ? '' : 's'}`;
  const needing = models.filter(({ needs }) => needs.length > 0);
  if (needing.length === 0) return `None of ${all} needs you.`;
  const groups = needCodes.flatMap((code) => {
    const of = needing.filter(({ needs }) => needs.some((need) => need.code === code));
    return of.length === 0 ? [] : [`${of.length} ${needWords[code]}`];
  });
  const verb = needing.length === 1 ? 'needs' : 'need';
  return `${needing.length} of ${all} ${verb} you: ${groups.join(', ')}.`;
}

const columns: readonly Column<ModelOverview>[] = [
  { title: 'MODEL', cell: ({ latest }) => modelOf(responseOf(latest)), isFlexible: true },
  { title: 'NEEDS YOU', cell: needCell },
  { title: 'LIVE', cell: ({ live }) => escapeText(live.join(', ')) || 'none', isFlexible: true },
  { title: 'LATEST OUTCOME', cell: ({ latest }) => escapeText(latest.progress.status), leftOut: 1 },
  { title: 'TIME', cell: ({ latest }, times) => times.short(responseOf(latest).timestamp) },
];

function needCell({ needs }: ModelOverview): string {
  const [first, ...others] = needs;
  if (first === undefined) return '-';
  return `${needWords[first.code]}${others.length === 0 ? '' : ` +${others.length}`}`;
}
