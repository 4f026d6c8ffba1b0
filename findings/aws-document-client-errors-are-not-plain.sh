#!/usr/bin/env bash
# AWS SDK for JavaScript v3 (@aws-sdk/lib-dynamodb 3.1164.0, Node 20 or newer): the document client gives plain
# values in its answers, and attribute values of the wire format in the item of a failed condition.
#
# One would guess that a client whose purpose is to hide {"S": "..."} hides it everywhere. Code that asks for the
# item that was in the way (ReturnValuesOnConditionCheckFailure: ALL_OLD) and compares its owner compares a text
# with an object, which is never equal.
#
# Seen (a server on this machine answers as DynamoDB does):
#   the answer of GetCommand: owner is "run-1"
#   the error of PutCommand: owner is {"S":"run-1"}
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund @aws-sdk/client-dynamodb@3.1164.0 @aws-sdk/lib-dynamodb@3.1164.0
cat > try.mjs <<'JS'
import { createServer } from 'node:http';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';

const Item = { id: { S: 'claim' }, owner: { S: 'run-1' } };
const refusal = {
  __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException',
  message: 'The conditional request failed',
  Item,
};
const server = createServer((request, response) => {
  const isPut = request.headers['x-amz-target'].endsWith('PutItem');
  response.writeHead(isPut ? 400 : 200, { 'content-type': 'application/x-amz-json-1.0' });
  response.end(JSON.stringify(isPut ? refusal : { Item }));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const client = DynamoDBDocumentClient.from(
  new DynamoDBClient({
    endpoint: `http://127.0.0.1:${server.address().port}`,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'example', secretAccessKey: 'example' },
    maxAttempts: 1,
  }),
);
const answer = await client.send(new GetCommand({ TableName: 'claims', Key: { id: 'claim' } }));
const put = new PutCommand({
  TableName: 'claims',
  Item: { id: 'claim', owner: 'run-2' },
  ConditionExpression: 'attribute_not_exists(id)',
  ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
});
const error = await client.send(put).then(() => null, (thrown) => thrown);
for (const [label, owner, expected] of [
  ['the answer of GetCommand', answer.Item.owner, '"run-1"'],
  ['the error of PutCommand', error.Item.owner, '{"S":"run-1"}'],
]) {
  const seen = JSON.stringify(owner);
  console.log(`${label}: owner is ${seen}`);
  if (seen !== expected) throw new Error(`expected ${expected}`);
}
process.exit(0);
JS
NODE_NO_WARNINGS=1 node try.mjs
