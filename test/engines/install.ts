/**
 * Installs the engines that the contract suites run against (the real MLflow, DynamoDB Local and
 * MiniStack) and the tools that tests call (the AWS command, the packages of the CDK page, cfn-lint,
 * MLflow's client for SageMaker, SciPy), each at one pinned version, into the git-ignored folder `.engines/`.
 *
 * A marker is written last. It holds the pins and the folder, so a changed pin, a moved checkout or
 * an installation that broke off half-way is done again from nothing. Two processes that start at
 * once wait for each other on a lock that the operating system drops when its holder dies.
 *
 * By hand: `node test/engines/install.ts`.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import {
  MLFLOW_PINS,
  MLFLOW_VERSIONS,
  MLFLOW_WHEELS,
  type MLflowName,
  mlflowName,
} from './mlflow-versions.ts';
import { canRun, runToEnd } from './processes.ts';

export type EngineName = MLflowName | 'dynamodb' | 'ministack';
/** What is called as a command, without a server. */
export type ToolName = 'awscli' | 'cdk' | 'cfnlint' | 'sagemaker-mlflow' | 'scipy';

/** What `npm test` starts. */
const ENGINE_NAMES: readonly EngineName[] = [
  'mlflow',
  'mlflow-2.3.2',
  'mlflow-2.22.5',
  'dynamodb',
  'ministack',
];
const TOOL_NAMES: readonly ToolName[] = ['awscli', 'cdk', 'cfnlint', 'sagemaker-mlflow', 'scipy'];

/** The interpreter or build tool that an engine needs is not on this machine. */
export class MissingInterpreterError extends Error {
  override readonly name = 'MissingInterpreterError';
}

interface EngineRecipe {
  readonly version: string;
  readonly pins: readonly string[];
  readonly needs: readonly Interpreter[];
  /** Exists in a whole installation, through any link. */
  readonly proof: string;
  install(folder: string, logFile: string): Promise<void>;
}

interface Interpreter {
  readonly label: string;
  readonly command: string;
  readonly args: readonly string[];
  /** A tool for the installation only is not looked for once the engine is there. */
  readonly isForInstallOnly: boolean;
}

const ROOT = join(import.meta.dirname, '..', '..');
const ENGINES_FOLDER: string = join(ROOT, '.engines');
const STEP_TIMEOUT_MS = 10 * 60_000;
const LOCK_TIMEOUT_MS = 15 * 60_000;
const SQLITE_BUSY = 5;

/** Where the engines and their installation leave their logs. */
export const LOG_FOLDER: string = join(ROOT, '.reports', 'engines');

const PYTHON: Interpreter = {
  label: 'python3 with venv and pip',
  command: 'python3',
  args: ['-c', 'import ensurepip, venv'],
  isForInstallOnly: true,
};
const JAVA: Interpreter = {
  label: 'java',
  command: 'java',
  args: ['-version'],
  isForInstallOnly: false,
};
const NPM: Interpreter = {
  label: 'npm',
  command: 'npm',
  args: ['--version'],
  isForInstallOnly: true,
};
const MAVEN: Interpreter = {
  label: 'mvn',
  command: 'mvn',
  args: ['-v'],
  isForInstallOnly: true,
};

/**
 * What docs/deploy/cdk.md installs, and what the package itself depends on. The project has all of it
 * but the CDK command.
 */
const CDK_VERSION = '2.1148.1';
const CDK_PINS: readonly string[] = [`aws-cdk@${CDK_VERSION}`, ...ownPackages()];

/** What signs the requests of MLflow's own client: to SageMaker, and to an API Gateway. */
const SIGNING_PINS: readonly string[] = [
  'sagemaker-mlflow==0.5.0',
  'mlflow-skinny==3.17.2',
  'boto3==1.44.8',
  'requests-auth-aws-sigv4==0.7',
];

/** What the statistics of comparisons are held against; PyArrow writes files as people have them. */
const STATISTICS_PINS: readonly string[] = [
  'numpy==2.4.6',
  'scipy==1.17.1',
  'statsmodels==0.15.0',
  'pandas==3.1.1',
  'pyarrow==26.0.1',
];

