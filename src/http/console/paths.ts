/** The addresses of the pages. */
export function modelPath(modelName: string): string {
  return `/models/${encodeURIComponent(modelName)}`;
}

export function planPath(
  modelName: string,
  query: Readonly<Record<string, string>> = {},
  overrides: readonly string[] = [],
): string {
  return `${modelPath(modelName)}/plan${queryText(query, overrides)}`;
}

export function evidencePath(modelName: string): string {
  return `${modelPath(modelName)}/evidence`;
}

/** An id has a slash before its last part, which stands in the path as it is. */
export function rollbackPath(
  rollbackId: string,
  verb?: 'approve' | 'undo',
  overrides: readonly string[] = [],
): string {
  const end = rollbackId.lastIndexOf('/');
  const page = `/rollbacks/${encodeURIComponent(rollbackId.slice(0, end))}${rollbackId.slice(end)}`;
  return verb === undefined ? page : `${page}/${verb}${queryText({}, overrides)}`;
}

// ---------------------------------------------------------------------------------------------------

function queryText(query: Readonly<Record<string, string>>, overrides: readonly string[]): string {
  const all = new URLSearchParams([
    ...Object.entries(query),
    ...overrides.map((code) => ['override', code] as [string, string]),
  ]).toString();
  return all === '' ? '' : `?${all}`;
}
