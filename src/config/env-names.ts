/** Every environment variable, with what it is for. docs/reference/configuration.md lists them all. */
export const envNames = {
  MLFLOW_TRACKING_URI: 'address of the MLflow server, http(s), with its path prefix',
  MLFLOW_REGISTRY_URI: 'address of the registry, where it is another server',
  MLFLOW_TRACKING_USERNAME: 'login for basic authentication',
  MLFLOW_TRACKING_PASSWORD: 'password for basic authentication',
  MLFLOW_TRACKING_TOKEN: 'bearer token, used when there is no login',
  MLFLOW_WORKSPACE: 'workspace of the registered models (MLflow 3.10 and later)',
  ROLLBACK_STATE_TABLE: 'name of the DynamoDB table',
  ROLLBACK_STORE: '`dynamodb`, or `sqlite:<path>` on one machine',
  ROLLBACK_COOLDOWN_HOURS: 'least hours between two rollbacks of one model; 0 switches it off',
  ROLLBACK_POINTER: 'what names the live version: `stage:Production`',
  ROLLBACK_TARGET_RULE: '`last-good`, or `latest-archived`',
  ROLLBACK_WRITE_HORIZON_SECONDS: 'the longest that a sent write may still take effect',
  ALERT_SNS_TOPIC_ARN: 'standard SNS topic for notices',
} as const;
export type EnvName = keyof typeof envNames;

/** Names that belong to later versions: setting one has no effect yet, and says so. */
export const reservedEnvNames: readonly string[] = [
  'ROLLBACK_MODE',
  'ROLLBACK_MODEL_DIMENSION',
  'ROLLBACK_ALARM_AGE_MIN_MINUTES',
  'ROLLBACK_EVENT_AGE_MAX_MINUTES',
  'ROLLBACK_BUDGET',
  'ROLLBACK_BLAST_RADIUS',
  'ROLLBACK_CAUSE_CHECK',
  'ROLLBACK_PENDING_ACT_MINUTES',
  'ROLLBACK_BAKE_MINUTES',
];
