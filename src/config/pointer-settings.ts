import {
  type ModelPointer,
  type PointerSettings,
  pointerText,
  stagePointer,
} from '../domain/registry/pointer.ts';
import { pointerForm } from '../domain/request/setting-form.ts';
import type { EnvName } from './env-names.ts';
import { type Env, parseEntries, read, readSetting, wrong } from './read-env.ts';

/**
 * Reads which pointer names the live version of which model.
 * @throws ConfigurationError naming the variable, what it held and what is allowed
 */
export function pointerSettingsFromEnv(env: Env): PointerSettings {
  return {
    default: readSetting(env, 'ROLLBACK_POINTER', pointerText(stagePointer), pointerForm),
    byModel: readByModel(env),
  };
}

// ---------------------------------------------------------------------------------------------------

function readByModel(env: Env): ReadonlyMap<string, ModelPointer> {
  const name = 'ROLLBACK_MODEL_POINTERS';
  const text = read(env, name);
  if (text === undefined) return new Map();
  const allowed =
    'a JSON object of pointers by model name or prefix, such as {"churn-*": "alias:champion"}';
  return new Map(
    parseEntries(name, text, allowed).map(([pattern, pointer]) => {
      if (pattern === '' || pattern.slice(0, -1).includes('*')) {
        throw wrong(name, text, 'names of models, or prefixes that end in one *');
      }
      return [pattern, pointerIn(name, pointer, text, 'an object in which each value is ')];
    }),
  );
}

function pointerIn(name: EnvName, value: unknown, text: string, where = ''): ModelPointer {
  const pointer = typeof value === 'string' ? pointerForm.parse(value) : undefined;
  if (pointer === undefined) throw wrong(name, text, `${where}${pointerForm.allowed}`);
  return pointer;
}
