/** The registry as plans and records name it: two workspaces may have models of one name. */
export function registryAddress(url: string, workspace: string | null): string {
  return workspace === null ? url : `${url}${beforeWorkspace}${workspace})`;
}

/**
 * True when what was stored for one address is about the registry at this one. Releases before 0.2 stored
 * no workspace; the state has a part of its own for each anyway.
 */
export function isSameRegistry(stored: string, address: string): boolean {
  return stored === address || address.startsWith(`${stored}${beforeWorkspace}`);
}

// ---------------------------------------------------------------------------------------------------

const beforeWorkspace = ' (workspace ';
