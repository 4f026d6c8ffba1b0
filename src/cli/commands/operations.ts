import { runOperation } from '../../app/run-operation.ts';
import { clock, identity } from '../../assemble.ts';
import { InvalidRequestError } from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import { type OperationVerb, parseOperation } from '../../domain/request/operation.ts';
import { parseVersion } from '../../domain/request/request.ts';
import type { RollbackStore } from '../../ports/rollback-store.ts';
import { type Command, type CommandContext, textOption } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { commandLogger, requester, withSession, withStore } from '../session.ts';

/** What a person decides about a model, or about all: kept with who, when and why. */

const reasonHelp = {
  needed: 'required: why; shown to everybody whose rollback it stops',
  kept: 'why; kept in history --decisions',
} as const;

export const freezeCommand: Command = subjectCommand('freeze', {
  summary: 'allow no rollback of MODEL (with --fleet: of any model), by anybody, until a time',
  until: true,
  examples: [
    'model-rollback freeze PascalStrategy --until 2h --reason "migration of the feature store"',
    'model-rollback freeze --fleet --until 2026-12-27T06:00:00Z --reason "change freeze"',
  ],
});

export const unfreezeCommand: Command = subjectCommand('unfreeze', {
  summary: 'end a freeze before its time',
  examples: ['model-rollback unfreeze PascalStrategy', 'model-rollback unfreeze --fleet'],
});

export const pauseCommand: Command = subjectCommand('pause', {
  summary: 'keep alarms from rolling back MODEL (with --fleet: any model) until somebody resumes',
  examples: [
    'model-rollback pause PascalStrategy --reason "alarm is noisy since the new dashboard"',
    'model-rollback pause --fleet --reason "incident 4711"',
  ],
});

export const resumeCommand: Command = subjectCommand('resume', {
  summary: 'end a pause: let alarms roll back MODEL (with --fleet: all models) again',
  examples: ['model-rollback resume PascalStrategy', 'model-rollback resume --fleet'],
});

export const quarantineCommand: Command = versionCommand('quarantine', {
  summary: 'put a version into quarantine, so that no rollback chooses it',
  examples: ['model-rollback quarantine PascalStrategy 4 --reason "trained on the wrong data"'],
});

export const releaseCommand: Command = versionCommand('release', {
  summary: 'take a version out of quarantine, so that it may be restored again',
  examples: ['model-rollback release PascalStrategy 3'],
});

// ---------------------------------------------------------------------------------------------------

interface About {
  readonly summary: string;
  readonly examples: readonly string[];
  /** Takes `--until`. */
  readonly until?: true;
}

function subjectCommand(verb: OperationVerb, { summary, examples, until }: About): Command {
  const end = until === true;
  return {
    name: verb,
    usage: '[MODEL]',
    summary,
    options: {
      fleet: { type: 'boolean' },
      ...(end ? { until: { type: 'string' } } : {}),
      reason: { type: 'string' },
    },
    optionHelp: {
      fleet: 'all models, in place of MODEL',
      ...(end
        ? { until: 'required: its end: 30m, 2h, 3d, or a time such as 2026-01-31T08:00:00Z' }
        : {}),
      reason: reasonHelp[needsReason(verb) ? 'needed' : 'kept'],
    },
    arity: [0, 1],
    examples,
    run: async (context) => {
      const [model] = context.positionals;
      const isFleet = context.options['fleet'] === true;
      if ((model !== undefined) === isFleet) {
        throw new InvalidRequestError('Pass either MODEL or --fleet.');
      }
      const about = isFleet ? { fleet: true } : { model_name: model };
      return await operate(context, { operation: verb, ...about });
    },
  };
}

function versionCommand(verb: OperationVerb, { summary, examples }: About): Command {
  return {
    name: verb,
    usage: 'MODEL VERSION',
    summary,
    options: { reason: { type: 'string' } },
    optionHelp: { reason: reasonHelp[needsReason(verb) ? 'needed' : 'kept'] },
    arity: [2, 2],
    examples,
    run: async (context) => {
      const [model_name, version] = context.positionals;
      parseVersion(version, 'VERSION');
      return await operate(context, { operation: verb, model_name, version });
    },
  };
}

function needsReason(verb: OperationVerb): boolean {
  return verb === 'freeze' || verb === 'pause' || verb === 'quarantine';
}

async function operate(context: CommandContext, fields: object): Promise<ExitCode> {
  const given = {
    ...fields,
    until: textOption(context, 'until'),
    reason: textOption(context, 'reason'),
    requested_by: requester(),
  };
  const operation = parseOperation(given, clock.nowMs());
  const answer =
    operation.verb === 'resume'
      ? await withStore(context, (store, startDeadline) =>
          runOperation(withoutRegistry(context, store), operation, startDeadline()),
        )
      : await withSession(context, ({ deps, startDeadline }) =>
          runOperation(deps, operation, startDeadline()),
        );
  // Names that these two had before the others came.
  const own = { release: 'released', resume: 'resumed' }[String(operation.verb)];
  const json = own === undefined ? answer : { ...answer, [own]: answer.changed };
  context.print(escapeText(answer.message), json);
  return ExitCode.DONE;
}

/** What was paused has a state, so it is resumed without the registry. */
function withoutRegistry(
  context: CommandContext,
  store: RollbackStore,
): Parameters<typeof runOperation>[0] {
  const logger = commandLogger(context);
  return {
    store,
    clock,
    identity,
    logger,
    notifiers: [],
    registry: { address: '' },
  };
}
