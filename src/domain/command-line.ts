import { escapeText } from './escape.ts';

/**
 * Commands in messages, refusals, notices and fixes. Every one is made here, so that it works when it is
 * pasted, whatever a name holds; a test runs each through the command's own parser.
 */

/** What a message may ask people to run: the arguments in their order, then the options. */
interface Verbs {
  readonly plan: readonly [args: readonly [model: string], options?: PlanOptions];
  readonly apply: readonly [args: readonly [model: string], options?: ApplyOptions];
  readonly undo: readonly [args: readonly [modelOrId: string], options?: UndoOptions];
  readonly history: readonly [
    args?: readonly [model?: string],
    options?: PageOptions & { readonly live?: true },
  ];
  readonly explain: readonly [args: readonly [id: string]];
  readonly status: readonly [args?: readonly [model?: string], options?: PageOptions];
  readonly promoted: readonly [
    args: readonly [model: string, version: string],
    options?: { readonly replaced?: string; readonly pointer?: string | undefined },
  ];
  readonly promote: readonly [
    args: readonly [model: string, version?: string | undefined],
    options?: { readonly pointer?: string | undefined },
  ];
  readonly 'can-promote': readonly [args: readonly [model: string, version: string]];
  readonly compare: readonly [
    args: readonly [model: string],
    options?: {
      readonly champion?: string;
      readonly challenger?: string;
      readonly rules?: string;
    },
  ];
  readonly release: readonly [args: readonly [model: string, version: string]];
  readonly freeze: readonly [
    args: readonly [model?: string],
    options?: { readonly fleet?: true; readonly until?: string; readonly reason?: string },
  ];
  readonly unfreeze: readonly [
    args: readonly [model?: string],
    options?: { readonly fleet?: true; readonly reason?: string },
  ];
  readonly quarantine: readonly [
    args: readonly [model: string, version: string],
    options?: { readonly reason?: string },
  ];
  readonly pause: readonly [
    args: readonly [model?: string],
    options?: { readonly fleet?: true; readonly reason?: string },
  ];
  readonly policy: readonly [
    args: readonly [action: 'get' | 'set' | 'unset', model: string, ...fields: string[]],
    options?: { readonly all?: true; readonly reason?: string },
  ];
  readonly approve: readonly [args: readonly [id: string], options?: Overrides];
  readonly reject: readonly [args: readonly [id: string], options?: { readonly reason?: string }];
  readonly resume: readonly [args: readonly [model?: string], options?: { readonly fleet?: true }];
  readonly sweep: readonly [];
  readonly serve: readonly [
    args?: readonly [],
    options?: {
      readonly host?: string;
      readonly port?: string;
      readonly 'token-file'?: string;
    },
  ];
  readonly console: readonly [];
  readonly doctor: readonly [args?: readonly [], options?: { readonly function?: string }];
  readonly drill: readonly [args?: readonly [model?: string]];
  readonly 'create-table': readonly [];
  readonly reindex: readonly [args?: readonly [], options?: { readonly back?: true }];
  readonly completion: readonly [args: readonly [shell: string]];
  readonly demo: readonly [
    args?: readonly [],
    options?: { readonly model?: string; readonly stage?: true; readonly console?: true },
  ];
}
export type CommandVerb = keyof Verbs;

/** The next page of a list. */
interface PageOptions {
  readonly limit?: string | undefined;
  readonly before?: string | undefined;
}

interface Overrides {
  readonly override?: readonly string[] | undefined;
}

interface PlanOptions extends Overrides {
  readonly to?: string | undefined;
  readonly reason?: string | undefined;
  readonly 'expect-from'?: string | undefined;
  readonly pointer?: string | undefined;
}

interface UndoOptions extends Overrides {
  readonly pointer?: string | undefined;
}

interface ApplyOptions extends PlanOptions {
  readonly alarm?: string | undefined;
}

/** A command line for a POSIX shell, to stand on a line of its own. */
export function commandLine<Verb extends CommandVerb>(verb: Verb, ...rest: Verbs[Verb]): string {
  const [args = [], options = {}] = rest as readonly [Arguments?, Options?];
  const given = args.flatMap((arg) => (arg === undefined ? [] : [quoteForShell(arg)]));
  const flags = Object.entries(options).flatMap(([name, value]) => flagsOf(name, value));
  // Behind `--` a name that begins with a dash is no option.
  const words = args.some((arg) => arg?.startsWith('-'))
    ? [...flags, '--', ...given]
    : [...given, ...flags];
  return ['model-rollback', verb, ...words].join(' ');
}

/** The same within a sentence. It holds no backtick but the two around it. */
export function commandText<Verb extends CommandVerb>(verb: Verb, ...rest: Verbs[Verb]): string {
  return `\`${commandLine(verb, ...rest)}\``;
}

/** A message in two parts: what happened and why; then what to do, from the first sentence with a command. */
export function splitAdvice(message: string): { readonly why: string; readonly advice: string } {
  const [, why, advice] = advicePattern.exec(message) ?? [];
  return why === undefined || advice === undefined ? { why: message, advice: '' } : { why, advice };
}

/** One word of a shell. What nobody would see, or see turned around, is written as bytes (bash, zsh, ksh). */
export function quoteForShell(text: string): string {
  if (/^[\w@%+:,./-][\w@%+=:,./-]*$/.test(text)) return text;
  const whole = text.toWellFormed();
  if (escapeText(whole) === whole && !whole.includes('`')) {
    return `'${whole.replaceAll("'", "'\\''")}'`;
  }
  return `$'${[...whole].map(bytesOf).join('')}'`;
}

// ---------------------------------------------------------------------------------------------------

type Arguments = readonly (string | undefined)[];
type Options = Readonly<Record<string, string | true | readonly string[] | undefined>>;

/** Within the first such sentence no other one begins. */
const advicePattern =
  /^(.+?[.:]) ((?:Run|To|Wait|When|Until)\b(?:(?![.:] )[^`])*`model-rollback .+)$/su;

function flagsOf(name: string, value: Options[string]): string[] {
  if (value === undefined) return [];
  if (value === true) return [`--${name}`];
  if (typeof value !== 'string') return value.flatMap((one) => flagsOf(name, one));
  // With `=` a value may begin with a dash.
  const separator = value.startsWith('-') ? '=' : ' ';
  return [`--${name}${separator}${quoteForShell(value)}`];
}

function bytesOf(character: string): string {
  if (character !== '`' && !/['\\]/.test(character) && escapeText(character) === character) {
    return character;
  }
  const bytes = [...new TextEncoder().encode(character)];
  return bytes.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
