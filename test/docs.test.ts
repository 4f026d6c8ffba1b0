import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { run } from '../src/cli/run.ts';
import { envNames } from '../src/config/env-names.ts';
import { modelTag } from '../src/domain/alarm/alarm.ts';
import { needCodes, needWords } from '../src/domain/answer/fleet-status.ts';
import type { RollbackResponse } from '../src/domain/answer/response.ts';
import { Outcome } from '../src/domain/decide/outcome.ts';
import * as errors from '../src/domain/errors.ts';
import { ModelSource, Recovery, WatchEnd } from '../src/domain/record/trigger.ts';
import { parseRequest, Reason, RefusalCode } from '../src/domain/request/request.ts';
import {
  deadlineAfter,
  defaultAlarmSettings,
  handleAlarm,
  MemoryAlarmReader,
  MemoryModelRegistry,
  MemoryRollbackStore,
  type Notice,
  parseAlarmPayload,
  type RollbackDeps,
  rollBack,
} from '../src/index.ts';
import { directAlarm } from './fakes/alarm-events.ts';
import { pipes } from './fakes/terminal.ts';

/** The documents say what the code does: every name that users meet is told, and none that is not there. */

const reference = (name: string): string => join('docs', 'reference', name);
const textOf = (path: string): string => readFileSync(path, 'utf8');
const filesUnder = (folder: string, ending: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));
const documents = ['README.md', 'AGENTS.md', 'CHANGELOG.md', ...filesUnder('docs', '.md')];
const unique = (names: readonly string[]): string[] => [...new Set(names)].toSorted();
/** First groups of all matches. */
const matches = (text: string, pattern: RegExp): string[] =>
  unique([...text.matchAll(pattern)].map((match) => match[1] ?? match[0]));
const missingIn = (path: string, names: readonly string[]): string[] => {
  const text = textOf(path);
  return names.filter((name) => !new RegExp(`\`${name}\\b`).test(text));
};
/** The lines of all fenced blocks of one language. */
const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter((match) => match[1] === language)
    .map((match) => match[2] ?? '');

