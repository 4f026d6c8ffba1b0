import { escapeText } from '../../domain/escape.ts';
import type { Logger } from '../../ports/logger.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const;

/** One JSON object a line, from `least` upwards. */
export function jsonLogger(
  write: (line: string) => void,
  least: (typeof levels)[number] = 'info',
): Logger {
  return {
    log: (level, message, fields = {}) => {
      if (levels.indexOf(level) < levels.indexOf(least)) return;
      write(escapeText(JSON.stringify({ level, message, service: 'model-rollback', ...fields })));
    },
  };
}
