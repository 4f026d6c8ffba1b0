/** What IAM calls each of our calls to MLflow in SageMaker, in the service `sagemaker-mlflow`. */
export const sageMakerActions: Readonly<Record<string, string>> = {
  'registered-models/get-latest-versions': 'sagemaker-mlflow:GetLatestModelVersions',
  'model-versions/get': 'sagemaker-mlflow:GetModelVersion',
  'registered-models/alias': 'sagemaker-mlflow:GetModelVersionByAlias',
  'registered-models/get': 'sagemaker-mlflow:GetRegisteredModel',
  'logged-models': 'sagemaker-mlflow:GetLoggedModel',
  'runs/get': 'sagemaker-mlflow:GetRun',
  'model-versions/search': 'sagemaker-mlflow:SearchModelVersions',
  'registered-models/search': 'sagemaker-mlflow:SearchRegisteredModels',
  'set-tag': 'sagemaker-mlflow:SetModelVersionTag',
  'set-alias': 'sagemaker-mlflow:SetRegisteredModelAlias',
  'transition-stage': 'sagemaker-mlflow:TransitionModelVersionStage',
};

/** An MLflow App wants this one for every call. */
export const sageMakerAppAction = 'sagemaker:CallMlflowAppApi';