const sources = filesUnder('src', '.ts')
  .filter((path) => !/^src\/(embedded|testing)\//.test(path))
  .map(textOf)
  .join('\n');

async function helpOf(...argv: string[]): Promise<string> {
  const streams = { out: '', err: '' };
  await run([...argv, '--help'], pipes(streams));
  return streams.out;
}
const verbs = matches(await helpOf(), /^ {2}([a-z][a-z-]*) /gm);

describe('configuration.md', () => {
  const path = reference('configuration.md');
  const known: readonly string[] = envNames;

  test('tells every variable', () => {
    expect(missingIn(path, known)).toEqual([]);
  });

  test.each(documents)('%s names no variable of ours that is unknown', (document) => {
    const named = matches(textOf(document), /\b((?:ROLLBACK|MLFLOW|ALERT)_[A-Z_]+)\b/g);
    const codes = [...Object.values(errors.ErrorCode), ...warningCodes()];
    // A variable of the apps that load a prompt, and two of Datadog's; those of MLflow's server for webhooks.
    const others = ['MLFLOW_ALIAS_PROMPT_CACHE_TTL_SECONDS', 'ALERT_ID', 'ALERT_CYCLE_KEY'];
    const ofServers = named.filter((name) => name.startsWith('MLFLOW_WEBHOOK_'));
    const fine = [...known, ...codes, ...others, ...ofServers];
    expect(named.filter((name) => !fine.includes(name))).toEqual([]);
  });

  test('grants exactly the actions that the code calls', () => {
    const commandsIn = (code: string): string[] =>
      matches(code, /new ([A-Z]\w+)Command\(/g)
        // Each write of a transaction is a PutItem.
        .filter((name) => name !== 'TransactWriteItems');
    const services = ['cloudwatch', 'dynamodb', 'lambda', 'secrets-manager', 'sns'];
    const called = services.flatMap((folder) => {
      const files = filesUnder(join('src', 'adapters', folder), '.ts');
      const service = folder.replaceAll('-', '');
      return commandsIn(files.map(textOf).join('\n')).map((name) => `${service}:${name}`);
    });
    expect(called).toHaveLength(commandsIn(sources).length);
    const granted = matches(
      textOf(path),
      /`((?:cloudwatch|dynamodb|lambda|secretsmanager|sns):\w+)`/g,
    );
    // Hooks are invoked by a signed call, without a command of the SDK.
    expect(textOf('src/adapters/lambda/invoke-function.ts')).toContain('/invocations`');
    expect(granted).toEqual([...called, 'lambda:InvokeFunction'].toSorted());
  });
});

describe('errors.md', () => {
  test('tells every error by name and code', () => {
    const names = Object.keys(errors).filter(
      (name) => name.endsWith('Error') && /^[A-Z]/.test(name),
    );
    expect(names.length).toBeGreaterThan(9);
    const codes = Object.values(errors.ErrorCode);
    expect(missingIn(reference('errors.md'), [...names, ...codes])).toEqual([]);
  });

  test('has a section for each error that is thrown', () => {
    const sections = matches(textOf(reference('errors.md')), /^## (\w+Error)$/gm);
    const thrown = matches(textOf('src/domain/errors.ts'), /override readonly name = '(\w+)'/g);
    expect(sections).toEqual(thrown);
  });
});

describe('outcomes.md', () => {
  test('tells every outcome, and those of a preview and of work in progress', () => {
    const outcomes = [...Object.values(Outcome), 'DRY_RUN', 'IGNORED', 'IN_PROGRESS'];
    expect(missingIn(reference('outcomes.md'), outcomes)).toEqual([]);
  });
});

describe('concepts.md', () => {
  test('tells every refusal code and every target rule', () => {
    const rules = matches(
      textOf('src/domain/pointer/target-rule.ts'),
      /^ {2}[A-Z_]+: '([a-z-]+)',$/gm,
    );
    expect(rules.length).toBeGreaterThan(5);
    const names = [...Object.values(RefusalCode), ...rules];
    expect(missingIn(join('docs', 'concepts.md'), names)).toEqual([]);
  });
});

describe('request.md', () => {
  test('tells every field and every reason', () => {
    const list =
      /const knownFields = \[([\s\S]*?)\]/.exec(textOf('src/domain/request/request.ts'))?.[1] ?? '';
    const fields = matches(list, /'(\w+)'/g);
    expect(fields.length).toBeGreaterThan(8);
    expect(missingIn(reference('request.md'), [...fields, ...Object.values(Reason)])).toEqual([]);
  });

  test('has examples that are sound requests, without a warning', () => {
    const examples = blocks(textOf(reference('request.md')), 'json');
    expect(examples.length).toBeGreaterThan(1);
    for (const example of examples) {
      expect(parseRequest(JSON.parse(example)).warnings).toEqual([]);
    }
  });
});

describe('response.md', () => {
  const path = reference('response.md');
  const example = (): object => JSON.parse(blocks(textOf(path), 'json')[0] ?? '{}');

  test('tells every field, and shows them in the order of a real answer', async () => {
    const { answer } = await realRollback();
    expect(Object.keys(answer).slice(0, 7)).toEqual([
      'rolled_back',
      'model_name',
      'from_version',
      'to_version',
      'reason',
      'alarm_name',
      'timestamp',
    ]);
    expect(shapeOf(example())).toEqual(shapeOf(answer));
    expect(
      missingIn(path, unique(shapeOf(answer).map((name) => name.split('.').at(-1) ?? ''))),
    ).toEqual([]);
  });

  test('tells every field of the alarm, and shows those of a real one', async () => {
    const { alarm } = await realAlarm();
    const [, shown = '{}'] = blocks(textOf(path), 'json');
    const told = (JSON.parse(shown) as { alarm?: object }).alarm ?? {};
    expect(Object.keys(told)).toEqual(Object.keys(alarm ?? {}));
    expect(missingIn(path, Object.keys(told))).toEqual([]);
  });

  test('tells every warning code', () => {
    expect(warningCodes().length).toBeGreaterThan(9);
    expect(missingIn(path, warningCodes())).toEqual([]);
  });

  test('tells every field of the answer to a sweep', () => {
    const type = /export interface SweepReport \{([\s\S]*?)\n\}/.exec(
      textOf('src/app/sweep-report.ts'),
    )?.[1];
    const fields = matches(type ?? '', /^ {2}readonly (\w+):/gm);
    expect(fields.length).toBeGreaterThan(5);
    expect(missingIn(path, fields)).toEqual([]);
  });
});

describe('alarms.md', () => {
  test('tells every source of the model, every end of a watch, and every finding', () => {
    const names = [ModelSource, WatchEnd, Recovery].flatMap((words) => Object.values(words));
    expect(missingIn(reference('alarms.md'), names)).toEqual([]);
  });

  test('names the tag that is read, and shows a pattern for what is read', () => {
    expect(textOf(reference('alarms.md'))).toContain(`\`${modelTag}\``);
    const [, shown = '{}'] =
      /^cat > pattern.json <<JSON\n([\s\S]*?)^JSON$/m.exec(textOf('docs/deploy/alarms.md')) ?? [];
    const pattern = JSON.parse(shown) as { 'detail-type'?: string[] };
    const [, types = ''] =
      /const stateChanges = \[(.*?)\];/.exec(textOf('src/domain/alarm/alarm-schema.ts')) ?? [];
    expect(unique(pattern['detail-type'] ?? [])).toEqual(matches(types, /'([^']+)'/g));
  });
});

describe('notices.md', () => {
  const path = reference('notices.md');

  test('tells every field and attribute, and shows the message of a real notice', async () => {
    const { notice } = await realRollback();
    const fields = Object.keys(notice.message);
    expect(fields.slice(0, 6)).toEqual([
      'model_name',
      'from_version',
      'to_version',
      'reason',
      'triggered_by',
      'timestamp',
    ]);
    const example: object = JSON.parse(blocks(textOf(path), 'json')[0] ?? '{}');
    expect(Object.keys(example)).toEqual(fields);
    expect(missingIn(path, [...fields, ...Object.keys(notice.attributes)])).toEqual([]);
  });

  test('tells every form of the subject', () => {
    const { ROLLED_BACK: _silent, ...otherOutcomes } = Outcome;
    // A check that was superseded is announced by nobody.
    const { SUPERSEDED: _untold, ...findings } = Recovery;
    const words = [
      ...Object.values(otherOutcomes).map((outcome) => outcome.toLowerCase().replaceAll('_', ' ')),
      ...Object.values(findings).map((found) => found.replaceAll('-', ' ')),
      'pointer differs',
      'undone',
      'promotion contested',
      'promotion failed',
      'drill',
      'frozen',
      'freeze ends soon',
      'freeze ended',
      'alarm closed',
      'rejected',
      'serving confirmed',
      'serving not confirmed',
    ];
    const subjects = [
      'Model Rollback: NAME',
      ...words.map((word) => `Model Rollback ${word}: NAME`),
    ];
    expect(matches(textOf(path), /`(Model Rollback[a-z ]*: NAME)`/g)).toEqual(unique(subjects));
  });
});

describe('command.md', () => {
  const text = textOf(reference('command.md'));
  const sectionOf = (verb: string): string =>
    text.split(`\n## ${verb}\n`)[1]?.split('\n## ')[0] ?? '';

  test('has the verbs of the command, and no other', () => {
    expect(verbs.length).toBeGreaterThan(7);
    const sections = matches(text, /^## ([a-z-]+)$/gm);
    expect(sections).toEqual(verbs);
    expect(matches(text, /^\| \[`([a-z-]+)[^|]*\]\(#\1\)[^|]* \|/gm)).toEqual(verbs);
  });

  test.each(verbs)('tells every option of %s, and no other', async (verb) => {
    const options = matches(await helpOf(verb), /(--[a-z-]+)(?= VALUE| {2})/g);
    const common = ['--help', '--json', '--utc'];
    const shown = matches(sectionOf(verb), /^\| .*`(--[a-z-]+)(?: VALUE)?` \|/gm);
    const own = options.filter((option) => !common.includes(option));
    // `apply` has those of `plan` but one, and says so.
    const ofPlan = matches(sectionOf('plan'), /^\| `(--[a-z-]+)/gm);
    const inherited = verb === 'apply' ? ofPlan.filter((name) => name !== '--smoke') : [];
    expect(unique([...shown, ...inherited])).toEqual(own);
    expect(options).toEqual(expect.arrayContaining(common));
  });

  test('has what may need a person in a status, and the words for it', () => {
    const section = sectionOf('status');
    const rows = matches(section, /^\| `[a-z ]+` \| `([A-Z_]+)` \|/gm);
    expect(rows).toEqual(needCodes.toSorted());
    for (const words of Object.values(needWords)) expect(section).toContain(`\`${words}\``);
  });

  test.each(documents)('%s names no verb that does not exist', (document) => {
    const named = matches(textOf(document), /(?:`|^\$ .*?|^)model-rollback ([a-z][a-z-]*)/gm);
    expect(named.filter((name) => ![...verbs, 'help'].includes(name))).toEqual([]);
  });
});

describe('library.md', () => {
  test('tells every exported name', () => {
    const lists = matches(textOf('src/index.ts'), /export (?:type )?\{([\s\S]*?)\} from/g);
    const names = lists.flatMap((list) =>
      list
        .split(',')
        .map((name) => name.replace(/^\s*type\s/, '').trim())
        .filter((name) => name !== ''),
    );
    expect(names.length).toBeGreaterThan(40);
    const testing = matches(textOf('src/testing/index.ts'), /^export (?:async )?\w+ (\w+)/gm);
    expect(testing.length).toBeGreaterThan(3);
    names.push(...testing);
    expect(missingIn(reference('library.md'), names)).toEqual([]);
  });

  test('has an example that runs and prints what it says', async () => {
    const text = textOf(reference('library.md'));
    const code = blocks(text, 'ts').find((block) => block.includes('MemoryModelRegistry')) ?? '';
    const library = pathToFileURL(join(process.cwd(), 'src', 'index.ts')).href;
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module-typescript',
      '--eval',
      code.replace("'model-rollback'", JSON.stringify(library)),
    ]);
    expect(blocks(text, 'text')).toContain(stdout);
  });
});

describe('the documents', () => {
  test('show both front doors in the README', () => {
    expect(textOf('README.md')).toContain('npm ci && npm run demo');
    expect(textOf('README.md')).toContain('npm ci && npm test');
  });

  test.each(documents)('%s has no broken link', (document) => {
    const links = matches(textOf(document), /\]\(([^)\s]+)\)/g).filter(
      (link) => !/^[a-z]+:/.test(link),
    );
    const broken = links.filter((link) => {
      const [file = '', anchor] = link.split('#');
      const path = file === '' ? document : join(dirname(document), file);
      if (!existsSync(path)) return true;
      return anchor !== undefined && !anchorsOf(textOf(path)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test.each(documents)('%s has JSON that is JSON', (document) => {
    for (const block of blocks(textOf(document), 'json')) {
      expect(() => JSON.parse(block), block).not.toThrow();
    }
  });

  test.each(documents)('%s is wrapped, but for tables, code and links', (document) => {
    const prose = textOf(document).replaceAll(/^```[\s\S]*?^```$/gm, '');
    const long = prose.split('\n').filter((line) => line.length > 125 && !/^\||\]\(/.test(line));
    expect(long).toEqual([]);
  });

  test('keep AGENTS.md below 100 lines', () => {
    expect(textOf('AGENTS.md').split('\n').length).toBeLessThan(100);
  });
});

// ---------------------------------------------------------------------------------------------------

/** Codes of warnings: those written out, and one per guard that may be overridden. */
function warningCodes(): string[] {
  const written = matches(sources, /\bcode: '([A-Z_]+)'/g);
  const overridable = /const overridableCodes[^=]*= \[([\s\S]*?)\]/.exec(sources)?.[1] ?? '';
  const existing = matches(textOf('src/domain/decide/guard.ts'), /code: RefusalCode\.([A-Z_]+),/g);
  const overridden = matches(overridable, /RefusalCode\.([A-Z_]+)/g)
    .filter((code) => existing.includes(code))
    .map((code) => `OVERRIDDEN_${code}`);
  return unique([...written, ...overridden]);
}

function anchorsOf(text: string): string[] {
  return matches(text, /^#+ (.+)$/gm).map((title) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The field names of an answer, with those of the first entry of each list. */
function shapeOf(value: unknown, prefix = ''): string[] {
  if (Array.isArray(value)) return value.length === 0 ? [] : shapeOf(value[0], prefix);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    `${prefix}${name}`,
    ...shapeOf(inner, `${prefix}${name}.`),
  ]);
}

/** One rollback in memory that gives rise to a warning, as the example does. */
async function realRollback(): Promise<{ answer: RollbackResponse; notice: Notice }> {
  const { deps, notices } = partsInMemory();
  const answer = await rollBack(deps, {
    ...parseRequest({ model_name: 'PascalStrategy', alarm_name: 'high-drawdown-alarm', state: {} }),
    invocationId: 'docs',
    deadline: deadlineAfter(deps.clock, 60_000),
  });
  const [notice] = notices;
  if (notice === undefined) throw new Error('no notice was sent');
  return { answer, notice };
}

/** The same by an alarm. */
async function realAlarm(): Promise<RollbackResponse> {
  const { deps } = partsInMemory();
  const payload = parseAlarmPayload(directAlarm({ atMs: 1_700_000_000_000 }));
  if (payload === undefined) throw new Error('the event is no alarm');
  return await handleAlarm(deps, payload, null, deadlineAfter(deps.clock, 60_000));
}

function partsInMemory(): { deps: RollbackDeps; notices: Notice[] } {
  let nowMs = 1_700_000_000_000;
  const clock = {
    nowMs: () => {
      nowMs += 1;
      return nowMs;
    },
    monotonicMs: () => 0,
    sleep: async () => undefined,
  };
  const registry = new MemoryModelRegistry(clock);
  for (const version of ['1', '2', '3']) {
    registry.register('PascalStrategy');
    registry.transition('PascalStrategy', version, 'Production', true);
  }
  const notices: Notice[] = [];
  const deps = {
    registry,
    store: new MemoryRollbackStore(),
    notifiers: [
      {
        channel: 'test',
        send: async (notice: Notice) => {
          notices.push(notice);
          return { kind: 'sent' } as const;
        },
      },
    ],
    clock,
    identity: {
      random: () => 'owner',
      digest: (text: string) => Buffer.from(text).toString('hex'),
    },
    logger: { log: () => undefined },
    alarms: new MemoryAlarmReader(),
    settings: {
      cooldownMs: 0,
      targetRule: 'last-good',
      writeHorizonMs: 60_000,
      clockSkewMaxMs: null,
      alarms: defaultAlarmSettings,
    } as const,
  };
  return { deps, notices };
}
