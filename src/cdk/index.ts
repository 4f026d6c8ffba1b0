export { modelTag } from '../domain/alarm/alarm.ts';
export {
  comparisonPolicy,
  type HttpResources,
  httpPolicy,
  promotionPolicy,
} from './companion-policy.ts';
export type { CompanionProps } from './companion-props.ts';
export { FleetRollBack, type FleetRollBackProps } from './fleet-roll-back.ts';
export { functionPolicy, type PolicyEntry, type PolicyResources } from './function-policy.ts';
export type { MachineProps } from './make-machine.ts';
export { type AddAlarmOptions, type EventRuleOptions, ModelRollback } from './model-rollback.ts';
export type { ModelRollbackProps } from './model-rollback-props.ts';
export { PromoteAndWatch, type PromoteAndWatchProps } from './promote-and-watch.ts';
export { RollBackTask, type RollBackTaskProps } from './roll-back-task.ts';
export { StateTable, type StateTableProps } from './state-table.ts';
