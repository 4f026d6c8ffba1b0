/**
 * Values of the template's parameters that a deployment must take, and some that it must refuse before
 * anything is made. The Terraform module has the same settings under names of its own.
 */
export interface SettingSample {
  readonly parameter: string;
  readonly sound: readonly string[];
  readonly wrong: readonly string[];
}

const addresses = {
  sound: [
    'https://mlflow.example.com/a',
    'http://10.0.0.7:5000',
    'arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/churn-1',
    'arn:aws-us-gov:sagemaker:us-gov-west-1:123456789012:mlflow-app/app-1A',
  ],
  wrong: [
    'https://a:b@c.com',
    'mlflow',
    'http://a?b',
    'http://a b',
    'arn:aws:s3:::bucket',
    'arn:aws-cn:sagemaker:cn-north-1:123456789012:mlflow-app/app-1A',
  ],
};
const minutes = { sound: ['0', '60', '0.5'], wrong: ['-1', '10081', 'soon'] };
const times = ['1/7d', '2/0.5h', '1/1999h', '1/99999m', '1/90d', '1/89.5d', '1/0.01m'];
const noTimes = ['', 'three', '3/7', '0/7d', '3/0d', '3/0.0h', '3/91d', '3/..d', '3/7w', '3/2161h'];

const longest = 'a'.repeat(255);
const pointers = {
  sound: [
    'stage:Production',
    'alias:champion',
    'alias:V3-b_2',
    'alias:latest2',
    `alias:${longest}`,
  ],
  wrong: [
    ...['', 'champion', 'stage:Staging', 'alias:', 'alias:latest', 'alias:Latest', 'alias:V3'],
    ...['alias:my.alias', 'alias:a b', `alias:${longest}a`],
  ],
};

export const settingSamples: readonly SettingSample[] = [
  { parameter: 'MlflowTrackingUri', ...addresses },
  { parameter: 'MlflowRegistryUri', sound: ['', ...addresses.sound], wrong: addresses.wrong },
  { parameter: 'MlflowWorkspace', sound: ['', 'team-a'], wrong: ['Team', 'a--b', '-a', 'a b'] },
  {
    parameter: 'MlflowRoleArn',
    sound: ['', 'arn:aws:iam::123456789012:role/mlflow'],
    wrong: ['mlflow', 'arn:aws:iam::123456789012:user/me'],
  },
  { parameter: 'SnsFormat', sound: ['json', 'chat'], wrong: ['', 'q'] },
  { parameter: 'Mode', sound: ['act', 'ask', 'observe'], wrong: ['', 'Act', 'on'] },
  { parameter: 'CooldownHours', sound: ['0', '24', '0.5', '8760'], wrong: ['-1', '8761', 'a'] },
  { parameter: 'Pointer', ...pointers },
  { parameter: 'TargetRule', sound: ['last-good', 'latest-archived'], wrong: ['', 'best'] },
  {
    parameter: 'TargetMaxAge',
    sound: ['off', '90d', '12h', '9999d'],
    wrong: ['', '0d', '90', '90m', '10000d', '3 months'],
  },
  {
    parameter: 'PromotionEvidence',
    sound: ['off', '7d', '12h', '9999d'],
    wrong: ['', '0d', '7', '30m', '10000d', 'a week'],
  },
  { parameter: 'Budget', sound: ['off', '50/7d', ...times], wrong: ['51/7d', ...noTimes] },
  { parameter: 'BlastRadius', sound: ['off', '100/7d', ...times], wrong: ['101/7d', ...noTimes] },
  { parameter: 'CauseCheck', sound: ['on', 'off'], wrong: ['', 'true'] },
  { parameter: 'PendingActMinutes', ...minutes },
  { parameter: 'BakeMinutes', sound: minutes.sound, wrong: ['-1', '1441'] },
  { parameter: 'ObserveMinutes', sound: minutes.sound, wrong: ['-1', '1441'] },
  { parameter: 'EventAgeMaxMinutes', ...minutes },
  { parameter: 'AlarmAgeMinMinutes', ...minutes },
  {
    parameter: 'AllowedAccounts',
    sound: ['', '444455556666', '444455556666,777788889999'],
    wrong: ['4444', '444455556666, 777788889999', 'all', ',444455556666'],
  },
  { parameter: 'WriteHorizonSeconds', sound: ['1', '60', '900'], wrong: ['0', '1.5', '901'] },
];
