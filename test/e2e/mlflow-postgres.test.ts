/** The server of all suites on another database: PostgreSQL has other locks, orders and limits than SQLite. */
import { MLFLOW_VERSION } from '../engines/mlflow-versions.ts';
import { postgresFolder, startPostgresMLflow } from '../engines/postgres.ts';
import { describeServer } from './other-server.ts';

const isMissing = postgresFolder === null;
const reason = isMissing ? ' [skipped: no initdb and postgres on this machine]' : '';
const title = `MLflow ${MLFLOW_VERSION} on PostgreSQL${reason}`;
if (isMissing) console.error(`\n*** SKIPPED: ${title} ***\n`);

// The command meets a database no other way than the function.
const ways = ['function'] as const;
describeServer({ version: MLFLOW_VERSION, title, isMissing, start: startPostgresMLflow }, ways);
