/** Commands that suites call, and servers that few start: installed when the first suite is loaded. */
import { engineFolder, installEngine, MissingInterpreterError, type ToolName } from './install.ts';
import type { MLflowName } from './mlflow-versions.ts';

export interface Tool {
  /** Where it was installed. */
  readonly folder: string;
  readonly isMissing: boolean;
  /** The title of a suite, with the reason when it is skipped. */
  title(text: string): string;
}

/**
 * Installs a tool unless it is there. Without what its installation needs the suites are skipped on a
 * laptop, with a loud line; in CI that fails.
 *
 * `const cfnLint = await tool('cfnlint');`
 * `describe.skipIf(cfnLint.isMissing)(cfnLint.title('cfn-lint'), () => {…})`
 */
export async function tool(name: ToolName | MLflowName): Promise<Tool> {
  const folder = engineFolder(name);
  try {
    await installEngine(name);
    return { folder, isMissing: false, title: (text) => text };
  } catch (error) {
    if (!(error instanceof MissingInterpreterError) || process.env['CI'] === 'true') throw error;
    const { message } = error;
    console.error(`\n*** SKIPPED: every suite that needs ${name}: ${message} ***\n`);
    return { folder, isMissing: true, title: (text) => `${text} [skipped: ${message}]` };
  }
}
