"""MLflow's own client, at a fixed time, so that its signatures can be compared.

It makes each call that model-rollback makes too; what the server answers does not matter.
"""

import datetime
import sys

import botocore.auth
import requests_auth_aws_sigv4

NOW = datetime.datetime(2026, 11, 28, 12, 0, 0)
MODEL = "fraud model+1 é"


class FixedTime(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return NOW


botocore.auth.get_current_datetime = lambda *_args, **_options: NOW
requests_auth_aws_sigv4.datetime.datetime = FixedTime

import mlflow  # noqa: E402

client = mlflow.MlflowClient()


def call(name, *args, **options):
    try:
        getattr(client, name)(*args, **options)
    except Exception as error:  # The answers are empty.
        print(name, type(error).__name__, file=sys.stderr)


model = MODEL if "--plain" not in sys.argv else "fraud"
call("get_registered_model", model)
call("get_model_version", model, "3")
call("get_model_version_by_alias", model, "champion")
call("get_latest_versions", model, ["Production"])
call("transition_model_version_stage", model, "2", "Production", archive_existing_versions=True)
call("set_registered_model_alias", model, "champion", "2")
call("set_model_version_tag", model, "2", "key", "value")
if "--plain" not in sys.argv:
    call("search_model_versions", "name = 'it*s ~ (a) 100%'", max_results=100)
    call("search_registered_models", max_results=1)

if mlflow.get_tracking_uri().startswith("arn:"):
    import os

    from sagemaker_mlflow.mlflow_sagemaker_helpers import SageMakerMLflowHostMetadataProvider

    os.environ.pop("SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT", None)
    provider = SageMakerMLflowHostMetadataProvider()
    provider.set_arn(mlflow.get_tracking_uri())
    print(provider.construct_tracking_server_url())
