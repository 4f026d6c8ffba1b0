import type { ParseArgsOptionsConfig } from 'node:util';
import { type PolicyReading, readPolicy } from '../../app/policy.ts';
import { runOperation } from '../../app/run-operation.ts';
import { clock } from '../../assemble.ts';
import { type Env, read } from '../../config/read-env.ts';
import { entryFor } from '../../domain/entry-for.ts';
import { InvalidRequestError } from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import { defaultPointers, type PointerSettings } from '../../domain/registry/pointer.ts';
import { parseOperation } from '../../domain/request/operation.ts';
import {
  type PolicyFieldName,
  policyFieldNames,
  policyFields,
} from '../../domain/request/policy.ts';
import { parseModelName } from '../../domain/request/request.ts';
import { type Command, type CommandContext, textOption } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { table } from '../render/table.ts';
import { requester, withSession } from '../session.ts';

/** `policy`: what holds for one model in the place of the variables, which hold for all. */
export const policyCommand: Command = {
  name: 'policy',
  usage: 'get|set|unset MODEL [FIELD...]',
  summary: 'show or change what holds for MODEL in place of the ROLLBACK_ variables',
  options: {
    ...fieldOptions(),
    all: { type: 'boolean' },
    reason: { type: 'string' },
  },
  optionHelp: {
    mode: 'set: what alarms of MODEL do: act, ask (a person approves) or observe',
    pointer: 'set: stage:Production, or alias:NAME',
    'cooldown-hours': 'set: minimum hours between two rollbacks; 0 switches the cooldown off',
    budget:
      'set: rollbacks within a time, after which alarms of MODEL are paused, such as 3/7d; or off',
    'target-rule': 'set: last-good or latest-archived',
    'target-max-age': 'set: maximum age of a version that a rollback restores, such as 90d; or off',
    'promotion-evidence':
      'set: maximum age of the comparison that a promotion requires, such as 7d; or off',
    'previous-alias':
      'set: on or off: whether each move of alias:NAME sets NAME-previous to the version it replaced',
    'smoke-check': 'set: address or Lambda function that checks whether a target works, or off',
    reload: 'set: address or Lambda function that makes servers reload, or off',
    all: 'unset: every field, in place of FIELD',
    reason: 'why; required for set; kept in history --decisions',
  },
  arity: [2, 2 + policyFieldNames.length],
  examples: [
    'model-rollback policy get PascalStrategy',
    'model-rollback policy set PascalStrategy --mode ask --cooldown-hours 6 --reason "pays salaries"',
    'model-rollback policy unset PascalStrategy mode',
    'model-rollback policy unset PascalStrategy --all --reason "use the defaults again"',
  ],
  run: async (context) => {
    const [action = '', model] = context.positionals;
    const modelName = parseModelName(model);
    const run = Object.hasOwn(actions, action) ? actions[action] : undefined;
    if (run === undefined) {
      const known = Object.keys(actions).join(', ');
      throw new InvalidRequestError(`policy takes one of ${known} before MODEL.`);
    }
    refuseExtra(context, action);
    return await run(context, modelName);
  },
};

// ---------------------------------------------------------------------------------------------------

type Action = (context: CommandContext, modelName: string) => Promise<ExitCode>;

const actions: Readonly<Record<string, Action>> = { get, set, unset };

async function get(context: CommandContext, modelName: string): Promise<ExitCode> {
  const { reading, pointers } = await withSession(context, async ({ deps, startDeadline }) => ({
    reading: await readPolicy(deps, modelName, startDeadline()),
    pointers: deps.settings.pointers ?? defaultPointers,
  }));
  const settings = reading.settings.map((one) => ({
    ...one,
    source: one.source === 'policy' ? 'policy' : sourceIn(context.env, one, modelName, pointers),
  }));
  const rows = settings.map(({ field, value, source }) => [field, String(value), source]);
  const hasOther = settings.some(({ source }) => source !== 'policy');
  const note = hasOther
    ? '\nVariables and defaults are those of this shell; for alarms the function has its own.'
    : '';
  const text = table([['FIELD', 'VALUE', 'SET BY'], ...rows.map((row) => row.map(escapeText))]);
  context.print(`${text}${note}`, { ...reading, settings });
  return ExitCode.DONE;
}

async function set(context: CommandContext, modelName: string): Promise<ExitCode> {
  const fields = policyFieldNames.map((name) => [name, textOption(context, optionOf(name))]);
  const policy = Object.fromEntries(fields.filter(([, value]) => value !== undefined));
  return await operate(context, { operation: 'policy-set', model_name: modelName, policy });
}

async function unset(context: CommandContext, modelName: string): Promise<ExitCode> {
  const [, , ...named] = context.positionals;
  const isAll = context.options['all'] === true;
  if (named.length > 0 === isAll) {
    throw new InvalidRequestError(
      `Pass either FIELD or --all. Fields: ${policyFieldNames.join(', ')}.`,
    );
  }
  const fields = isAll ? policyFieldNames : named;
  return await operate(context, { operation: 'policy-unset', model_name: modelName, fields });
}

async function operate(context: CommandContext, fields: object): Promise<ExitCode> {
  const reason = textOption(context, 'reason');
  const given = { ...fields, reason, requested_by: requester() };
  const operation = parseOperation(given, clock.nowMs());
  const answer = await withSession(context, ({ deps, startDeadline }) =>
    runOperation(deps, operation, startDeadline()),
  );
  context.print(escapeText(answer.message), answer);
  return ExitCode.DONE;
}

/** What one action takes, another does not: silently left out, it would be taken for done. */
function refuseExtra({ positionals, options }: CommandContext, action: string): void {
  const owners: Readonly<Record<string, readonly string[]>> = {
    all: ['unset'],
    reason: ['set', 'unset'],
  };
  const wrong = Object.keys(options).find((name) => !(owners[name] ?? ['set']).includes(action));
  const isWrong = wrong !== undefined && wrong !== 'json';
  if (isWrong) throw new InvalidRequestError(`policy ${action} takes no --${wrong}.`);
  if (positionals.length > 2 && action !== 'unset') {
    throw new InvalidRequestError(
      `policy ${action} takes no FIELD${action === 'set' ? ': pass options such as --mode ask' : ''}.`,
    );
  }
}

function fieldOptions(): ParseArgsOptionsConfig {
  return Object.fromEntries(policyFieldNames.map((name) => [optionOf(name), { type: 'string' }]));
}

/** `cooldown_hours` is `--cooldown-hours`. */
function optionOf(name: PolicyFieldName): string {
  return name.replaceAll('_', '-');
}

/** The variable that counts, or `default`. */
function sourceIn(
  env: Env,
  { field }: PolicyReading['settings'][number],
  modelName: string,
  { byModel }: PointerSettings,
): string {
  if (field === 'pointer' && entryFor(byModel, modelName) !== undefined) {
    return 'ROLLBACK_MODEL_POINTERS';
  }
  const { variable } = policyFields[field];
  return read(env, variable) === undefined ? 'default' : variable;
}
