import type { Deadline } from '../../ports/deadline.ts';
import type { PointedModels } from '../../ports/surroundings.ts';
import type { MLflowReader } from './mlflow-reader.ts';
import { parsePointedModels } from './mlflow-schema.ts';

/**
 * A page of registered models with their aliases and the stages of their latest versions.
 * @param from the token of the page; null for the first
 * @throws RegistryRefusedError, RegistryUnavailableError, ConfigurationError when there is no login
 */
export async function surveyPointers(
  reader: MLflowReader,
  { from, rowsMax }: { readonly from: string | null; readonly rowsMax: number },
  deadline: Deadline,
): Promise<PointedModels> {
  const query = new URLSearchParams({
    max_results: String(rowsMax),
    order_by: 'name ASC',
    ...(from === null ? {} : { page_token: from }),
  });
  const reading = { modelName: null, deadline, parse: parsePointedModels };
  const page = await reader.list('registered-models/search', query, rowsMax, reading);
  return { models: page.rows, next: page.nextToken === '' ? null : page.nextToken };
}
