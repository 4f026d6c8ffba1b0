import { isNotified } from '../../app/announce.ts';
import { explainRollback } from '../../app/operate.ts';
import { rollBack } from '../../app/roll-back.ts';
import { type Composed, clock } from '../../assemble.ts';
import { compose } from '../../compose.ts';
import { openEvidence } from '../../compose-store.ts';
import { configFromEnv } from '../../config/config-from-env.ts';
import { type RollbackResponse, responseOf } from '../../domain/answer/response.ts';
import { commandLine, commandText } from '../../domain/command-line.ts';
import { limits } from '../../domain/limits.ts';
import type { Notice } from '../../domain/record/notice-content.ts';
import { parseModelName, parseRequest } from '../../domain/request/request.ts';
import { startRegistryServer } from '../../embedded/registry-server.ts';
import type { SeedVersion } from '../../embedded/seed.ts';
import { deadlineAfter } from '../../ports/deadline.ts';
import { type Command, type CommandContext, textOption } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { type Asked, nextStep } from '../next-step.ts';
import {
  type AnswerView,
  renderAnswer,
  renderPreview,
  renderWholePlan,
} from '../render/render-answer.ts';
import { commandLogger, requester, shortNotice } from '../session.ts';
import { makePastClock, tellStory } from './demo-console.ts';
import { tellComparisons } from './demo-evidence.ts';
import { serveUntilStopped } from './serve.ts';

const modelName = 'PascalStrategy';
const alarmName = 'high-drawdown-alarm';

export const demoCommand: Command = {
  name: 'demo',
  usage: '',
  summary: 'show a whole rollback on an embedded registry: no account, no server, nothing kept',
  options: {
    stage: { type: 'boolean' },
    console: { type: 'boolean' },
    model: { type: 'string' },
  },
  optionHelp: {
    console: 'open the console on a story of five models, until Ctrl-C; the story is made up',
    stage: 'the same for the stage Production, instead of the alias champion',
    model:
      'show the plan for this model of your registry (MLFLOW_TRACKING_URI) instead; only reads',
  },
  arity: [0, 0],
  examples: [
    'model-rollback demo',
    'model-rollback demo --stage',
    'model-rollback demo --console',
    'model-rollback demo --model PascalStrategy',
  ],
  run: async (context) => {
    const model = textOption(context, 'model');
    if (model !== undefined) return await planOnRealServer(context, parseModelName(model));
    if (context.options['console'] === true) return await showConsole(context);
    const scene = context.options['stage'] === true ? stageScene : aliasScene;
    const server = await startRegistryServer();
    try {
      const story: string[] = [];
      const env = { MLFLOW_TRACKING_URI: server.url, ROLLBACK_POINTER: scene.pointer };
      const composed = await composeOn(context, env, (notice) => story.push(shortNotice(notice)));
      try {
        server.seed(modelName, scene.versions(clock.nowMs()));
        const answers = await runStory(context, composed, scene, story);
        context.print(story.join('\n'), answers);
      } finally {
        composed.close();
      }
    } finally {
      await server.close();
    }
    return ExitCode.DONE;
  },
};

// ---------------------------------------------------------------------------------------------------

async function showConsole(context: CommandContext): Promise<ExitCode> {
  const past = makePastClock();
  const server = await startRegistryServer({ now: past.nowMs });
  try {
    const env = { MLFLOW_TRACKING_URI: server.url, ROLLBACK_POINTER: 'alias:champion' };
    const composed = await composeOn(context, env, () => undefined);
    try {
      await tellStory(composed.deps, server, past);
      const evidence = await openEvidence({ kind: 'sqlite', path: ':memory:' }, null);
      const soon = deadlineAfter(clock, limits.defaultBudgetMs);
      await tellComparisons(evidence, modelName, clock.nowMs(), soon);
      await serveUntilStopped(context, composed, {
        evidence,
        address: { host: '127.0.0.1', port: 0 },
        tokens: null,
        name: requester(),
        // The story stays as it is.
        sweeps: false,
        announce: (url) =>
          context.print(`console at ${url}\nNothing of it is kept. Stop it with Ctrl-C.`, {
            console: url,
          }),
      });
    } finally {
      composed.close();
    }
  } finally {
    await server.close();
  }
  return ExitCode.DONE;
}

type Answers = Record<'plan' | 'rollback' | 'replay' | 'second', RollbackResponse>;

