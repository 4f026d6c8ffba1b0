/** The library: every public name. `docs/reference/library.md` shows how to use it. */

export {
  type MemoryAlarmExtras,
  MemoryAlarmReader,
} from './adapters/memory/memory-alarm-reader.ts';
export { MemoryModelRegistry } from './adapters/memory/memory-model-registry.ts';
export { MemoryRollbackStore } from './adapters/memory/memory-rollback-store.ts';
export { SQLiteRollbackStore } from './adapters/sqlite/sqlite-rollback-store.ts';
export { jsonLogger } from './adapters/system/json-logger.ts';
export { systemClock } from './adapters/system/system-clock.ts';
export { systemIdentity } from './adapters/system/system-identity.ts';
export { canPromote, type PromotionAnswer } from './app/can-promote.ts';
export {
  type CompareCall,
  type CompareDeps,
  type ComparisonAnswer,
  compareModels,
  keptFor,
} from './app/compare-models.ts';
export type { EvidenceReader } from './app/decide-promotion.ts';
export type { RollbackDeps, RollbackSettings } from './app/deps.ts';
export { handleAlarm } from './app/handle-alarm.ts';
export { noteAliasChange } from './app/note-alias-change.ts';
export { type PolicyReading, readPolicy } from './app/policy.ts';
export { type PromotionCall, type PromotionDeps, promote } from './app/promote.ts';
export { type Promotion, reportPromotion } from './app/report-promotion.ts';
export { type RollbackCall, rollBack } from './app/roll-back.ts';
export { type OperationAnswer, runOperation } from './app/run-operation.ts';
export { sweep } from './app/sweep.ts';
export type { SweepReport } from './app/sweep-report.ts';
export { type Undo, undoRequest } from './app/undo.ts';
export type { Composed, ComposeOptions } from './assemble.ts';
export { compose, openComparison } from './compose.ts';
export { openRows, openRules } from './compose-compare.ts';
export { type Config, configFromEnv, type Env } from './config/config-from-env.ts';
export type { Surface } from './config/store-settings.ts';
export type {
  AlarmContributor,
  AlarmDescription,
  AlarmRef,
  AlarmState,
  AlarmSubject,
  AlarmTransition,
  ChangeToAlarm,
  ContributorInAlarm,
  Dimension,
  MessageOrigin,
} from './domain/alarm/alarm.ts';
export {
  type AlarmPayload,
  parseAlarmPayload,
  parseAlarmText,
} from './domain/alarm/alarm-payload.ts';
export { type AlarmSettings, defaultAlarmSettings } from './domain/alarm/alarm-settings.ts';
export type { PromotionResponse } from './domain/answer/promotion.ts';
export { type RollbackResponse, responseOf } from './domain/answer/response.ts';
export type { ConfirmedPlan } from './domain/decide/guard-answer.ts';
export { Outcome } from './domain/decide/outcome.ts';
export type { Plan } from './domain/decide/plan.ts';
export {
  ConfigurationError,
  ErrorCode,
  InvalidRequestError,
  isModelRollbackError,
  ModelNotFoundError,
  ModelRollbackError,
  RegistryRefusedError,
  RegistryUnavailableError,
  RollbackInProgressError,
  StateCorruptError,
  StateStoreUnavailableError,
  VersionNotFoundError,
} from './domain/errors.ts';
export { Decision, type Evidence, type EvidencePair } from './domain/evidence/evidence.ts';
export { parseRules } from './domain/evidence/parse-rules.ts';
export type { RowTable } from './domain/evidence/rows.ts';
export type { MetricRule, Rules, SliceRule } from './domain/evidence/rules.ts';
export { type Hook, type HookAnswer, type HookRequest, parseHook } from './domain/hook.ts';
export { type AliasChange, parseAliasChange } from './domain/pointer/webhook.ts';
export type { Notice } from './domain/record/notice-content.ts';
export type { OutboxNotice } from './domain/record/outbox.ts';
export type { RollbackRecord, RollbackStatus, StoreChange } from './domain/record/record.ts';
export type { AlarmTrigger } from './domain/record/trigger.ts';
export type { ModelVersion, RegistrySnapshot } from './domain/registry/model.ts';
export type { ModelPointer } from './domain/registry/pointer.ts';
export { type Operation, parseOperation } from './domain/request/operation.ts';
export type {
  ModelPolicy,
  PolicyAnswer,
  PolicyFieldName,
} from './domain/request/policy.ts';
export { parsePromotion } from './domain/request/promotion-request.ts';
export {
  parseRequest,
  Reason,
  RefusalCode,
  type RollbackRequest,
  type Warning,
} from './domain/request/request.ts';
export type { FleetState, Pause } from './domain/state/fleet.ts';
export type { LastCommit, ModelState } from './domain/state/model-state.ts';
export type { AlarmAnswer, AlarmReader, HistorySpan } from './ports/alarm-reader.ts';
export type { Clock } from './ports/clock.ts';
export { type Deadline, deadlineAfter } from './ports/deadline.ts';
export type { EvaluationReader } from './ports/evaluation-reader.ts';
export type { EvidenceStore } from './ports/evidence-store.ts';
export type { HookCaller } from './ports/hook-caller.ts';
export type { Identity } from './ports/identity.ts';
export type { Logger } from './ports/logger.ts';
export type { ModelRegistry, MoveAnswer } from './ports/model-registry.ts';
export type { NoticeResult, Notifier } from './ports/notifier.ts';
export type { DueItem, RecordList, RollbackStore, StoreView } from './ports/rollback-store.ts';
