/** The shell of a pipeline file: enough of YAML for the files of docs/deploy/pipelines.md. */

export interface Step {
  /** What the step is called (GitHub Actions), or the job (GitLab CI). */
  readonly name: string;
  readonly shell: string;
}

/** Every `run:` of GitHub Actions, and every line of a `script:` or `before_script:` of GitLab CI. */
export function stepsOf(yaml: string): readonly Step[] {
  const lines = yaml.split('\n');
  const steps: Step[] = [];
  let name = '';
  let scriptAt: number | null = null;
  lines.forEach((line, index) => {
    const indent = indentOf(line);
    name = /^(?: *- name: (.+)|([a-z.-]+):)$/.exec(line)?.slice(1).find(Boolean) ?? name;
    if (scriptAt !== null && line !== '' && indent <= scriptAt) scriptAt = null;
    const [, dash = '', run] = /^ *(- )?run: (.+)$/.exec(line) ?? [];
    const item = scriptAt === null ? undefined : /^ *- (.+)$/.exec(line)?.[1];
    if (/^ *(before_)?script:$/.test(line)) scriptAt = indent;
    const value = run ?? item;
    if (value === undefined) return;
    const within = indent + (run === undefined ? 0 : dash.length);
    steps.push({ name, shell: scalarOf(value, lines.slice(index + 1), within) });
  });
  return steps;
}

// ---------------------------------------------------------------------------------------------------

const indentOf = (line: string): number => line.length - line.trimStart().length;

/** A value on the line of its key, or a block below it, whose lines stand further in. */
function scalarOf(value: string, below: readonly string[], indent: number): string {
  if (value !== '|' && value !== '>-') return value;
  const end = below.findIndex((line) => line !== '' && indentOf(line) <= indent);
  const block = end < 0 ? below : below.slice(0, end);
  const within = indentOf(block[0] ?? '');
  return block.map((line) => line.slice(within)).join(value === '|' ? '\n' : ' ');
}
