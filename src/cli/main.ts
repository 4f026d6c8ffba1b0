#!/usr/bin/env node
/**
 * The command `model-rollback` (docs/reference/command.md). This file imports nothing by itself and uses
 * old syntax only: Node 18 and 20 load it too, and must get one line that says what is wrong.
 */
const leastNode = 24;
const { versions, execPath, stderr } = process;

if (Number.parseInt(versions.node, 10) < leastNode) {
  stderr.write(
    `model-rollback needs Node ${leastNode} or later, and this is Node ${versions.node} (${execPath}). ` +
      `Install Node ${leastNode}, then run the command again.\n`,
  );
  process.exitCode = 1;
} else {
  const { runInProcess } = await import('./run-in-process.ts');
  await runInProcess();
}

export {};
