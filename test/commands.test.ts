import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commandNames, parseLine } from '../src/cli/run.ts';
import {
  type CommandVerb,
  commandLine,
  commandText,
  splitAdvice,
} from '../src/domain/command-line.ts';
import { escapeText } from '../src/domain/escape.ts';
import { shellCommands } from './shell-commands.ts';

/** Every command that people are shown can be pasted: the command's own parser takes it. Nothing is run. */

const filesUnder = (folder: string, ending: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));
const documents = ['README.md', ...filesUnder('docs', '.md')];
const sources = filesUnder('src', '.ts');
const verbs = commandNames.join('|');

/** What the parser has against the command lines of a script; those of other commands are left alone. */
function problemsOf(script: string): string[] {
  return shellCommands(script).flatMap(([program, verb, ...args]) => {
    // The name alone is no command.
    if (program !== 'model-rollback' || verb === undefined) return [];
    if (verb === '--version' || verb === '--help') return [];
    try {
      parseLine(verb, args);
      return [];
    } catch (error) {
      return [`${script.trim()}: ${String(error)}`];
    }
  });
}

/** Scripts, sessions and inline code of a page. */
function problemsOfPage(text: string): string[] {
  const scripts = [...text.matchAll(/^```(sh|console)\n([\s\S]*?)^```$/gm)].flatMap(
    ([, language, body = '']) =>
      language === 'sh'
        ? [body]
        : [...body.matchAll(/^\$ (.*(?:\\\n.*)*)$/gm)].map((line) => line[1] ?? ''),
  );
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '');
  const inline = [...prose.matchAll(/`([^`]+)`/g)].map((code) =>
    (code[1] ?? '').replaceAll('\n', ' '),
  );
  // The synopsis of all of them.
  return [...scripts, ...inline.filter((code) => !code.includes(' COMMAND '))].flatMap(problemsOf);
}

/**
 * Commands that are written out in the sources: none but the examples of the help, which are parsed. All
 * others are made by `commandLine`, whose arguments the compiler checks.
 */
function problemsOfSource(path: string, source: string): string[] {
  const code = source.replaceAll(/^\s*(\/\*\*?|\*|\/\/).*$/gm, '');
  const lists = /examples: \[([^\]]*)\]/g;
  const examples = [...code.matchAll(lists)].map((list) => list[1] ?? '').join('');
  const others = code.replaceAll(lists, '');
  const written = new RegExp(
    `(?:["'\`]|[Rr]un:? |^)model-rollback (?!--)[a-z-]+|model-rollback (?:${verbs})\\b`,
    'g',
  );
  return [
    ...[...examples.matchAll(/'((?:[^'\\]|\\.)*)'/g)].flatMap(([, example = '']) =>
      problemsOf(example),
    ),
    ...[...others.matchAll(written)]
      .map(([found]) => found)
      .filter((found) => !/^["'`]model-rollback (has|needs)$/.test(found))
      .map((found) => `${path} writes out ${found}`),
  ];
}

describe('the commands that people are shown', () => {
  test.each(documents)('%s shows only what can be pasted', (path) => {
    expect(problemsOfPage(readFileSync(path, 'utf8'))).toEqual([]);
  });

  test.each(sources)('%s writes none out by hand', (path) => {
    expect(problemsOfSource(path, readFileSync(path, 'utf8'))).toEqual([]);
  });

  test.each([
    ['an unknown verb', 'Run `model-rollback resum NAME`.'],
    ['no argument', 'Run `model-rollback resume NAME EXTRA` now.'],
    ['an unknown option', '```sh\nexport A=b && model-rollback apply NAME --version 2\n```\n'],
    ['a verb alone', '```console\n$ A=b model-rollback approve\nDone.\n```\n'],
    ['a full stop', '```console\n$ true; model-rollback resume. \\\n  --fleet\n```\n'],
    ['what is inside', '```sh\nid=$(jq -r .id <<< "$(model-rollback histroy)")\n```\n'],
  ])('a page with a planted bad command fails: %s', (_what, page) => {
    expect(problemsOfPage(page)).toHaveLength(1);
  });

  test.each([
    ["const message = 'When it is settled, run: model-rollback resume.';"],
    ['const message = `Run model-rollback resum`;'],
    ['const fix = \'Make it with "model-rollback create-table".\';'],
    ["examples: ['model-rollback explain'],"],
  ])('a source with a planted bad command fails: %s', (source) => {
    expect(problemsOfSource('planted.ts', source)).toHaveLength(1);
  });

  test('pages and sources without one pass', () => {
    const page =
      '```sh\naws lambda invoke --function-name model-rollback out.json\n```\nThe `model-rollback:model` tag.';
    expect(problemsOfPage(page)).toEqual([]);
    expect(
      problemsOfSource(
        'planted.ts',
        "/** Not `model-rollback resum`. */\nconst a = 'model-rollback has a bug';",
      ),
    ).toEqual([]);
  });
});

