/** The registered model that a drill makes for itself; nobody loads it. */

const prefix = 'model-rollback-drill-';

/** @param id 8 digits or more, in lower-case hex, of a drill */
export function drillModelName(id: string): string {
  return `${prefix}${id}`;
}

/** True for a name that a drill makes: its notices say that it is one, whoever sends them. */
export function isDrillModel(modelName: string): boolean {
  return modelName.startsWith(prefix) && /^[0-9a-f]{8,}$/.test(modelName.slice(prefix.length));
}
