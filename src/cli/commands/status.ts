import { type FleetReading, readFleet } from '../../app/read-fleet.ts';
import { readStatus } from '../../app/read-status.ts';
import { clock } from '../../assemble.ts';
import type { ModelOverview } from '../../domain/answer/fleet-status.ts';
import { responseOf } from '../../domain/answer/response.ts';
import type { StatusAnswer } from '../../domain/answer/status.ts';
import { InvalidRequestError } from '../../domain/errors.ts';
import { parseModelName } from '../../domain/request/request.ts';
import { type Command, type CommandContext, screenOf } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { pageOf, pageOptionHelp, pageOptions } from '../list-page.ts';
import {
  type FleetView,
  fleetLines,
  fleetPage,
  leftOut,
  modelLine,
} from '../render/fleet-table.ts';
import { statusText } from '../render/status-page.ts';
import { warnUnreadable, withSession, withStore } from '../session.ts';
import { type Watched, watch } from '../watch.ts';

export const statusCommand: Command = {
  name: 'status',
  usage: '[MODEL]',
  summary:
    'show what is live, in quarantine and in progress; without MODEL: all models, those that need you first',
  options: { watch: { type: 'boolean' }, ...pageOptions },
  optionHelp: {
    watch: 'keep showing it, until Ctrl-C; where there is no terminal: a line for each change',
    limit: pageOptionHelp['limit'] ?? '',
    before: 'show only models whose latest attempt is older than this time',
  },
  arity: [0, 1],
  examples: [
    'model-rollback status',
    'model-rollback status --watch',
    'model-rollback status PascalStrategy',
  ],
  run: async (context) => {
    const [model] = context.positionals;
    const isWatching = context.options['watch'] === true;
    if (isWatching && context.isJson) {
      throw new InvalidRequestError(
        '--watch shows a screen or lines, and --json is one value. Leave one of them out.',
      );
    }
    return model === undefined
      ? await allModels(context, isWatching)
      : await oneModel(context, parseModelName(model), isWatching);
  },
};

// ---------------------------------------------------------------------------------------------------

async function oneModel(
  context: CommandContext,
  modelName: string,
  isWatching: boolean,
): Promise<ExitCode> {
  return await withSession(context, async ({ deps, startDeadline }) => {
    const read = async (): Promise<StatusAnswer> =>
      await context.during('Reading the registry and the state', () =>
        readStatus(deps, modelName, startDeadline()),
      );
    if (isWatching) {
      return await watch(context, async () => {
        const status = await read();
        const screen = statusText(status, screenOf(context));
        const lines = statusText(status, { ...screenOf(context), columns: null }).split('\n');
        return { screen, first: screen, lines: new Map(lines.map((line) => [nameIn(line), line])) };
      });
    }
    const status = await read();
    context.print(statusText(status, screenOf(context)), status);
    return ExitCode.DONE;
  });
}

async function allModels(context: CommandContext, isWatching: boolean): Promise<ExitCode> {
  const page = pageOf(context);
  return await withStore(context, async (store, startDeadline) => {
    const read = async (): Promise<FleetReading> =>
      await context.during('Reading the models on record', (update) =>
        readFleet({ store, clock }, page.before, startDeadline(), (count) =>
          update(`${count} models read`),
        ),
      );
    if (isWatching) {
      return await watch(context, async () => watchedFleet(context, await read(), page.limit));
    }
    const reading = await read();
    warnUnreadable(context, reading);
    const shown = reading.models.slice(0, page.limit);
    context.print(fleetPage(reading, pageView(context, page.limit)), shown.map(fleetJson));
    for (const line of leftOut(reading, page.limit)) context.say(line);
    return ExitCode.DONE;
  });
}

function fleetJson({ latest, isNotified, needs }: ModelOverview): object {
  return { ...responseOf(latest, { isNotified }), needs_you: needs };
}

function pageView(context: CommandContext, limit: number): FleetView {
  return { ...screenOf(context), style: context.style, limit };
}

function watchedFleet(context: CommandContext, reading: FleetReading, limit: number): Watched {
  const page = fleetPage(reading, pageView(context, limit));
  const screen = [page, ...leftOut(reading, limit)].join('\n');
  const lines = new Map(reading.models.map((model) => [model.modelName, modelLine(model)]));
  lines.set('', fleetLines(reading).join(' ') || 'All models: neither frozen nor paused.');
  return { screen, first: screen, lines };
}

/** The name at the start of a row of `statusText`. */
function nameIn(line: string): string {
  return line.split(' ', 1)[0] ?? '';
}
