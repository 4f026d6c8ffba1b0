import { type Check, failed, ok, warning } from '../domain/answer/check.ts';
import { quoteForShell } from '../domain/command-line.ts';
import { type Hook, hookName } from '../domain/hook.ts';
import { pointerText } from '../domain/registry/pointer.ts';
import { type Config, configFromEnv } from './config-from-env.ts';
import type { EnvName } from './env-names.ts';
import { inspectSettings } from './inspect-settings.ts';
import { type Env, read } from './read-env.ts';

/**
 * What the function itself is set to, and where this shell differs: its mode counts for alarms, and its
 * table holds what it did. No secret is shown.
 * @param shell null: it cannot be read
 */
export function inspectFunctionSettings(env: Env, shell: Config | null): readonly Check[] {
  try {
    const config = configFromEnv(env, 'lambda');
    const differences = shell === null ? [] : [differenceCheck(env, config, shell)];
    return [...inspectSettings(config, 'The function'), ...differences];
  } catch (error) {
    return [failed('function-settings', error)];
  }
}

// ---------------------------------------------------------------------------------------------------

/** What is compared, the variable behind it, and how it is shown. */
const settings: readonly (readonly [string, EnvName, (config: Config) => string])[] = [
  ['registry', 'MLFLOW_TRACKING_URI', ({ registry }) => registry.address],
  ['workspace', 'MLFLOW_WORKSPACE', ({ registry }) => registry.workspace ?? 'none'],
  ['state', 'ROLLBACK_STATE_TABLE', ({ store }) => stateText(store)],
  ['topic', 'ALERT_SNS_TOPIC_ARN', ({ topicArn }) => topicArn ?? 'none'],
  [
    'channels',
    'ROLLBACK_CHANNELS',
    ({ channels }) => channels.map(({ name }) => name).join(',') || 'none',
  ],
  ['format of the topic', 'ROLLBACK_SNS_FORMAT', ({ snsFormat }) => snsFormat],
  ['mode', 'ROLLBACK_MODE', ({ alarms }) => alarms.mode],
  ['cooldown', 'ROLLBACK_COOLDOWN_HOURS', ({ cooldownMs }) => `${cooldownMs / 3_600_000} h`],
  ['pointer', 'ROLLBACK_POINTER', ({ pointers }) => pointerText(pointers.default)],
  [
    'pointers of models',
    'ROLLBACK_MODEL_POINTERS',
    ({ pointers }) =>
      [...pointers.byModel].map(([name, one]) => `${name}: ${pointerText(one)}`).join(', ') ||
      'none',
  ],
  ['rule', 'ROLLBACK_TARGET_RULE', ({ targetRule }) => targetRule],
  [
    'age limit of targets',
    'ROLLBACK_TARGET_MAX_AGE',
    ({ hooks }) =>
      hooks.targetMaxAgeMs === null ? 'off' : `${hooks.targetMaxAgeMs / 3_600_000} h`,
  ],
  ['smoke check', 'ROLLBACK_SMOKE_CHECK', ({ hooks }) => hookText(hooks.smokeCheck)],
  ['reload', 'ROLLBACK_RELOAD', ({ hooks }) => hookText(hooks.reload)],
  ['budget', 'ROLLBACK_BUDGET', ({ alarms }) => JSON.stringify(alarms.budget)],
  ['blast radius', 'ROLLBACK_BLAST_RADIUS', ({ alarms }) => JSON.stringify(alarms.blastRadius)],
  ['cause check', 'ROLLBACK_CAUSE_CHECK', ({ alarms }) => String(alarms.isCauseChecked)],
];

/** Without the path of an address, which may be a secret. */
function hookText(hook: Hook | null): string {
  return hook === null ? 'none' : hookName(hook);
}

function stateText(store: Config['store']): string {
  if (store.kind === 'postgres') return store.address;
  return store.kind === 'dynamodb' ? `dynamodb:${store.tableName}` : `sqlite:${store.path}`;
}

function differenceCheck(env: Env, config: Config, shell: Config): Check {
  const different = settings.filter(([, , show]) => show(config) !== show(shell));
  if (different.length === 0)
    return ok('differences', 'This shell has the settings of the function.');
  // The settings of a channel are secrets, and so may be the address of a hook: nobody may see them here.
  const secret = ['channels', 'smoke check', 'reload'];
  const shown = different.filter(([what]) => !secret.includes(what));
  const commands = shown.map((one) => assignment(env, config, one)).join('; ');
  const texts = different.map(([what, , show]) => `${what} ${show(config)} (here ${show(shell)})`);
  return warning(
    'differences',
    `The function has other settings than this shell: ${texts.join(', ')}.`,
    [
      ...(commands === '' ? [] : [`To work on what the function does, run \`${commands}\`.`]),
      ...(shown.length === different.length
        ? []
        : [
            'Set ROLLBACK_CHANNELS and its variables, ROLLBACK_SMOKE_CHECK and ROLLBACK_RELOAD as the function has them: each uses its own.',
          ]),
    ].join(' '),
  );
}

/** The command that gives this shell the setting of the function. */
function assignment(
  env: Env,
  config: Config,
  [what, name, show]: (typeof settings)[number],
): string {
  // The table has a default in the function, and none here; the address may hold a login.
  const value = what === 'registry' || what === 'topic' ? show(config) : read(env, name);
  const { store } = config;
  if (what === 'state' && store.kind === 'dynamodb') {
    return `export ${name}=${quoteForShell(store.tableName)}`;
  }
  return value === undefined ? `unset ${name}` : `export ${name}=${quoteForShell(value)}`;
}
