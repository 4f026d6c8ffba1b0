/** A refusal by Unity Catalog. */
interface UnityRefusal {
  readonly errorCode: string | null;
  readonly message: string;
  readonly status: number;
}

/** What to do about a refusal by Unity Catalog; null where it is nothing of its own. */
export function unityFix(
  { errorCode, message, status }: UnityRefusal,
  {
    call,
    login: { source },
  }: { readonly call: string; readonly login: { readonly source: string } },
): string | null {
  if (errorCode === 'METASTORE_DOES_NOT_EXIST') {
    return 'This workspace has no Unity Catalog. Set MLFLOW_TRACKING_URI to databricks for the registry of the workspace.';
  }
  // An old token is 403 at some workspaces, and 401 at others.
  const isLogin = /(access |expired |invalid )token|token (is|has) /i.test(message);
  if (status === 401 || (status === 403 && isLogin)) return `Check ${source}.`;
  if (status === 403) return privilegeText(call);
  if (status === 404 && errorCode === null) {
    return 'There is no Unity Catalog at this address: check that DATABRICKS_HOST is the address of a workspace.';
  }
  return null;
}

/** Who may set an alias, for people. */
export const aliasOwnerText: string =
  'Only the owner of a registered model, or an admin of the metastore, may set its aliases; they also need ' +
  'USE CATALOG and USE SCHEMA on what is above it.';

// ---------------------------------------------------------------------------------------------------

function privilegeText(call: string): string {
  if (call === 'set-alias') {
    return `${aliasOwnerText} Make this login the owner, or a group that it is in.`;
  }
  const above = 'USE CATALOG on its catalog and USE SCHEMA on its schema';
  return call === 'set-tag'
    ? `This login needs APPLY TAG on the registered model, ${above}.`
    : `This login needs EXECUTE on the registered model, ${above}.`;
}
