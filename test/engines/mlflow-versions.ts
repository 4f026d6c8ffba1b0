/**
 * The MLflow servers that suites run on. Of each version the registry server without the parts for
 * training and tracing: every registry answer equals that of the full package, at less than half its
 * size. What is pinned beside an older one is the newest that its full package admits.
 */

/** Oldest first. */
export type MLflowVersion =
  | typeof TOO_OLD_MLFLOW
  | '2.3.2'
  | '2.9.2'
  | '2.16.2'
  | '2.19.0'
  | '2.22.5'
  | '3.0.1'
  | '3.5.1'
  | '3.10.1'
  | typeof MLFLOW_VERSION
  | '3.18.0';

/** The name of its folder. */
export type MLflowName = 'mlflow' | `mlflow-${Exclude<MLflowVersion, typeof MLFLOW_VERSION>}`;

/** The version of every suite that does not name another. */
export const MLFLOW_VERSION = '3.17.2';

/** Has stages and no aliases, and its searches have no order: one suite shows what is refused on it. */
export const TOO_OLD_MLFLOW = '1.30.1';

/** Before 3.6 or so the servers do not start with SQLAlchemy 2.1, and pandas 3 is not admitted. */
const OLDER: readonly string[] = ['alembic==1.20.1', 'pandas==2.3.3', 'sqlalchemy==2.0.58'];
/** gunicorn before 22 imports pkg_resources, which setuptools has dropped since. */
const WITH_PARSER: readonly string[] = [
  ...OLDER,
  'numpy==1.26.4',
  'querystring-parser==1.2.4',
  'setuptools==80.10.2',
];
const WITH_GRAPHENE: readonly string[] = [
  ...OLDER,
  'flask==3.1.3',
  'graphene==3.4.3',
  'gunicorn==23.0.0',
  'numpy==2.4.6',
];

/** Flask-WTF is for basic auth, boto3 for the benchmark that plays a Lambda written in Python. */
const OWN_PINS: readonly string[] = [
  `mlflow-skinny==${MLFLOW_VERSION}`,
  'aiohttp==3.14.5',
  'alembic==1.20.1',
  'boto3==1.44.5',
  'flask==3.1.3',
  'flask-cors==6.0.5',
  'flask-wtf==1.3.0',
  'graphene==3.4.3',
  'huey==3.5.4',
  'numpy==2.4.6',
  'pandas==3.1.1',
  'sqlalchemy==2.1.9',
];

export const MLFLOW_PINS: Readonly<Record<MLflowVersion, readonly string[]>> = {
  [TOO_OLD_MLFLOW]: [
    `mlflow-skinny==${TOO_OLD_MLFLOW}`,
    'alembic==1.13.3',
    'flask==2.3.3',
    'gunicorn==20.1.0',
    'numpy==1.26.4',
    'pandas==2.3.3',
    'querystring-parser==1.2.4',
    'setuptools==80.10.2',
    'sqlalchemy==1.4.54',
  ],
  '2.3.2': ['mlflow-skinny==2.3.2', ...WITH_PARSER, 'flask==2.3.3', 'gunicorn==20.1.0'],
  '2.9.2': ['mlflow-skinny==2.9.2', ...WITH_PARSER, 'flask==3.1.3', 'gunicorn==21.2.0'],
  '2.16.2': ['mlflow-skinny==2.16.2', ...WITH_GRAPHENE],
  '2.19.0': ['mlflow-skinny==2.19.0', ...WITH_GRAPHENE],
  '2.22.5': ['mlflow-skinny==2.22.5', ...WITH_GRAPHENE],
  '3.0.1': ['mlflow-skinny==3.0.1', ...WITH_GRAPHENE],
  '3.5.1': ['mlflow-skinny==3.5.1', ...WITH_GRAPHENE, 'flask-cors==6.0.5'],
  '3.10.1': ['mlflow-skinny==3.10.1', ...OWN_PINS.filter((pin) => !pin.startsWith('mlflow'))],
  [MLFLOW_VERSION]: OWN_PINS,
  '3.18.0': OWN_PINS,
};

/**
 * Put in the place of `mlflow-skinny`, with the packages of the version before: MLflow 3.18.0 asks for a
 * `mlflow-skinny` of its own version, which the package index did not have in November 2026.
 */
export const MLFLOW_WHEELS: Partial<Readonly<Record<MLflowVersion, string>>> = {
  '3.18.0': 'mlflow==3.18.0',
};

/** Those that can be used. */
export const MLFLOW_VERSIONS: readonly MLflowVersion[] = (
  Object.keys(MLFLOW_PINS) as MLflowVersion[]
).filter((version) => version !== TOO_OLD_MLFLOW);

export function mlflowName(version: MLflowVersion): MLflowName {
  return version === MLFLOW_VERSION ? 'mlflow' : `mlflow-${version}`;
}

/** What servers do differently. */
export interface ServerTraits {
  /** An alias goes on naming a version that was deleted. */
  readonly keepsAliasOfDeleted: boolean;
  /** It knows prompts, and shows none to a search that does not ask for them by their tag. */
  readonly hasPrompts: boolean;
  /** It answers a request that names a workspace with an error, unless they are switched on. */
  readonly hasWorkspaces: boolean;
  /** The key of a tag may have a colon. */
  readonly takesColonInTag: boolean;
  /** The name of a registered model may have a slash and a colon. */
  readonly takesPathInName: boolean;
  /** Characters. */
  readonly tagValueMax: number;
}

const beforePrompts: readonly MLflowVersion[] = ['2.3.2', '2.9.2', '2.16.2', '2.19.0'];

export function traitsOf(version: MLflowVersion): ServerTraits {
  const isOlder = MLFLOW_VERSIONS.indexOf(version) < MLFLOW_VERSIONS.indexOf(MLFLOW_VERSION);
  return {
    keepsAliasOfDeleted: isOlder,
    hasPrompts: !beforePrompts.includes(version),
    hasWorkspaces: !isOlder || version === '3.10.1',
    takesColonInTag: version !== '2.3.2' && version !== '2.9.2',
    takesPathInName: version.startsWith('2.'),
    tagValueMax: version.startsWith('2.') ? 5_000 : 100_000,
  };
}

export interface MLflowChoice {
  readonly version: MLflowVersion;
  readonly database: 'sqlite' | 'postgresql';
}

/** The server of all suites that do not start one: by `npm run matrix` one after the other. */
export function chosenMLflow(): MLflowChoice {
  const choice = process.env['MATRIX_MLFLOW'] ?? MLFLOW_VERSION;
  const [named, database = 'sqlite'] = choice.split('-');
  const version = MLFLOW_VERSIONS.find((one) => one === named);
  if (version === undefined || (database !== 'sqlite' && database !== 'postgresql')) {
    throw new Error(`MATRIX_MLFLOW is ${choice}, not one of ${MLFLOW_VERSIONS.join(', ')}`);
  }
  return { version, database };
}
