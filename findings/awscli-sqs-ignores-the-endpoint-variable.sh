#!/usr/bin/env bash
# AWS CLI 1.46.3 (awscli of PyPI, Python 3.11): AWS_ENDPOINT_URL sends every service to a local engine but SQS.
#
# One would guess that the variable holds for all services. `aws sqs` goes on to the public address, so a test
# against a local engine talks to AWS, with whatever credentials are set. The variable of the service alone,
# AWS_ENDPOINT_URL_SQS, is ignored as well; the option --endpoint-url works.
#
# Seen (host of the request):
#   sns, AWS_ENDPOINT_URL: 127.0.0.1
#   sqs, AWS_ENDPOINT_URL: eu-west-1.queue.amazonaws.com
#   sqs, AWS_ENDPOINT_URL_SQS: eu-west-1.queue.amazonaws.com
#   sqs, --endpoint-url: 127.0.0.1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check awscli==1.46.3
local=http://127.0.0.1:9
# Port 9 takes nothing, and what would leave this machine goes to it too: only the address that is tried counts.
export HTTPS_PROXY=$local NO_PROXY=127.0.0.1 AWS_MAX_ATTEMPTS=1 AWS_CONFIG_FILE=$work/none
export AWS_ACCESS_KEY_ID=example AWS_SECRET_ACCESS_KEY=example AWS_DEFAULT_REGION=eu-west-1
host() {
  (env "$1" "$work/venv/bin/aws" --debug "${@:2}" 2>&1 || true) |
    sed -n "s#.*'url': 'https\{0,1\}://\([^/:']*\).*#\1#p" | head -n 1
}
check() {
  printf '%s: %s\n' "$1" "$3"
  [ "$2" = "$3" ] || { echo "expected $2" >&2; exit 1; }
}
check 'sns, AWS_ENDPOINT_URL' 127.0.0.1 "$(host AWS_ENDPOINT_URL=$local sns list-topics)"
check 'sqs, AWS_ENDPOINT_URL' eu-west-1.queue.amazonaws.com "$(host AWS_ENDPOINT_URL=$local sqs list-queues)"
check 'sqs, AWS_ENDPOINT_URL_SQS' eu-west-1.queue.amazonaws.com "$(host AWS_ENDPOINT_URL_SQS=$local sqs list-queues)"
check 'sqs, --endpoint-url' 127.0.0.1 "$(host NONE= --endpoint-url $local sqs list-queues)"
