import { type Check, ok, warning } from '../domain/answer/check.ts';
import { pointerText } from '../domain/registry/pointer.ts';
import type { Config } from './config-from-env.ts';

/**
 * What was set, in one line; what is unknown or risky.
 * @param whose settings of a shell say nothing of a function, and the other way round
 */
export function inspectSettings(
  config: Config,
  whose: 'This shell' | 'The function',
): readonly Check[] {
  const name = whose === 'This shell' ? 'settings' : 'function-settings';
  const { alarms, cooldownMs, targetRule, pointers } = config;
  const hours = Number((cooldownMs / 3_600_000).toFixed(2));
  const others = pointers.byModel.size === 0 ? '' : ' (other models: ROLLBACK_MODEL_POINTERS)';
  const summary = [
    `mode ${alarms.mode}`,
    `pointer ${pointerText(pointers.default)}${others}`,
    `cooldown ${cooldownMs === 0 ? 'off' : `${hours} h`}`,
    `rule ${targetRule}`,
    `budget ${alarms.budget === null ? 'off' : `${alarms.budget.commits} per model`}`,
    `blast radius ${alarms.blastRadius === null ? 'off' : `${alarms.blastRadius.models} models`}`,
  ].join(', ');
  const found = config.warnings.map(({ message }) =>
    warning(name, message, 'See docs/reference/configuration.md.'),
  );
  if (alarms.mode !== 'act') {
    const message = `${whose} has ROLLBACK_MODE=${alarms.mode}: an alarm by itself rolls nothing back, unless the policy of its model sets another mode.`;
    found.push(warning('mode', message, 'To let alarms act, unset it or set it to act.'));
  }
  if (cooldownMs === 0) {
    const message = `${whose} has ROLLBACK_COOLDOWN_HOURS=0: one rollback may follow another at once.`;
    found.push(
      warning('cooldown', message, 'Unset it (24 h), or set it to the hours that you need.'),
    );
  }
  return [ok(name, `${whose}: ${summary}.`), ...found];
}