describe('commandLine', () => {
  /** A name that MLflow may hold, or that somebody hopes it does. */
  const name = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.string({
      unit: fc.constantFrom(...'-= \'"$`\\!~*\n\t;&|()#%é日\u202e\u200b'),
      minLength: 1,
    }),
    fc.constantFrom(
      '-m',
      '--yes',
      '--',
      'a b',
      '$(reboot)',
      '`reboot`',
      '!!',
      "it's",
      '=a',
      '~',
      '#a',
      '',
    ),
  );
  /** One of each verb, with every option that it takes in messages. */
  const lines: Readonly<Record<CommandVerb, (text: string) => string>> = {
    plan: (text) =>
      commandLine('plan', [text], {
        to: '2',
        reason: text,
        'expect-from': text,
        override: [text, 'A'],
        pointer: text,
      }),
    apply: (text) =>
      commandLine('apply', [text], { to: text, alarm: text, override: ['COOLDOWN'] }),
    undo: (text) => commandLine('undo', [text], { pointer: text, override: ['COOLDOWN'] }),
    history: (text) => commandLine('history', [text], { limit: '2', before: text }),
    explain: (text) => commandLine('explain', [text]),
    status: (text) => commandLine('status', [text], { before: text }),
    freeze: (text) => commandLine('freeze', [text], { until: text, reason: text }),
    unfreeze: (text) => commandLine('unfreeze', [text], { reason: text }),
    pause: (text) => commandLine('pause', [text], { reason: text }),
    quarantine: (text) => commandLine('quarantine', [text, '3'], { reason: text }),
    'can-promote': (text) => commandLine('can-promote', [text, '3']),
    compare: (text) =>
      commandLine('compare', [text], { champion: '2', challenger: '3', rules: text }),
    release: (text) => commandLine('release', [text, '3']),
    promote: (text) => commandLine('promote', [text, '3'], { pointer: text }),
    promoted: (text) => commandLine('promoted', [text, '3'], { replaced: '2', pointer: text }),
    policy: (text) => commandLine('policy', ['unset', text], { all: true, reason: text }),
    approve: (text) => commandLine('approve', [text], { override: [text] }),
    reject: (text) => commandLine('reject', [text], { reason: text }),
    resume: (text) => commandLine('resume', [text], { fleet: true }),
    sweep: () => commandLine('sweep'),
    console: () => commandLine('console'),
    serve: (text) => commandLine('serve', [], { host: text, port: '2', 'token-file': text }),
    reindex: () => commandLine('reindex', [], { back: true }),
    doctor: (text) => commandLine('doctor', [], { function: text }),
    drill: (text) => commandLine('drill', [text]),
    'create-table': () => commandLine('create-table'),
    completion: (text) => commandLine('completion', [text]),
    demo: (text) => commandLine('demo', [], { model: text, stage: true }),
  };

  test('is there for every verb of the command', () => {
    expect(Object.keys(lines).toSorted()).toEqual([...commandNames].toSorted());
  });

  test('makes what the command takes, with the values as they are, on one line that can be read', () => {
    fc.assert(
      fc.property(name, fc.constantFrom(...Object.keys(lines)), (text, verb) => {
        const line = lines[verb as CommandVerb](text);
        expect(escapeText(line)).toBe(line);
        expect(line).not.toContain('`');
        const [[program, shownVerb = '', ...args] = []] = shellCommands(line);
        expect([program, shownVerb]).toEqual(['model-rollback', verb]);
        const { values, positionals } = parseLine(shownVerb, args);
        const given = [...positionals, ...Object.values(values).flat()];
        const fixed = [true, '2', '3', 'A', 'COOLDOWN', 'unset'];
        const own = given.filter((value) => !fixed.includes(value as string) || value === text);
        for (const value of own) expect(value).toBe(text.toWellFormed());
        const takesName = !['sweep', 'create-table', 'reindex', 'console'].includes(verb);
        if (takesName) expect(own).not.toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  test('means the same to a real shell', () => {
    const names = fc.sample(name, { numRuns: 300, seed: 7 }).filter((text) => !text.includes('\0'));
    const script = names.map((text) => commandLine('apply', [text], { alarm: text })).join('\n');
    const told = execFileSync(
      'bash',
      ['-c', `model-rollback() { printf '%s\\0' "$@"; printf 'END\\0'; }\n${script}`],
      {
        encoding: 'utf8',
        env: { ...process.env, LC_ALL: 'C' },
      },
    );
    const calls = told
      .split('END\0')
      .slice(0, -1)
      .map((call) => call.split('\0').slice(0, -1));
    expect(calls).toHaveLength(names.length);
    calls.forEach(([verb = '', ...args], index) => {
      const text = names[index]?.toWellFormed();
      const { values, positionals } = parseLine(verb, args);
      expect({ alarm: values['alarm'], positionals }).toEqual({ alarm: text, positionals: [text] });
    });
  });

  test.each([
    [
      commandLine('apply', ['PascalStrategy'], { to: '3' }),
      'model-rollback apply PascalStrategy --to 3',
    ],
    [commandLine('apply', ['a b']), "model-rollback apply 'a b'"],
    [commandLine('apply', ["it's"]), "model-rollback apply 'it'\\''s'"],
    [commandLine('apply', ['-m'], { to: '3' }), 'model-rollback apply --to 3 -- -m'],
    [commandLine('apply', ['m'], { alarm: '-a' }), 'model-rollback apply m --alarm=-a'],
    [commandLine('apply', ['a\u202eb']), "model-rollback apply $'a\\342\\200\\256b'"],
    [commandLine('resume', [], { fleet: true }), 'model-rollback resume --fleet'],
    [commandText('sweep'), '`model-rollback sweep`'],
  ])('%s', (line, expected) => {
    expect(line).toBe(expected);
  });
});

describe('splitAdvice', () => {
  test.each([
    ['It is 1.5 s off. Wait until then, or run `model-rollback sweep`.', 'It is 1.5 s off.'],
    ['A. B. To see it, run `model-rollback plan m`. More.', 'A. B.'],
    ['At T: x. To do it, run `model-rollback apply m`.', 'At T: x.'],
  ])('%s', (message, why) => {
    const parts = splitAdvice(message);
    expect(parts.why).toBe(why);
    expect(`${parts.why} ${parts.advice}`).toBe(message);
  });

  test('leaves a message without a command whole', () => {
    for (const message of ['Wait until then.', 'To be. To `see`.', '']) {
      expect(splitAdvice(message)).toEqual({ why: message, advice: '' });
    }
  });
});
