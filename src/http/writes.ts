import { InvalidRequestError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { parseModelName, parseRequest } from '../domain/request/request.ts';
import { answerEvent } from '../lambda/answer-event.ts';
import { answerPromotion } from '../lambda/answer-promotion.ts';
import type { Caller } from './access.ts';
import type { Answer, HttpCall } from './http-call.ts';
import { HttpError } from './http-error.ts';
import { pathAfter, splitVerb } from './path.ts';
import { readJson } from './read-body.ts';
import { requireRecord } from './reads.ts';

/** The routes that act. Each becomes an event of the function, and is answered as one. */

/** A request (docs/reference/request.md). */
export async function requestRollback(call: HttpCall): Promise<Answer> {
  const body = await readJson(call.request);
  // An operation, which stands in another route, must not be taken for a request with a field too many.
  if (isObject(body) && body['operation'] !== undefined && body['operation'] !== null) {
    throw new InvalidRequestError(
      'operation is no field of a request. Undo, freeze and the like have routes of their own. Nothing was done.',
    );
  }
  parseRequest(body);
  return { body: await act(call, body) };
}

/** `POST /v1/rollbacks/ID/approve`, and `/reject` */
export async function decideRollback(call: HttpCall): Promise<Answer> {
  const { name: id, verb } = splitVerb(pathAfter(call.request, '/v1/rollbacks/'));
  if (!recordVerbs.includes(verb)) throw noVerb(recordVerbs);
  const fields = await operationFields(call.request, ['rollback_id']);
  await requireRecord(call.deps, id, call.deadline);
  return { body: await act(call, { ...fields, operation: verb, rollback_id: id }) };
}

/** `POST /v1/models/NAME/VERB` */
export async function decide(call: HttpCall): Promise<Answer> {
  const { name, verb } = splitVerb(pathAfter(call.request, '/v1/models/'));
  if (!modelVerbs.includes(verb)) throw noVerb(modelVerbs);
  const model_name = parseModelName(name);
  if (verb === 'promote') return { body: await promoteModel(call, model_name) };
  const fields = await operationFields(call.request, ['model_name', 'rollback_id', 'fleet']);
  return { body: await act(call, { ...fields, operation: verb, model_name }) };
}

// ---------------------------------------------------------------------------------------------------

const recordVerbs: readonly string[] = ['approve', 'reject'];
const modelVerbs: readonly string[] = ['undo', 'freeze', 'unfreeze', 'pause', 'resume', 'promote'];

type Fields = Readonly<Record<string, unknown>>;

/** `POST /v1/models/NAME/promote`: a promotion, which is no operation. */
async function promoteModel(call: HttpCall, model_name: string): Promise<unknown> {
  const { deps, caller, deadline, report, evidence = null } = call;
  if (evidence === null) {
    throw new HttpError('NotImplementedError', 'This service does not promote. Nothing was done.');
  }
  const fields = await operationFields(call.request, ['model_name']);
  const body = { ...fields, ...requestedBy(fields, caller), model_name };
  const invocationId = `http:${deps.identity.random()}`;
  return await answerPromotion({ ...deps, evidence }, body, { invocationId, deadline, report });
}

async function act({ deps, caller, deadline, report }: HttpCall, body: unknown): Promise<unknown> {
  const event = isObject(body) ? { ...body, ...requestedBy(body, caller) } : body;
  const invocationId = `http:${deps.identity.random()}`;
  return await answerEvent(deps, event, { invocationId, deadline, report });
}

/** Who asks: the name of the token, beside whoever the caller names. */
function requestedBy(body: Fields, { name }: Caller): Fields {
  const given = body['requested_by'];
  if (name === null) return {};
  if (typeof given !== 'string' || given === '') return { requested_by: name };
  const both = `${given} (token ${name})`;
  return { requested_by: both.length <= limits.textLengthMax ? both : `token ${name}` };
}

/** @param own what the path says already */
async function operationFields(request: Request, own: readonly string[]): Promise<Fields> {
  const body = (await readJson(request)) ?? {};
  if (!isObject(body)) {
    throw new InvalidRequestError('The body must be a JSON object, or empty. Nothing was done.');
  }
  const repeated = ['operation', ...own].find((name) => Object.hasOwn(body, name));
  if (repeated === undefined) return body;
  throw new InvalidRequestError(`${repeated} is in the path already: leave it out of the body.`);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function noVerb(verbs: readonly string[]): HttpError {
  return new HttpError(
    'NotFoundError',
    `This path must end in one of ${verbs.join(', ')}. See docs/reference/http.md.`,
  );
}
