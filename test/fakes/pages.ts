/** The pages for people, and what a newcomer would paste from them. */
import { readFileSync } from 'node:fs';

export interface Block {
  /** The nearest heading above. */
  readonly section: string;
  readonly language: string;
  readonly text: string;
}

/** The shell commands of a page, for a suite that runs them. */
export interface Page {
  /** Those of the next block of a section; throws when there is none left. */
  take(section: string): string;
  /** Sections of blocks that were not taken, once for each. */
  left(): readonly string[];
}

export interface NotRun {
  readonly page: string;
  readonly command: string;
  readonly reason: string;
}

/** Which suite runs the commands of a page. */
export const suitesByPage: Readonly<Record<string, string>> = {
  'docs/deploy/alarms.md': 'test/e2e/deploy-pages.test.ts',
  'docs/deploy/alertmanager.md': 'test/e2e/alertmanager-page.test.ts',
  'docs/deploy/by-hand.md': 'test/e2e/deploy-pages.test.ts',
  'docs/deploy/cdk.md': 'test/e2e/install-pages.test.ts',
  'docs/deploy/cloudformation.md': 'test/e2e/deploy.test.ts',
  'docs/deploy/function-url.md': 'test/e2e/function-url.test.ts',
  'docs/deploy/service.md': 'test/e2e/service-page.test.ts',
  'docs/reference/promote-and-watch.md': 'test/e2e/deploy.test.ts',
  'docs/reference/step-functions.md': 'test/e2e/deploy-pages.test.ts',
  'docs/start.md': 'test/e2e/install-pages.test.ts',
};

const beforeTests = 'The run of the tests begins with them; other suites read dist/ meanwhile.';
const noProvider =
  'Terraform can apply nothing without the AWS provider, which is not in any registry of packages.';

