/** Every environment variable, with what it is for. docs/reference/configuration.md lists them all. */
export const envNames = {
  MLFLOW_TRACKING_URI: 'address of the MLflow server, http(s), with its path prefix',
  MLFLOW_REGISTRY_URI: 'address of the registry, where it is another server',
  MLFLOW_TRACKING_USERNAME: 'login for basic authentication',
  MLFLOW_TRACKING_PASSWORD: 'password for basic authentication',
  MLFLOW_TRACKING_TOKEN: 'bearer token, used when there is no login',
  MLFLOW_TRACKING_SECRET_ARN: 'secret of Secrets Manager that holds the login or the token',
  MLFLOW_WORKSPACE: 'workspace of the registered models (MLflow 3.10 and later)',
  ROLLBACK_STATE_TABLE: 'name of the DynamoDB table',
  ROLLBACK_STORE: '`dynamodb`, or `sqlite:<path>` on one machine',
  ROLLBACK_COOLDOWN_HOURS: 'minimum hours between two rollbacks of one model; 0 switches it off',
  ROLLBACK_POINTER: 'what names the live version: `stage:Production`, or `alias:NAME`',
  ROLLBACK_MODEL_POINTERS: 'pointers of single models: JSON, by model name or prefix*',
  ROLLBACK_OBSERVE_MINUTES:
    'minutes between two readings of what all pointers name; 0 switches them off',
  ROLLBACK_TARGET_RULE: '`last-good`, or `latest-archived`',
  ROLLBACK_WRITE_HORIZON_SECONDS: 'the longest that a sent write may still take effect',
  ROLLBACK_MODE: 'what an alarm does: `act`, `ask` or `observe`',
  ROLLBACK_MODEL_DIMENSION: 'metric dimension, or contributor attribute, that names the model',
  ROLLBACK_ALARM_MODELS: 'models of alarms that name none: JSON, by alarm name or prefix*',
  ROLLBACK_ALLOWED_ACCOUNTS:
    'other accounts whose alarms may act when a topic or queue brings them',
  ROLLBACK_ALARM_AGE_MIN_MINUTES:
    'minimum age of the definition of an alarm that acts; 0 switches it off',
  ROLLBACK_EVENT_AGE_MAX_MINUTES: 'an older event acts only when its alarm is still in ALARM',
  ROLLBACK_BUDGET: 'rollbacks of one model in a time, then it is paused: `3/7d` or `off`',
  ROLLBACK_BLAST_RADIUS:
    'models rolled back by alarms in a time, then all are paused: `5/30m` or `off`',
  ROLLBACK_CAUSE_CHECK: '`on`, or `off`: is the live version younger than the alarm?',
  ROLLBACK_PENDING_ACT_MINUTES:
    'a refused alarm is tried again for this long, then a person is asked',
  ROLLBACK_BAKE_MINUTES: 'after a rollback, the alarm is checked again after this time',
  ALERT_SNS_TOPIC_ARN: 'standard SNS topic for notices',
} as const;
export type EnvName = keyof typeof envNames;
