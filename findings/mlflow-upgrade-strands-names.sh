#!/usr/bin/env bash
# MLflow 2.22.5, upgraded to 3.17.2 (Python 3.11): a registered model with "/" or ":" in its name, which 2.22.5
# creates, is still listed by 3.17.2, which refuses every other call about it, rename and delete included.
#
# One would guess that a new rule for names holds for new names, or that `mlflow db upgrade` complains. The
# upgrade succeeds. Such a model cannot be read, promoted, renamed or deleted any more; its versions are found by
# a search with the name as a filter, and by nothing else.
#
# Seen:
#   3.17.2 lists ['eu.churn', 'eu/churn', 'eu:churn']
#   eu/churn: search finds 1 version; refused: get, get version, get by alias, set alias, transition, rename, delete
#   eu:churn: search finds 1 version; refused: get, get version, get by alias, set alias, transition, rename, delete
#   eu.churn: search finds 1 version; refused: none
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/create.py" <<'PY'
import logging, sys, warnings

warnings.filterwarnings("ignore")
logging.disable(logging.INFO)
import mlflow

client = mlflow.MlflowClient(tracking_uri=sys.argv[1], registry_uri=sys.argv[1])
for name in ("eu/churn", "eu:churn", "eu.churn"):
    client.create_registered_model(name)
    client.create_model_version(name, "file:///models/churn")
    client.set_registered_model_alias(name, "champion", "1")
PY
cat > "$work/try.py" <<'PY'
import logging, sys, warnings

warnings.filterwarnings("ignore")
logging.disable(logging.INFO)
import mlflow
from mlflow.exceptions import MlflowException

client = mlflow.MlflowClient(tracking_uri=sys.argv[1], registry_uri=sys.argv[1])


def rename_and_back(name):
    client.rename_registered_model(name, "churn")
    client.rename_registered_model("churn", name)


calls = {
    "get": client.get_registered_model,
    "get version": lambda name: client.get_model_version(name, "1"),
    "get by alias": lambda name: client.get_model_version_by_alias(name, "champion"),
    "set alias": lambda name: client.set_registered_model_alias(name, "champion", "1"),
    "transition": lambda name: client.transition_model_version_stage(name, "1", "Production"),
    "rename": rename_and_back,
    "delete": client.delete_registered_model,
}
listed = sorted(model.name for model in client.search_registered_models())
print(f"{mlflow.__version__} lists {listed}")
assert listed == ["eu.churn", "eu/churn", "eu:churn"]
for name in ("eu/churn", "eu:churn", "eu.churn"):
    found = len(client.search_model_versions(f"name = '{name}'"))
    refused = []
    for label, call in calls.items():
        try:
            call(name)
        except MlflowException as error:
            assert "Invalid model name" in str(error), error
            refused.append(label)
    print(f"{name}: search finds {found} version; refused: {', '.join(refused) or 'none'}")
    assert found == 1 and refused == ([] if name == "eu.churn" else list(calls)), refused
PY
install() {
  python3.11 -m venv "$work/$1"
  "$work/$1/bin/pip" install --quiet --disable-pip-version-check \
    "mlflow-skinny==$1" sqlalchemy==2.0.44 alembic==1.17.2
}
install 2.22.5
install 3.17.2
"$work/2.22.5/bin/python" "$work/create.py" "sqlite:///$work/mlflow.db"
"$work/3.17.2/bin/python" -m mlflow db upgrade "sqlite:///$work/mlflow.db" 2> "$work/log"
"$work/3.17.2/bin/python" "$work/try.py" "sqlite:///$work/mlflow.db"
