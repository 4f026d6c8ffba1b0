import { InvalidRequestError } from '../domain/errors.ts';
import {
  type ModelPointer,
  type PointerSettings,
  parsePointer,
  stagePointer,
} from '../domain/registry/pointer.ts';
import { requireAliases } from './databricks-address.ts';
import type { EnvName } from './env-names.ts';
import { type Env, parseEntries, read, wrong } from './read-env.ts';

/**
 * Reads which pointer names the live version of which model.
 * @throws ConfigurationError naming the variable, what it held and what is allowed
 */
export function pointerSettingsFromEnv(env: Env): PointerSettings {
  const text = read(env, 'ROLLBACK_POINTER');
  const pointers = {
    default: text === undefined ? stagePointer : pointerIn('ROLLBACK_POINTER', text, text),
    byModel: readByModel(env),
  };
  requireAliases(env, pointers);
  return pointers;
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

/** The same rules and words as for the field of a request. */
function pointerIn(name: EnvName, value: unknown, text: string, where = ''): ModelPointer {
  try {
    return parsePointer(value, 'it');
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    const allowed = `${where}\`stage:Production\` or \`alias:NAME\`; an alias holds letters, digits, _ and -, and is neither \`latest\` nor like \`v3\``;
    throw wrong(name, text, allowed);
  }
}