/** Commands that no suite runs as they stand, and why. The rest of their block is run. */
export const notRun: readonly NotRun[] = [
  {
    page: 'README.md',
    command: 'npm ci && npm run demo\n',
    reason: 'The run of the tests begins with npm ci; test/e2e/command.test.ts runs the demo.',
  },
  {
    page: 'docs/deploy/upgrade.md',
    command: 'model-rollback create-table\nmodel-rollback reindex\n',
    reason: 'Both run on a table of release 0.1.0 in test/e2e/upgrade.test.ts, with --json.',
  },
  {
    page: 'docs/reference/command.md',
    command:
      'model-rollback completion bash >> ~/.bashrc\n' +
      'model-rollback completion zsh >> ~/.zshrc\n' +
      'model-rollback completion fish > ~/.config/fish/completions/model-rollback.fish\n',
    reason: 'They write into the home folder; test/unit/cli/run.test.ts runs the script of bash.',
  },
  { page: 'README.md', command: 'npm ci && npm test\n', reason: 'This is the run of the tests.' },
  { page: 'docs/start.md', command: 'npm ci\nnpm run build\n', reason: beforeTests },
  {
    page: 'docs/start.md',
    command: 'mlflow server --host 127.0.0.1 --port 5000 --backend-store-uri sqlite:///mlflow.db\n',
    reason: 'The port may be taken. The engines start the same command on a free one.',
  },
  { page: 'docs/deploy/cdk.md', command: 'npm ci\nnpm run build\n', reason: beforeTests },
  {
    page: 'docs/deploy/cloudformation.md',
    command: 'npm ci\nnpm run package\n',
    reason: `${beforeTests} The suite calls tools/package.mjs itself.`,
  },
  {
    page: 'docs/deploy/by-hand.md',
    command: 'npm run package\n',
    reason: `${beforeTests} test/cdk/package.test.ts checks what it writes.`,
  },
  {
    page: 'docs/deploy/terraform.md',
    command: '(cd ../model-rollback && npm ci && npm run package)\n',
    reason: beforeTests,
  },
  {
    page: 'docs/deploy/terraform.md',
    command: `export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1
cat > login.json <<JSON
{ "username": "rollback", "password": "the password of this user" }
JSON
aws secretsmanager create-secret --name mlflow-login --secret-string file://login.json
rm login.json
`,
    reason: 'The same commands as on docs/deploy/cdk.md.',
  },
  {
    page: 'docs/deploy/terraform.md',
    command: 'terraform init\nterraform apply\n',
    reason: noProvider,
  },
  {
    page: 'docs/deploy/terraform.md',
    command:
      "aws cloudwatch set-alarm-state --alarm-name high-drawdown-alarm --state-value ALARM --state-reason 'a test'\n",
    reason: `The same command as on docs/deploy/cdk.md. ${noProvider}`,
  },
  {
    page: 'docs/deploy/terraform.md',
    command: `export MLFLOW_TRACKING_URI=https://mlflow.example.com MLFLOW_TRACKING_SECRET_ARN=mlflow-login
export ROLLBACK_STATE_TABLE=$(terraform output -raw state_table) ALERT_SNS_TOPIC_ARN=$(terraform output -raw topic_arn)
model-rollback doctor --function "$(terraform output -raw function_arn)"
`,
    reason: `${noProvider} test/cdk/docs.test.ts checks the names of the outputs.`,
  },
  {
    page: 'docs/reference/channels.md',
    command: `export ROLLBACK_CHANNELS=slack,pagerduty
export ROLLBACK_SLACK_SECRET_ARN=arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack-Ab12Cd
export ROLLBACK_PAGERDUTY_SECRET_ARN=arn:aws:secretsmanager:eu-west-1:123456789012:secret:pagerduty-Ab12Cd
model-rollback doctor --notify
`,
    reason: 'The services are not here. test/e2e/channels.test.ts does it with servers of its own.',
  },
  {
    page: 'docs/reference/performance.md',
    command: 'npm ci\nnpm run bench\nnpm run bench -- --only runtime --runs 20\n',
    reason: 'Figures take minutes and a machine with nothing else to do.',
  },
  {
    page: 'docs/reference/performance.md',
    command: `docker run --rm --platform linux/arm64 --entrypoint node \\
  --volume "$PWD/node_modules/model-rollback/dist/lambda:/var/task" \\
  public.ecr.aws/lambda/nodejs:24 make-cache.mjs
`,
    reason: "Docker and AWS's image. The build runs make-cache.mjs itself.",
  },
  {
    page: 'docs/reference/performance.md',
    command: `docker run --rm --platform linux/arm64 --entrypoint node \\
  --volume "$PWD/dist/lambda:/var/task" public.ecr.aws/lambda/nodejs:24 make-cache.mjs
npm run zip
`,
    reason: "Docker and AWS's image. test/cdk/package.test.ts runs what packs the zip.",
  },
];

/** All fenced blocks of a page, in their order. */
export function blocksOf(path: string): readonly Block[] {
  let section = '';
  const parts = readFileSync(path, 'utf8').matchAll(/^#+ (.+)$|^```(\w*)\n([\s\S]*?)^```$/gm);
  return [...parts].flatMap(([, heading, language = '', text]) => {
    if (text !== undefined) return [{ section, language, text }];
    section = heading ?? '';
    return [];
  });
}

/** What of a block can be run. */
export function runnable(path: string, text: string): string {
  return notRun
    .filter(({ page, command }) => page === path && text.includes(command))
    .reduce((rest, { command }) => rest.replace(command, ':\n'), text);
}

export function openPage(path: string): Page {
  const blocks = blocksOf(path).filter(({ language }) => language === 'sh');
  const taken = new Set<Block>();
  return {
    take: (section) => {
      const next = blocks.find((block) => block.section === section && !taken.has(block));
      if (next === undefined) throw new Error(`${path} has no (further) commands in "${section}"`);
      taken.add(next);
      return runnable(path, next.text);
    },
    left: () => blocks.filter((block) => !taken.has(block)).map(({ section }) => section),
  };
}

/** Commands with other values for variables that they set. */
export function withValues(text: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce((rest, [name, value]) => {
    const assignment = new RegExp(`(?<=^|\\s)${name}=\\S+`, 'm');
    if (!assignment.test(rest)) throw new Error(`no line sets ${name}:\n${rest}`);
    return rest.replace(assignment, () => `${name}='${value}'`);
  }, text);
}
