#!/usr/bin/env bash
# cfn-lint 1.58.0 (Python 3.11): the list of IAM actions that W3037 compares with lacks
# cloudwatch:DescribeAlarmContributors, an action of its own in the API of CloudWatch.
#
# One would guess that a warning "not one of the actions" means a misspelt action. A policy that is right, for a
# function that reads which series of an alarm are in ALARM, is reported; a sibling action is not.
#
# Seen:
#   W3037 for DescribeAlarmContributors: 1
#   W3037 for DescribeAlarmHistory: 0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check cfn-lint==1.58.0
check() {
  cat > "$work/template.yaml" <<YAML
AWSTemplateFormatVersion: '2010-09-09'
Resources:
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Action: cloudwatch:$1
            Resource: '*'
YAML
  local count
  count=$("$work/venv/bin/cfn-lint" "$work/template.yaml" | grep -c W3037 || true)
  echo "W3037 for $1: $count"
  [ "$count" = "$2" ] || { echo "expected $2" >&2; exit 1; }
}
check DescribeAlarmContributors 1
check DescribeAlarmHistory 0
