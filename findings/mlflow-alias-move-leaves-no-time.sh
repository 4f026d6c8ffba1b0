#!/usr/bin/env bash
# MLflow 3.17.2 (Python 3.11): setting, moving or deleting an alias changes no last_updated_timestamp, neither of
# the registered model nor of a version. A transition to the stage that a version has already changes both.
#
# One would guess the opposite: the alias says which version is live, and its move is the change that counts. So
# nothing in the registry says when a version went live by an alias, and the newest time may be of a call that
# changed nothing.
#
# Seen:
#   alias set: no time changed
#   alias moved: no time changed
#   alias deleted: no time changed
#   transition to Production: times of model, version 1 changed
#   the same transition again: times of model, version 1 changed
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  mlflow-skinny==3.17.2 sqlalchemy==2.0.44 alembic==1.17.2
cat > "$work/try.py" <<'PY'
import logging, sys, time, warnings

warnings.filterwarnings("ignore")
logging.disable(logging.INFO)
import mlflow

client = mlflow.MlflowClient(tracking_uri=sys.argv[1], registry_uri=sys.argv[1])
client.create_registered_model("churn")
for _ in range(2):
    client.create_model_version("churn", "file:///models/churn")


def times():
    found = {"model": client.get_registered_model("churn").last_updated_timestamp}
    for version in ("1", "2"):
        found[f"version {version}"] = client.get_model_version("churn", version).last_updated_timestamp
    return found


def check(label, expected, call, *arguments):
    before = times()
    time.sleep(0.05)
    call("churn", *arguments)
    after = times()
    changed = [name for name in before if before[name] != after[name]]
    print(f"{label}: " + (f"times of {', '.join(changed)} changed" if changed else "no time changed"))
    assert changed == expected, changed


check("alias set", [], client.set_registered_model_alias, "champion", "1")
check("alias moved", [], client.set_registered_model_alias, "champion", "2")
check("alias deleted", [], client.delete_registered_model_alias, "champion")
check("transition to Production", ["model", "version 1"], client.transition_model_version_stage, "1", "Production")
check("the same transition again", ["model", "version 1"], client.transition_model_version_stage, "1", "Production")
PY
"$work/venv/bin/python" "$work/try.py" "sqlite:///$work/mlflow.db"
