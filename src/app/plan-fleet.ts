import { InvalidRequestError, ModelNotFoundError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import type { ModelTag } from '../domain/registry/model.ts';
import { type FleetPlan, type FleetRequest, planOfFleet } from '../domain/request/fleet-request.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';

/**
 * Finds the models of a fleet run. Reads only: each model is then a request of its own, with all its
 * guards. A tag that picks nothing is an error, since it is misspelt more often than not.
 * @throws InvalidRequestError for too many models, ModelNotFoundError for none, RegistryRefusedError,
 * RegistryUnavailableError
 */
export async function planFleet(
  { registry }: { readonly registry: ModelRegistry },
  request: FleetRequest,
  deadline: Deadline,
): Promise<FleetPlan> {
  const { selection } = request;
  if (selection.kind === 'list') return planOfFleet(request, selection.models);
  const { names, isComplete } = await registry.listByTag(
    selection.tag,
    limits.fleetModelsMax,
    deadline,
  );
  if (!isComplete) throw tooMany(selection.tag);
  if (names.length === 0) throw nothingFound(registry.address, selection.tag);
  return planOfFleet(request, names);
}

// ---------------------------------------------------------------------------------------------------

function tooMany({ key, value }: ModelTag): InvalidRequestError {
  return new InvalidRequestError(
    `The tag ${JSON.stringify(key)} with the value ${JSON.stringify(value)} picks more models than the ` +
      `${limits.fleetModelsMax} that a fleet run takes, or is on more than ` +
      `${limits.tagPageRows * limits.tagPagesMax} versions. Start several runs, each with its own list of ` +
      'models. Nothing was done.',
  );
}

function nothingFound(address: string, { of, key, value }: ModelTag): ModelNotFoundError {
  const whose = of === 'model' ? 'No registered model' : 'No live version';
  return new ModelNotFoundError(
    `${whose} of the registry ${address} has the tag ${JSON.stringify(key)} with the value ` +
      `${JSON.stringify(value)}. Check both: upper and lower case matter. Nothing was done.`,
  );
}