const RECIPES: Readonly<Record<EngineName | ToolName, EngineRecipe>> = {
  ...mlflowRecipes(),
  dynamodb: {
    version: '3.1.0',
    pins: ['software.amazon.dynamodb:DynamoDBLocal:3.1.0'],
    needs: [JAVA, MAVEN],
    proof: 'lib/DynamoDBLocal-3.1.0.jar',
    install: installDynamoDBLocal,
  },
  ministack: {
    version: '1.5.33',
    pins: ['ministack==1.5.33'],
    needs: [PYTHON],
    proof: 'bin/python',
    install: (folder, logFile) => installPython(folder, logFile, ['ministack==1.5.33']),
  },
  awscli: {
    version: '1.46.3',
    pins: ['awscli==1.46.3'],
    needs: [PYTHON],
    proof: 'bin/aws',
    install: (folder, logFile) => installPython(folder, logFile, ['awscli==1.46.3']),
  },
  cdk: {
    version: CDK_VERSION,
    pins: CDK_PINS,
    needs: [NPM],
    proof: 'cache/_cacache',
    install: fillNpmCache,
  },
  cfnlint: {
    version: '1.58.0',
    pins: ['cfn-lint==1.58.0'],
    needs: [PYTHON],
    proof: 'bin/cfn-lint',
    install: (folder, logFile) => installPython(folder, logFile, ['cfn-lint==1.58.0']),
  },
  scipy: {
    version: '1.17.1',
    pins: STATISTICS_PINS,
    needs: [PYTHON],
    proof: 'bin/python',
    install: (folder, logFile) => installPython(folder, logFile, STATISTICS_PINS),
  },
  'sagemaker-mlflow': {
    version: '0.5.0',
    pins: SIGNING_PINS,
    needs: [PYTHON],
    proof: 'bin/python',
    install: (folder, logFile) => installPython(folder, logFile, SIGNING_PINS),
  },
};

/** The folder of an installed engine or tool. */
export function engineFolder(name: EngineName | ToolName): string {
  return join(ENGINES_FOLDER, name);
}

/** Installs an engine or a tool unless the pinned version is there; prints a line when it did. */
export async function installEngine(name: EngineName | ToolName): Promise<'installed' | 'present'> {
  requireInterpreters(name, { isForInstall: false });
  if (isInstalled(name)) {
    return 'present';
  }
  requireInterpreters(name, { isForInstall: true });
  mkdirSync(ENGINES_FOLDER, { recursive: true });
  return await withLock(join(ENGINES_FOLDER, `${name}.lock`), async () => {
    if (isInstalled(name)) {
      return 'present';
    }
    const startMs = performance.now();
    const folder = engineFolder(name);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    await RECIPES[name].install(folder, join(LOG_FOLDER, `install-${name}.log`));
    writeMarker(name);
    const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
    console.error(`engines: ${name} ${RECIPES[name].version} installed in ${seconds} s`);
    return 'installed';
  });
}

function mlflowRecipes(): Readonly<Record<MLflowName, EngineRecipe>> {
  const recipes = MLFLOW_VERSIONS.map((version) => {
    const wheel = MLFLOW_WHEELS[version];
    const pins = [...MLFLOW_PINS[version], ...(wheel === undefined ? [] : [wheel])];
    const install: EngineRecipe['install'] = async (folder, logFile) => {
      await installPython(folder, logFile, MLFLOW_PINS[version]);
      if (wheel === undefined) return;
      const python = join(folder, 'bin', 'python');
      const pip = ['-m', 'pip', '--quiet', '--no-input'];
      await step(folder, logFile, python, [...pip, 'uninstall', '--yes', 'mlflow-skinny']);
      await step(folder, logFile, python, [...pip, 'install', '--no-deps', wheel]);
    };
    return [mlflowName(version), { version, pins, needs: [PYTHON], proof: 'bin/python', install }];
  });
  return Object.fromEntries(recipes) as Readonly<Record<MLflowName, EngineRecipe>>;
}

