import { InvalidRequestError } from '../../domain/errors.ts';
import type { Command } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

/** `completion`: a script for a shell that completes verbs and options. @param verbs all of them */
export function completionCommand(verbs: () => readonly Command[]): Command {
  return {
    name: 'completion',
    usage: 'SHELL',
    summary: 'print the script that completes verbs and options in bash, zsh or fish',
    options: {},
    optionHelp: {},
    arity: [1, 1],
    examples: [
      'model-rollback completion bash >> ~/.bashrc',
      'model-rollback completion zsh >> ~/.zshrc',
      'model-rollback completion fish > ~/.config/fish/completions/model-rollback.fish',
    ],
    run: async (context) => {
      const [asked] = context.positionals;
      const shell = shells.find((known) => known === asked);
      if (shell === undefined) {
        throw new InvalidRequestError(`SHELL must be one of ${shells.join(', ')}.`);
      }
      const script = scriptFor(shell, verbs());
      context.print(script, { shell, script });
      return ExitCode.DONE;
    },
  };
}

// ---------------------------------------------------------------------------------------------------

function scriptFor(shell: Shell, verbs: readonly Command[]): string {
  return shell === 'fish' ? fishScript(verbs) : bashScript(shell, verbs);
}

/** zsh takes the script of bash by its own means. */
function bashScript(shell: 'bash' | 'zsh', verbs: readonly Command[]): string {
  const cases = verbs.map((verb) => `    ${verb.name}) words='${optionsOf(verb).join(' ')}' ;;`);
  return [
    ...(shell === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit'] : []),
    '_model_rollback() {',
    `  local word=\${COMP_WORDS[COMP_CWORD]} words=''`,
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    words='${verbs.map(({ name }) => name).join(' ')} --help --version'`,
    `  else case \${COMP_WORDS[1]} in`,
    ...cases,
    '  esac; fi',
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    '}',
    'complete -F _model_rollback model-rollback',
  ].join('\n');
}

function fishScript(verbs: readonly Command[]): string {
  return verbs
    .flatMap((verb) => [
      `complete -c model-rollback -f -n __fish_use_subcommand -a ${verb.name} -d ${quoted(verb.summary)}`,
      ...optionsOf(verb).map((option) => {
        const name = option.slice(2);
        const help = verb.optionHelp[name] ?? '';
        const seen = `-n '__fish_seen_subcommand_from ${verb.name}'`;
        return `complete -c model-rollback -f ${seen} -l ${name} -d ${quoted(help)}`;
      }),
    ])
    .join('\n');
}

function optionsOf({ options }: Command): string[] {
  return [...Object.keys(options), 'json', 'utc', 'help'].map((name) => `--${name}`);
}

/** Within single quotes fish takes a backslash and a quote by a backslash. */
function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}
