/** What a suite needs to know about the engines that the global set-up has started. */
import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
// Carries the type of the provided context too.
import type { ServerName } from './global-setup.ts';
import { chosenMLflow, type ServerTraits, traitsOf } from './mlflow-versions.ts';

export interface Engine {
  /** Of a missing engine: an address that resolves nowhere, so that a skipped suite still loads. */
  readonly url: string;
  readonly isMissing: boolean;
  /** The title of a suite, with the reason when it is skipped. */
  title(text: string): string;
}

/**
 * An engine as a suite uses it:
 *
 * `const mlflow = engine('mlflow');`
 * `describe.skipIf(mlflow.isMissing)(mlflow.title('MLflowModelRegistry'), () => {…})`
 */
export function engine(name: ServerName): Engine {
  const state = inject('engines')?.[name];
  if (state === undefined) {
    throw new Error('engines are for the tests of the vitest projects "engines" and "storms"');
  }
  if ('missing' in state) {
    const { missing } = state;
    const url = `http://${name}.invalid`;
    return { url, isMissing: true, title: (text) => `${text} [skipped: ${missing}]` };
  }
  return { url: state.url, isMissing: false, title: (text) => text };
}

/** A server of the registry's API. */
export interface Registry {
  readonly url: string;
  readonly traits: ServerTraits;
}

/** The one of all suites that do not start another. */
export function sharedRegistry(): Registry {
  return { url: engine('mlflow').url, traits: traitsOf(chosenMLflow().version) };
}

/** A name that no other test of the run uses; fit for models, tables, topics and queues. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(5).toString('hex')}`;
}
