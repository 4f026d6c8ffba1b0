import { basename } from 'node:path';
import { InvalidRequestError, messageOf } from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import { evidenceLimits } from '../../domain/evidence/evidence-limits.ts';
import { parseRules } from '../../domain/evidence/parse-rules.ts';
import type { Rules } from '../../domain/evidence/rules.ts';
import { bytesOf } from './read-bytes.ts';

/** @throws InvalidRequestError naming the field */
export async function readRules(path: string): Promise<Rules> {
  const text = (await bytesOf(path, evidenceLimits.rulesBytesMax)).toString('utf8');
  const name = escapeText(basename(path));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InvalidRequestError(`${name} is not JSON: ${escapeText(messageOf(cause))}.`, {
      cause,
    });
  }
  return parseRules(value, name);
}