function requireInterpreters(
  name: EngineName | ToolName,
  options: { isForInstall: boolean },
): void {
  const missing = RECIPES[name].needs
    .filter((tool) => tool.isForInstallOnly === options.isForInstall)
    .filter((tool) => !canRun(tool.command, tool.args));
  if (missing.length > 0) {
    const labels = missing.map((tool) => tool.label).join(' and ');
    throw new MissingInterpreterError(`${name} needs ${labels}, not found on this machine`);
  }
}

function markerText(name: EngineName | ToolName): string {
  // The folder too: a virtual environment does not survive a move. The real one: a link to it is none.
  const folder = realpathSync(engineFolder(name));
  return JSON.stringify({ pins: RECIPES[name].pins, folder }, null, 2);
}

function isInstalled(name: EngineName | ToolName): boolean {
  const marker = join(engineFolder(name), 'installed.json');
  return (
    existsSync(marker) &&
    existsSync(join(engineFolder(name), RECIPES[name].proof)) &&
    readFileSync(marker, 'utf8') === markerText(name)
  );
}

function writeMarker(name: EngineName | ToolName): void {
  const marker = join(engineFolder(name), 'installed.json');
  writeFileSync(`${marker}.new`, markerText(name));
  renameSync(`${marker}.new`, marker);
}

async function installPython(
  folder: string,
  logFile: string,
  pins: readonly string[],
): Promise<void> {
  await step(folder, logFile, 'python3', ['-m', 'venv', folder]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check'];
  await step(folder, logFile, join(folder, 'bin', 'python'), [...pip, ...pins]);
}

/** A cache that `npm install` finds these packages in, with all that they need, when it is offline. */
async function fillNpmCache(folder: string, logFile: string): Promise<void> {
  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{}');
  const flags = ['--cache', join(folder, 'cache'), '--no-audit', '--no-fund', '--ignore-scripts'];
  await step(project, logFile, 'npm', ['install', ...flags, ...CDK_PINS]);
  rmSync(project, { recursive: true });
}

/** Runtime dependencies, and the peers at the versions that they are tested with. */
function ownPackages(): string[] {
  const { dependencies, peerDependencies, devDependencies } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  ) as Readonly<Record<string, Readonly<Record<string, string>>>>;
  const peers = Object.keys(peerDependencies ?? {}).map((name) => [name, devDependencies?.[name]]);
  return [...peers, ...Object.entries(dependencies ?? {})].map(
    ([name, range]) => `${name}@${range}`,
  );
}

async function installDynamoDBLocal(folder: string, logFile: string): Promise<void> {
  writeFileSync(
    join(folder, 'pom.xml'),
    `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>model-rollback</groupId>
  <artifactId>engines</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>software.amazon.dynamodb</groupId>
      <artifactId>DynamoDBLocal</artifactId>
      <version>${RECIPES.dynamodb.version}</version>
    </dependency>
  </dependencies>
</project>
`,
  );
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=lib'];
  await step(folder, logFile, 'mvn', ['-q', '-B', ...goal]);
}

function step(
  cwd: string,
  logFile: string,
  command: string,
  args: readonly string[],
): Promise<void> {
  return runToEnd({ command, args, cwd, logFile, timeoutMs: STEP_TIMEOUT_MS });
}

/** SQLite's exclusive lock, because a lock file of our own would outlive a killed holder. */
async function withLock<Result>(file: string, act: () => Promise<Result>): Promise<Result> {
  const database = new DatabaseSync(file);
  try {
    const deadline = performance.now() + LOCK_TIMEOUT_MS;
    while (!tryLock(database)) {
      if (performance.now() > deadline) {
        throw new Error(`another process has held ${file} for ${LOCK_TIMEOUT_MS} ms`);
      }
      await delay(200);
    }
    return await act();
  } finally {
    database.close();
  }
}

function tryLock(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) {
      return false;
    }
    throw error;
  }
}

if (import.meta.main) {
  const results = await Promise.allSettled(
    [...ENGINE_NAMES, ...TOOL_NAMES].map(async (name) => {
      if ((await installEngine(name)) === 'present') {
        console.error(`engines: ${name} ${RECIPES[name].version} is installed already`);
      }
    }),
  );
  for (const result of results) {
    if (result.status === 'rejected') {
      console.error(`engines: ${result.reason}`);
      process.exitCode = 1;
    }
  }
}