async function runStory(
  context: CommandContext,
  { deps }: Composed,
  scene: Scene,
  story: string[],
): Promise<Answers> {
  const { style } = context;
  const step = (title: string, ...lines: string[]): void => {
    story.push('', style.bold(`# ${title}`), ...lines);
  };
  const show = (answer: RollbackResponse): string => {
    const next = nextStep(answer, asked(modelName));
    return renderAnswer(answer, view(context), next);
  };
  const ask = async (fields: object): Promise<RollbackResponse> => {
    const { request, warnings } = parseRequest({ model_name: modelName, ...fields });
    const deadline = deadlineAfter(clock, limits.defaultBudgetMs);
    return await rollBack(deps, { request, warnings, invocationId: 'demo', deadline });
  };
  const alarm = {
    alarm_name: alarmName,
    reason: 'PERFORMANCE_DEGRADATION',
    request_id: `${alarmName} 2024-01-01T02:47:00.000+0000`,
  };

  step(`It is 02:47. ${modelName} has three versions, and version 3 is live.`, ...scene.lines);
  const plan = await ask({ ...alarm, dry_run: true });
  step(
    `The alarm "${alarmName}" goes to ALARM. First the plan: nothing is written.`,
    renderPreview(plan, view(context), null),
  );
  step('Now for real. People get this notice:');
  const rollback = await ask(alarm);
  step('And the caller gets this answer:', show(rollback));
  step('The alarm is delivered a second time, which is normal. It is recognised:');
  const replay = await ask(alarm);
  story.push(show(replay));
  step('Somebody asks for one more rollback. It is refused, until the cooldown ends:');
  const second = await ask({ request_id: 'a second one', requested_by: 'a tired colleague' });
  story.push('', show(second));

  const id = rollback.rollback_id ?? '';
  const deadline = deadlineAfter(clock, limits.defaultBudgetMs);
  const found = await explainRollback(deps.store, id, deadline);
  step(`In the morning: ${commandLine('explain', [id])}`);
  const explained = responseOf(found.record, { isNotified: isNotified(found) });
  story.push(renderAnswer(explained, view(context)), renderWholePlan(explained, style));
  story.push('', hint(context, scene));
  return { plan, rollback, replay, second };
}

function hint({ env }: CommandContext, { hintPointer }: Scene): string {
  return env['MLFLOW_TRACKING_URI']
    ? `MLFLOW_TRACKING_URI is set: ${commandText('demo', [], { model: 'NAME' })} shows the plan for one of its\nmodels, and only reads.`
    : `Set MLFLOW_TRACKING_URI, then try ${commandText('plan', ['NAME'], { pointer: hintPointer })}\non a model of yours: it only reads.`;
}

function asked(model: string): Asked {
  return {
    again: (override) => commandLine('apply', [model], { override }),
    expectsVersion: false,
  };
}

/** State is in memory, and no topic is set. */
function view({ style }: CommandContext): AnswerView {
  return { style, hasTopic: false };
}

async function planOnRealServer(context: CommandContext, model: string): Promise<ExitCode> {
  const composed = await composeOn(context, context.env, () => undefined);
  try {
    const pointer = context.options['stage'] === true ? 'stage:Production' : undefined;
    const fields = { model_name: model, dry_run: true, pointer };
    const { request, warnings } = parseRequest(fields);
    const deadline = deadlineAfter(clock, limits.defaultBudgetMs);
    const call = { request, warnings, invocationId: 'demo', deadline };
    const answer = await rollBack(composed.deps, call);
    const next = nextStep(answer, asked(model));
    context.print(renderPreview(answer, view(context), next), answer);
    return ExitCode.DONE;
  } finally {
    composed.close();
  }
}

/** State in memory, whatever the environment says: the demo leaves nothing behind. */
async function composeOn(
  context: CommandContext,
  env: CommandContext['env'],
  showNotice: (notice: Notice) => void,
): Promise<Composed> {
  const registryOnly = Object.fromEntries(
    Object.entries(env).filter(([name]) => /^MLFLOW_|^ROLLBACK_(MODEL_)?POINTERS?$/.test(name)),
  );
  const config = configFromEnv({ ...registryOnly, ROLLBACK_STORE: 'sqlite::memory:' }, 'command');
  return await compose(config, {
    logger: commandLogger(context),
    writeNotice: (_text, notice) => showNotice(notice),
  });
}

/** How the story begins. */
interface Scene {
  readonly pointer: string;
  /** To pass with a command for a model of one's own; undefined where it is the default. */
  readonly hintPointer?: string;
  /** A line for each version. */
  readonly lines: readonly string[];
  versions(nowMs: number): readonly SeedVersion[];
}

/** Whoever moved the alias to version 3 let another one name version 2: MLflow does not keep that. */
const aliasScene: Scene = {
  pointer: 'alias:champion',
  hintPointer: 'alias:champion',
  lines: [
    '  1                     the first one',
    '  2  champion-previous  replaced by version 3',
    '  3  champion           promoted yesterday, and losing money since midnight',
  ],
  versions: (nowMs) => [
    { creationTimestamp: daysBefore(nowMs, 60) },
    { creationTimestamp: daysBefore(nowMs, 31), aliases: ['champion-previous'] },
    { creationTimestamp: daysBefore(nowMs, 2), aliases: ['champion'] },
  ],
};

/** Version 3 replaced version 2: MLflow gives both rows of one promotion the same time. */
const stageScene: Scene = {
  pointer: 'stage:Production',
  lines: [
    '  1  Archived    the first one',
    '  2  Archived    replaced by version 3',
    '  3  Production  promoted yesterday, and losing money since midnight',
  ],
  versions: (nowMs) => {
    const [month, day] = [daysBefore(nowMs, 30), daysBefore(nowMs, 1)];
    return [
      {
        stage: 'Archived',
        creationTimestamp: daysBefore(nowMs, 60),
        lastUpdatedTimestamp: month,
      },
      { stage: 'Archived', creationTimestamp: daysBefore(nowMs, 31), lastUpdatedTimestamp: day },
      { stage: 'Production', creationTimestamp: daysBefore(nowMs, 2), lastUpdatedTimestamp: day },
    ];
  },
};

function daysBefore(nowMs: number, days: number): number {
  return nowMs - days * 24 * 3_600_000;
}
