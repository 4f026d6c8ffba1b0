#!/usr/bin/env bash
# MLflow 3.17.2 (Python 3.11): a registered version shows its signature in no answer of the registry or of the
# tracking API: not the version, not its run with all tags, not its logged model. Only the file MLmodel has it.
#
# One would guess that the registry, which shows the signature on its pages, also has it in its API. So whoever wants
# to know whether one version accepts what another one accepts must be able to read the model's files, by rights on the
# store of artifacts, or by the route that MLflow's own pages use.
#
# Seen:
#   model version: no signature
#   run with its tags: no signature
#   logged model: no signature
#   MLmodel: inputs [{"type": "long", "name": "borrower_income", "required": true}]
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  mlflow-skinny==3.17.2 sqlalchemy==2.0.44 alembic==1.17.2 numpy==2.3.5 pandas==2.3.3
cat > "$work/try.py" <<'PY'
import json, logging, os, sys, warnings

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
os.chdir(sys.argv[2])
import mlflow, yaml
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, Schema

mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_registry_uri(sys.argv[1])


class Constant(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [0]


signature = ModelSignature(inputs=Schema([ColSpec("long", "borrower_income")]))
with mlflow.start_run() as run:
    logged = mlflow.pyfunc.log_model(
        name="model", python_model=Constant(), signature=signature, pip_requirements=[], registered_model_name="churn"
    )
client = mlflow.MlflowClient()
version = client.get_model_version("churn", "1")
answers = {
    "model version": dict(version),
    "run with its tags": client.get_run(run.info.run_id).to_dictionary(),
    "logged model": client.get_logged_model(logged.model_id).to_dictionary(),
}
for name, answer in answers.items():
    has = "borrower_income" in json.dumps(answer, default=str)
    print(f"{name}: {'the' if has else 'no'} signature")
    assert not has, answer
folder = client.get_logged_model(logged.model_id).artifact_location.removeprefix("file://")
with open(os.path.join(folder, "MLmodel")) as file:
    inputs = yaml.safe_load(file)["signature"]["inputs"]
print(f"MLmodel: inputs {inputs}")
assert json.loads(inputs)[0]["name"] == "borrower_income"
PY
"$work/venv/bin/python" "$work/try.py" "sqlite:///$work/mlflow.db" "$work"
