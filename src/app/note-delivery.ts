import { ModelNotFoundError } from '../domain/errors.ts';
import { type AliasChange, parseAliasChange } from '../domain/pointer/webhook.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RollbackDeps } from './deps.ts';
import { noteAliasChange } from './note-alias-change.ts';
import { readModel } from './read-model.ts';

/** What a webhook of MLflow led to. */
export interface NotedDelivery {
  readonly result: 'noted' | 'known' | 'ignored';
  /** A sentence. */
  readonly why: string;
}

/** A delivery whose sender is known. */
export interface Delivery {
  readonly id: string;
  /** As it was parsed, and no more. */
  readonly body: unknown;
  /** The workspace that this registry stands for; null where it has none, or the default one. */
  readonly workspace: string | null;
}

/**
 * Adds what a webhook of MLflow reports to the live log, once for all its deliveries. It never rolls back. The
 * registry is read first: a version that it does not have was not live, and MLflow may send what happened in another
 * workspace, or to an earlier model of the name.
 * @throws InvalidRequestError for what is no webhook of MLflow
 * @throws ModelRollbackError what a retry can cure
 */
export async function noteDelivery(
  deps: RollbackDeps,
  { id, body, workspace }: Delivery,
  deadline: Deadline,
): Promise<NotedDelivery> {
  const change = parseAliasChange(body, id);
  const answer =
    change === null
      ? ignored('Only changes of aliases are of interest.')
      : (otherWorkspace(body, workspace) ?? (await noteChange(deps, change, deadline)));
  deps.logger.log('info', 'webhook of mlflow', {
    ...answer,
    delivery_id: id,
    ...(change === null ? {} : { model_name: change.modelName, alias: change.alias }),
  });
  return answer;
}

// ---------------------------------------------------------------------------------------------------

function ignored(why: string): NotedDelivery {
  return { result: 'ignored', why };
}

async function noteChange(
  deps: RollbackDeps,
  change: AliasChange,
  deadline: Deadline,
): Promise<NotedDelivery> {
  const { modelName, version, atMs } = change;
  const include = version === null ? [] : [version];
  try {
    const { snapshot } = await readModel(deps, { modelName, include }, deadline);
    const rows = [...snapshot.live, ...snapshot.others];
    const found = rows.find((row) => row.version === version);
    if (version !== null && found === undefined) {
      return ignored('The registry does not have this version.');
    }
    if (found !== undefined && found.createdAtMs > atMs) {
      return ignored('The version was made later: this is about an earlier model of the name.');
    }
  } catch (error) {
    if (error instanceof ModelNotFoundError) return ignored('The registry has no such model.');
    throw error;
  }
  const result = await noteAliasChange(deps, change, deadline);
  return { result, why: meanings[result] };
}

/** A server with workspaces names one in each delivery, and may send those of others too. */
function otherWorkspace(body: unknown, own: string | null): NotedDelivery | null {
  const isNamed = typeof body === 'object' && body !== null && 'workspace' in body;
  const given = isNamed ? body.workspace : null;
  const isOwn = own === null ? [null, undefined, 'default'].includes(given as null) : given === own;
  return isOwn ? null : ignored('It is about another workspace.');
}

const meanings = {
  noted: 'The live log has it.',
  known: 'The live log had it already.',
  ignored: 'No pointer of this model is this alias.',
} as const;
