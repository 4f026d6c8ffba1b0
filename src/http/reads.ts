import { isNotified } from '../app/announce.ts';
import type { RollbackDeps } from '../app/deps.ts';
import { explainInFull } from '../app/explain-in-full.ts';
import { readFleet } from '../app/read-fleet.ts';
import { readStatus } from '../app/read-status.ts';
import { responseOf } from '../domain/answer/response.ts';
import { InvalidRequestError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { parsePosition, positionText } from '../domain/record/list-position.ts';
import { modelNameOf } from '../domain/record/record.ts';
import { parseModelName } from '../domain/request/request.ts';
import { isRollbackId } from '../domain/request/rollback-operation.ts';
import { deadlineAfter } from '../ports/deadline.ts';
import type { ListPage } from '../ports/rollback-store.ts';
import type { Answer, HttpCall } from './http-call.ts';
import { HttpError } from './http-error.ts';
import { decodePart, pathAfter } from './path.ts';

/** The routes that read. */

/** True when the state can be read. The registry may be down: then alarms are deferred. */
export async function isReady({ store, clock }: RollbackDeps): Promise<object> {
  await store.list(null, deadlineAfter(clock, limits.readTimeoutMs), { limit: 1 });
  return { status: 'ready' };
}

/** All models on record, those that need a person first: `status --json`. */
export async function getModels({ deps, request, deadline }: HttpCall): Promise<Answer> {
  const { limit, before } = pageOf(request, []);
  const { models, next, unreadable, gaps } = await readFleet(deps, before, deadline);
  return {
    body: {
      models: models.slice(0, limit).map(({ latest, isNotified: notified, needs }) => ({
        ...responseOf(latest, { isNotified: notified }),
        needs_you: needs,
      })),
      not_shown: Math.max(0, models.length - limit),
      next: next === undefined ? null : positionText(next),
      unreadable,
      gaps,
    },
  };
}

/** One model: `status MODEL --json`. */
export async function getModel({ deps, request, deadline }: HttpCall): Promise<Answer> {
  const name = parseModelName(decodePart(pathAfter(request, '/v1/models/')));
  return { body: await readStatus(deps, name, deadline) };
}

/** What is on record, newest first: `history --json`. */
export async function getRollbacks({ deps, request, deadline }: HttpCall): Promise<Answer> {
  const page = pageOf(request, ['model']);
  const model = new URL(request.url).searchParams.get('model');
  const name = model === null ? null : parseModelName(model);
  const { records, next, unreadable } = await deps.store.list(name, deadline, page);
  return {
    body: {
      rollbacks: records.map(({ record, isNotified: notified }) =>
        responseOf(record, { isNotified: notified }),
      ),
      next: next === undefined ? null : positionText(next),
      unreadable,
    },
  };
}

/** One record: `explain ID --json`. */
export async function getRollback({ deps, request, deadline }: HttpCall): Promise<Answer> {
  const id = decodePart(pathAfter(request, '/v1/rollbacks/'));
  await requireRecord(deps, id, deadline);
  const { record, notice, explanation } = await explainInFull(deps, id, deadline);
  const answer = responseOf(record, { isNotified: isNotified({ record, notice }) });
  return { body: { ...answer, explanation } };
}

/** @throws HttpError when nothing has this id */
export async function requireRecord(
  { store }: RollbackDeps,
  id: string,
  deadline: HttpCall['deadline'],
): Promise<void> {
  const isKnown =
    isRollbackId(id) && (await store.read(modelNameOf(id), id, deadline)).record !== undefined;
  if (!isKnown) throw new HttpError('NotFoundError', 'There is no record with this id.');
}

// ---------------------------------------------------------------------------------------------------

/** @throws InvalidRequestError */
function pageOf(request: Request, others: readonly string[]): ListPage & { limit: number } {
  const { searchParams } = new URL(request.url);
  const known = ['limit', 'before', ...others];
  const unknown = [...searchParams.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new InvalidRequestError(
      `${JSON.stringify(unknown.slice(0, 80))} is no parameter of this route. Known: ${known.join(', ')}.`,
    );
  }
  const before = searchParams.get('before');
  return {
    limit: rowsOf(searchParams.get('limit')),
    ...(before === null ? {} : { before: parsePosition(before, 'before') }),
  };
}

function rowsOf(text: string | null): number {
  if (text === null) return limits.historyRows;
  const rows = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (rows >= 1 && rows <= limits.historyRowsMax) return rows;
  throw new InvalidRequestError(`limit must be a number from 1 to ${limits.historyRowsMax}.`);
}
