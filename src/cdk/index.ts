export { modelTag } from './alarm-wiring.ts';
export { functionPolicy, type PolicyEntry, type PolicyResources } from './function-policy.ts';
export { type AddAlarmOptions, type EventRuleOptions, ModelRollback } from './model-rollback.ts';
export type { ModelRollbackProps } from './model-rollback-props.ts';
export { StateTable, type StateTableProps } from './state-table.ts';
