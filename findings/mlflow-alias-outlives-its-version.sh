#!/usr/bin/env bash
# MLflow (Python 3.11): deleting the version that an alias names leaves the alias behind in 3.5.1, and takes
# the alias along in 3.17.2.
#
# One would guess a foreign key. In 3.5.1 the registered model goes on listing the alias with a version that
# does not exist, and reading it fails as if the version were asked for by number. So "the alias is set" and
# "the alias leads somewhere" are two questions, and the answer to the first depends on the release.
#
# Seen:
#   MLflow 3.5.1: after the delete the model lists {'champion': '1'}; reading the alias: RESOURCE_DOES_NOT_EXIST
#   MLflow 3.17.2: after the delete the model lists {}; reading the alias: INVALID_PARAMETER_VALUE
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/try.py" <<'PY'
import logging, sys, warnings

warnings.filterwarnings("ignore")
logging.disable(logging.INFO)
import mlflow
from mlflow.exceptions import MlflowException

uri, expected_list, expected_code = sys.argv[1], sys.argv[2], sys.argv[3]
client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
client.create_registered_model("churn")
client.create_model_version("churn", "file:///models/churn")
client.create_model_version("churn", "file:///models/churn")
client.set_registered_model_alias("churn", "champion", "1")
client.delete_model_version("churn", "1")
listed = {name: str(version) for name, version in client.get_registered_model("churn").aliases.items()}
try:
    client.get_model_version_by_alias("churn", "champion")
    code = "an answer"
except MlflowException as error:
    code = error.error_code
print(f"MLflow {mlflow.__version__}: after the delete the model lists {listed}; reading the alias: {code}")
assert (str(listed), code) == (expected_list, expected_code), (listed, code)
PY
try() {
  python3.11 -m venv "$work/$1"
  "$work/$1/bin/pip" install --quiet --disable-pip-version-check \
    "mlflow-skinny==$1" sqlalchemy==2.0.44 alembic==1.17.2
  "$work/$1/bin/python" "$work/try.py" "sqlite:///$work/$1.db" "$2" "$3"
}
try 3.5.1 "{'champion': '1'}" RESOURCE_DOES_NOT_EXIST
try 3.17.2 "{}" INVALID_PARAMETER_VALUE
