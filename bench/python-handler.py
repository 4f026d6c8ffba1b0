"""The same rollback as a Lambda function that a Python team would write: mlflow-skinny and boto3.

What keeps the comparison fair:
- clients are made once, at import, as Lambda's own advice is; a warm call reuses their connections;
- low-level boto3 clients, not resources: quicker to make and smaller in memory;
- one search finds both the live version and the target, and the read-back is one call by number;
- no claim transaction, no recheck before the move, no mark after the notice: fewer calls than
  model-rollback makes, and so less than it promises. State, claim, read-back, record, notice and tags
  are there, one after the other, as such functions are written;
- modules that a Lambda package of mlflow-skinny and boto3 would not have are hidden (python-absent.py),
  and the byte code is compiled beforehand, in a run that is not counted.

With a JSON event as its argument it answers once; without one, it answers each line that it reads.
python-runtime.py runs it on Lambda's Runtime API.
"""

import os
import sys
import time

started, started_cpu = time.perf_counter(), time.process_time()
for name in os.environ.get("BENCH_ABSENT", "").split(","):
    if name:
        sys.modules[name] = None  # type: ignore[assignment]

import json  # noqa: E402
import logging  # noqa: E402
import resource  # noqa: E402
import uuid  # noqa: E402
import warnings  # noqa: E402
from datetime import UTC, datetime  # noqa: E402

import boto3  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402
from mlflow import MlflowClient  # noqa: E402

warnings.filterwarnings("ignore", category=FutureWarning)
logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
logger = logging.getLogger("rollback")
logging.getLogger("botocore").setLevel(logging.WARNING)

TABLE = os.environ["ROLLBACK_STATE_TABLE"]
TOPIC = os.environ["ALERT_SNS_TOPIC_ARN"]
COOLDOWN_SECONDS = float(os.environ.get("ROLLBACK_COOLDOWN_HOURS", "24")) * 3600

registry = MlflowClient()
dynamodb = boto3.client("dynamodb")
sns = boto3.client("sns")
imported, imported_cpu = time.perf_counter(), time.process_time()


def handler(event: dict, _context: object = None) -> dict:
    event = request_of(event)
    name = event["model_name"]
    versions = registry.search_model_versions(f"name = '{name}'", max_results=100)
    live = max((v for v in versions if v.current_stage == "Production"), key=number)
    archived = [v for v in versions if v.current_stage == "Archived" and v.status == "READY"]
    target = max((v for v in archived if number(v) < number(live)), key=number)

    key = {"pk": {"S": f"PYTHON#{name}"}, "sk": {"S": "STATE"}}
    state = dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item", {})
    last = float(state.get("committed_at", {"N": "0"})["N"])
    if time.time() - last < COOLDOWN_SECONDS:
        return {"rolled_back": False, "model_name": name, "outcome": "COOLDOWN"}
    owner = str(uuid.uuid4())
    try:
        dynamodb.update_item(
            TableName=TABLE,
            Key=key,
            UpdateExpression="SET claim_owner = :owner, lease_ends_at = :ends",
            ConditionExpression="attribute_not_exists(claim_owner) OR lease_ends_at < :now",
            ExpressionAttributeValues={
                ":owner": {"S": owner},
                ":ends": {"N": str(time.time() + 120)},
                ":now": {"N": str(time.time())},
            },
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return {"rolled_back": False, "model_name": name, "outcome": "IN_PROGRESS"}

    registry.transition_model_version_stage(
        name, target.version, "Production", archive_existing_versions=True
    )
    moved = registry.get_model_version(name, target.version)
    if moved.current_stage != "Production":
        raise RuntimeError(f"{name} {target.version} is {moved.current_stage}, not Production")

    result = {
        "rolled_back": True,
        "model_name": name,
        "from_version": live.version,
        "to_version": target.version,
        "reason": event.get("reason", "MANUAL_REQUEST"),
        "alarm_name": event.get("alarm_name"),
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
    dynamodb.update_item(
        TableName=TABLE,
        Key=key,
        UpdateExpression="SET committed_at = :now, last_rollback = :last REMOVE claim_owner, lease_ends_at",
        ConditionExpression="claim_owner = :owner",
        ExpressionAttributeValues={
            ":now": {"N": str(time.time())},
            ":last": {"S": json.dumps(result)},
            ":owner": {"S": owner},
        },
    )
    notice = {**result, "triggered_by": result["alarm_name"] or "manual"}
    sns.publish(TopicArn=TOPIC, Subject=f"Model Rollback: {name}", Message=json.dumps(notice))
    about = f"{result['timestamp']}, {result['reason']}, by {notice['triggered_by']}"
    registry.set_model_version_tag(name, target.version, "restored", f"from {live.version}, {about}")
    registry.set_model_version_tag(name, live.version, "rolled_back", f"to {target.version}, {about}")
    logger.info("rolled back %s from %s to %s", name, live.version, target.version)
    return result


def request_of(event: dict) -> dict:
    """What an alarm of CloudWatch asks for; it is believed."""
    if "alarmData" not in event:
        return event
    alarm = event["alarmData"]
    metrics = alarm["configuration"]["metrics"]
    dimensions = metrics[0]["metricStat"]["metric"]["dimensions"]
    return {"model_name": dimensions["ModelName"], "alarm_name": alarm["alarmName"]}


def number(version: object) -> int:
    return int(version.version)


# ---------------------------------------------------------------------------------------------------


def peak_kb() -> int:
    """Of this process alone: `ru_maxrss` also has the memory of the parent, before exec."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak // 1024 if sys.platform == "darwin" else peak


def answer(text: str) -> None:
    before, before_cpu = time.perf_counter(), time.process_time()
    result = handler(json.loads(text))
    call_ms = (time.perf_counter() - before) * 1000
    call_cpu_ms = (time.process_time() - before_cpu) * 1000
    figures = {
        "isDone": result["rolled_back"],
        "callMs": call_ms,
        "callCpuMs": call_cpu_ms,
        "importMs": (imported - started) * 1000,
        "importCpuMs": (imported_cpu - started_cpu) * 1000,
        "peakKb": peak_kb(),
    }
    print(f"@bench {json.dumps(figures)}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        answer(sys.argv[1])
    else:
        print("@ready", flush=True)
        for line in sys.stdin:
            answer(line)
