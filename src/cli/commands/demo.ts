import { isNotified } from '../../app/announce.ts';
import { explainRollback } from '../../app/operate.ts';
import { rollBack } from '../../app/roll-back.ts';
import { type Composed, clock, jsonLogger } from '../../assemble.ts';
import { compose } from '../../compose.ts';
import { configFromEnv } from '../../config/config-from-env.ts';
import { limits } from '../../domain/limits.ts';
import { parseModelName, parseRequest } from '../../domain/request.ts';
import { type RollbackResponse, responseOf } from '../../domain/response.ts';
import { startRegistryServer } from '../../embedded/registry-server.ts';
import { deadlineAfter } from '../../ports/deadline.ts';
import { type Command, type CommandContext, textOption } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { renderAnswer, renderPlan } from '../render.ts';

const modelName = 'PascalStrategy';
const alarmName = 'high-drawdown-alarm';

export const demoCommand: Command = {
  name: 'demo',
  usage: '',
  summary: 'tell the whole story on an embedded registry: no account, no server, nothing kept',
  options: { model: { type: 'string' } },
  optionHelp: {
    model: 'show the plan for this model of MLFLOW_TRACKING_URI instead, reading only',
  },
  arity: [0, 0],
  examples: ['model-rollback demo', 'model-rollback demo --model PascalStrategy'],
  run: async (context) => {
    const model = textOption(context, 'model');
    if (model !== undefined) return await planOnRealServer(context, parseModelName(model));
    const server = await startRegistryServer();
    try {
      const story: string[] = [];
      const env = { MLFLOW_TRACKING_URI: server.url };
      const composed = await composeOn(context, env, (text) => story.push(text.trimEnd()));
      try {
        server.seed(modelName, seededVersions());
        const answers = await tellStory(context, composed, story);
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

type Answers = Record<'plan' | 'rollback' | 'replay' | 'second', RollbackResponse>;

async function tellStory(
  context: CommandContext,
  { deps }: Composed,
  story: string[],
): Promise<Answers> {
  const { style } = context;
  const tell = (title: string, ...lines: string[]): void => {
    story.push('', style.bold(`# ${title}`), ...lines);
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

  tell(
    `It is 02:47. ${modelName} has three versions, and version 3 is live.`,
    '  1  Archived    the first one',
    '  2  Archived    replaced by version 3',
    '  3  Production  promoted yesterday, and losing money since midnight',
  );
  const plan = await ask({ ...alarm, dry_run: true });
  tell(
    `The alarm "${alarmName}" goes red. First the plan: nothing is written.`,
    renderPlan(plan, style),
    '',
    renderAnswer(plan, style),
  );
  tell('Now for real. People get this notice:');
  const rollback = await ask(alarm);
  tell('And the caller gets this answer:', renderAnswer(rollback, style));
  tell('The alarm is delivered again, as such things are. It is recognised:');
  const replay = await ask(alarm);
  story.push(renderAnswer(replay, style));
  tell('Somebody asks for one more rollback. It is refused, and says when it clears:');
  const second = await ask({ request_id: 'a second one', requested_by: 'a tired colleague' });
  story.push('', renderAnswer(second, style));

  const id = rollback.rollback_id ?? '';
  const found = await explainRollback(deps.store, id, deadlineAfter(clock, limits.defaultBudgetMs));
  tell(`In the morning: model-rollback explain ${id}`);
  if (found !== undefined) {
    const explained = responseOf(found.record, { isNotified: isNotified(found) });
    story.push(renderAnswer(explained, style), renderPlan(explained, style));
  }
  const isRealSet = Boolean(context.env['MLFLOW_TRACKING_URI']);
  const hint = isRealSet
    ? 'MLFLOW_TRACKING_URI is set: "model-rollback demo --model NAME" shows the plan for one of its\nmodels, reading only.'
    : 'Set MLFLOW_TRACKING_URI and try "model-rollback plan NAME" on a model of yours: it only reads.';
  story.push('', hint);
  return { plan, rollback, replay, second };
}

async function planOnRealServer(context: CommandContext, model: string): Promise<ExitCode> {
  const composed = await composeOn(context, context.env, context.say);
  try {
    const { request, warnings } = parseRequest({ model_name: model, dry_run: true });
    const deadline = deadlineAfter(clock, limits.defaultBudgetMs);
    const call = { request, warnings, invocationId: 'demo', deadline };
    const answer = await rollBack(composed.deps, call);
    const text = `${renderPlan(answer, context.style)}\n\n${renderAnswer(answer, context.style)}`;
    context.print(text, answer);
    return ExitCode.DONE;
  } finally {
    composed.close();
  }
}

/** State in memory, whatever the environment says: the demo leaves nothing behind. */
async function composeOn(
  context: CommandContext,
  env: CommandContext['env'],
  writeNotice: (text: string) => void,
): Promise<Composed> {
  const registryOnly = Object.fromEntries(
    Object.entries(env).filter(([name]) => name.startsWith('MLFLOW_')),
  );
  const config = configFromEnv({ ...registryOnly, ROLLBACK_STORE: 'sqlite::memory:' }, 'command');
  return await compose(config, {
    logger: jsonLogger((line) => context.say(line), 'warn'),
    writeNotice,
  });
}

/** Version 3 replaced version 2: MLflow gives both rows of one promotion the same time. */
function seededVersions(): {
  stage: 'Archived' | 'Production';
  creationTimestamp: number;
  lastUpdatedTimestamp: number;
}[] {
  const dayMs = 24 * 3_600_000;
  const nowMs = clock.nowMs();
  const day = (ago: number): number => nowMs - ago * dayMs;
  return [
    { stage: 'Archived', creationTimestamp: day(60), lastUpdatedTimestamp: day(30) },
    { stage: 'Archived', creationTimestamp: day(31), lastUpdatedTimestamp: day(1) },
    { stage: 'Production', creationTimestamp: day(2), lastUpdatedTimestamp: day(1) },
  ];
}
