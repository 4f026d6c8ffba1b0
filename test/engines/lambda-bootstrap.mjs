// What the runtime of `nodejs24.x` does, as far as a function notices: the import of the function is the
// init phase, then one event after the other. Plain JavaScript, since taking types out would count as
// start-up time; on sockets, since AWS's own client is native code: what the function imports must not
// be loaded already, or its start would look shorter than it is.
const { connect } = process.getBuiltinModule('node:net');

const { AWS_LAMBDA_RUNTIME_API: api, LAMBDA_TASK_ROOT: taskRoot, _HANDLER: wanted } = process.env;
const [host, port] = api.split(':');

let handler;
try {
  const [file, name] = wanted.split('.');
  ({ [name]: handler } = await import(`file://${taskRoot}/${file}.mjs`));
  if (typeof handler !== 'function') {
    throw named('Runtime.HandlerNotFound', `${wanted} is undefined or not exported`);
  }
} catch (error) {
  await call('POST', 'init/error', failureOf(error));
  process.exit(1);
}

for (;;) {
  const { status, headers, body } = await call('GET', 'invocation/next');
  // Nobody has an event any more. The real service never says so; it is for tests, which see then what
  // the function left behind: with nothing left the process ends by itself.
  if (status === 410) break;
  const id = headers['lambda-runtime-aws-request-id'];
  const trace = headers['lambda-runtime-trace-id'];
  if (trace === undefined) delete process.env._X_AMZN_TRACE_ID;
  else process.env._X_AMZN_TRACE_ID = trace;
  let ended;
  try {
    const answer = await handler(JSON.parse(body), contextOf(id, headers));
    ended = ['response', textOf(answer)];
  } catch (error) {
    ended = ['error', failureOf(error)];
  }
  const { status: told } = await call('POST', `invocation/${id}/${ended[0]}`, ended[1]);
  if (told !== 202) throw new Error(`the answer to ${id} was refused (${told})`);
}

function contextOf(awsRequestId, headers) {
  const deadlineMs = Number(headers['lambda-runtime-deadline-ms']);
  return {
    awsRequestId,
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => Math.max(deadlineMs - Date.now(), 0),
  };
}

function textOf(answer) {
  try {
    return JSON.stringify(answer === undefined ? null : answer);
  } catch {
    throw named('Runtime.JSONStringifyError', 'Unable to stringify response body');
  }
}

function failureOf(error) {
  const failure =
    error instanceof Error
      ? { errorType: error.name, errorMessage: error.message, trace: error.stack.split('\n') }
      : { errorType: typeof error, errorMessage: String(error), trace: [] };
  return JSON.stringify(failure);
}

function named(name, message) {
  return Object.assign(new Error(message), { name });
}

/** One connection for each call; its end is the end of the answer. */
function call(method, path, text = '') {
  const { promise, resolve, reject } = Promise.withResolvers();
  const chunks = [];
  const socket = connect({ host, port: Number(port) });
  socket.on('error', reject);
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('end', () => resolve(parse(Buffer.concat(chunks).toString())));
  socket.write(
    [
      `${method} /2018-06-01/runtime/${path} HTTP/1.1`,
      `Host: ${api}`,
      'Connection: close',
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(text)}`,
      '',
      text,
    ].join('\r\n'),
  );
  return promise;
}

/** Of a server that tells the length, so the body comes in one piece. */
function parse(answer) {
  const end = answer.indexOf('\r\n\r\n');
  const [first, ...lines] = answer.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status: Number(first.split(' ')[1]), headers, body: answer.slice(end + 4) };
}
