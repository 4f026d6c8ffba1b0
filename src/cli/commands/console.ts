import { openEvidence } from '../../compose-store.ts';
import type { Command } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { requester, withSession } from '../session.ts';
import { serveUntilStopped } from './serve.ts';

export const consoleCommand: Command = {
  name: 'console',
  usage: '',
  summary:
    'open a web page, for this machine only, that shows what is live, what happened and what waits; roll back there',
  options: {},
  optionHelp: {},
  arity: [0, 0],
  examples: ['model-rollback console'],
  run: async (context) =>
    await withSession(context, async (composed) => {
      const { store, registry } = composed.config;
      const evidence = await openEvidence(store, registry.workspace);
      await serveUntilStopped(context, composed, {
        address: loopback,
        tokens: null,
        name: requester(),
        // A person who reads must not make alarms act with the settings of this shell.
        sweeps: false,
        evidence,
        announce: (url) =>
          context.print(`console at ${url}\nOnly this machine reaches it. Stop it with Ctrl-C.`, {
            console: url,
          }),
      }).finally(() => evidence.close());
      return ExitCode.DONE;
    }),
};

// ---------------------------------------------------------------------------------------------------

const loopback = { host: '127.0.0.1', port: 0 };
