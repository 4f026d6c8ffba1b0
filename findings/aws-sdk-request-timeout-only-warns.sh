#!/usr/bin/env bash
# AWS SDK for JavaScript v3 (@smithy/node-http-handler 4.14.2, @aws-sdk/client-dynamodb 3.1164.0, Node 20 or newer):
# requestTimeout ends no request; it writes a warning, and the call goes on for as long as the server takes.
#
# One would guess that a timeout is one. With requestTimeout alone a call is as long as the server makes it, and
# a function ends by its own timeout instead of by an error that it can handle. The second option,
# throwOnRequestTimeout, makes it a timeout.
#
# Seen (a server that answers after 2000 ms):
#   requestTimeout 300: an answer, after the server's 2000 ms: true
#   requestTimeout 300, throwOnRequestTimeout: TimeoutError, after the server's 2000 ms: false
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund @smithy/node-http-handler@4.14.2 @aws-sdk/client-dynamodb@3.1164.0
cat > try.mjs <<'JS'
import { createServer } from 'node:http';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { NodeHttpHandler } from '@smithy/node-http-handler';

const SERVER_MS = 2000;
const server = createServer((_request, response) => {
  response.setHeader('content-type', 'application/x-amz-json-1.0');
  setTimeout(() => response.end('{"TableNames":[]}'), SERVER_MS);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const both = { requestTimeout: 300, throwOnRequestTimeout: true };
const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };
for (const [label, options, expected] of [
  ['requestTimeout 300', { requestTimeout: 300 }, 'an answer true'],
  ['requestTimeout 300, throwOnRequestTimeout', both, 'TimeoutError false'],
]) {
  const client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${server.address().port}`,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'example', secretAccessKey: 'example' },
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({ ...options, logger: quiet }),
  });
  const start = performance.now();
  const end = await client.send(new ListTablesCommand({})).then(
    () => 'an answer',
    (error) => error.name,
  );
  const isLate = performance.now() - start > SERVER_MS - 50;
  console.log(`${label}: ${end}, after the server's ${SERVER_MS} ms: ${isLate}`);
  if (`${end} ${isLate}` !== expected) throw new Error(`expected ${expected}`);
}
process.exit(0);
JS
NODE_NO_WARNINGS=1 node try.mjs
