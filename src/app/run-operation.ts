import { commandText } from '../domain/command-line.ts';
import { isoTime } from '../domain/registry/model.ts';
import type { Operation, PolicyOperation } from '../domain/request/operation.ts';
import { type PolicyAnswer, policyFields } from '../domain/request/policy.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { SendingDeps } from './announce.ts';
import { freeze, unfreeze } from './freeze.ts';
import { pauseAutomation, quarantineVersion, releaseVersion, resumeAutomation } from './operate.ts';
import type { AtRegistry } from './operator.ts';
import { setPolicy, unsetPolicy } from './policy.ts';

/** The answer to an operation (docs/reference/operations.md). */
export interface OperationAnswer {
  readonly operation: Operation['verb'] | 'reject';
  /** What was rejected; given for `reject`. */
  readonly rollback_id?: string;
  /** Null: all models. */
  readonly model_name: string | null;
  readonly fleet: boolean;
  readonly version: string | null;
  /** The whole policy of the model after it; given for `policy-set` and `policy-unset`. */
  readonly policy?: PolicyAnswer;
  /** ISO 8601, UTC; of a freeze, or of the one that was ended. */
  readonly until: string | null;
  /** False when it held already, or there was nothing to end. */
  readonly changed: boolean;
  /** One sentence on what happened. */
  readonly message: string;
  readonly requested_by: string | null;
  readonly reason: string | null;
  readonly timestamp: string;
}

/**
 * Carries out what a person decided.
 * @throws StateStoreUnavailableError, StateCorruptError, RollbackInProgressError
 */
export async function runOperation(
  deps: SendingDeps & AtRegistry,
  operation: Operation,
  deadline: Deadline,
): Promise<OperationAnswer> {
  const { verb, modelName, requestedBy: by, reason } = operation;
  const done = await carryOutOperation(deps, operation, deadline);
  return {
    operation: verb,
    model_name: modelName,
    fleet: modelName === null,
    version: 'version' in operation ? operation.version : null,
    until: null,
    ...done,
    requested_by: by,
    reason,
    timestamp: isoTime(deps.clock.nowMs()),
  };
}

// ---------------------------------------------------------------------------------------------------

type Done = Pick<OperationAnswer, 'changed' | 'message' | 'policy'> &
  Partial<Pick<OperationAnswer, 'until'>>;

async function changePolicy(
  deps: SendingDeps & AtRegistry,
  operation: PolicyOperation,
  deadline: Deadline,
): Promise<Done> {
  const { verb, modelName, requestedBy: by, reason } = operation;
  const { policy, before } =
    verb === 'policy-set'
      ? await setPolicy(deps, modelName, operation.policy, { by, reason }, deadline)
      : await unsetPolicy(deps, modelName, operation.fields, { by, reason }, deadline);
  if (before.size === 0) {
    const was = verb === 'policy-set' ? 'has these values already' : 'sets none of these fields';
    return {
      changed: false,
      policy,
      message: `The policy of ${modelName} ${was}. Nothing was done.`,
    };
  }
  const changes = [...before].map(([name, old]) => {
    const was = old === undefined ? 'not set' : policyFields[name].shown(old);
    return verb === 'policy-set'
      ? `${name} is ${policy[name]} (before: ${was})`
      : `${name} is not set any more (it was ${was})`;
  });
  const end = verb === 'policy-set' ? '' : ' The variables and defaults apply again.';
  return {
    changed: true,
    policy,
    message: `The policy of ${modelName}: ${changes.join('; ')}.${end}`,
  };
}

async function carryOutOperation(
  deps: SendingDeps & AtRegistry,
  operation: Operation,
  deadline: Deadline,
): Promise<Done> {
  const { modelName, requestedBy: by } = operation;
  const name = modelName === null ? 'all models' : modelName;
  switch (operation.verb) {
    case 'freeze': {
      const made = await freeze(deps, modelName, { ...operation, by }, deadline);
      const until = isoTime(made.untilMs);
      return { changed: true, until, message: `Rollbacks of ${name} are frozen until ${until}.` };
    }
    case 'unfreeze': {
      const ended = await unfreeze(deps, modelName, { ...operation, by }, deadline);
      return ended === null
        ? {
            changed: false,
            message: notFrozenText(modelName),
          }
        : {
            changed: true,
            until: isoTime(ended.untilMs),
            message: `Rollbacks of ${name} are allowed again. They were frozen because: ${ended.reason}`,
          };
    }
    case 'pause': {
      const before = await pauseAutomation(deps, modelName, { ...operation, by }, deadline);
      const was = before === null ? '' : ` It was paused before because: ${before.message}`;
      return {
        changed: true,
        message: `Automation of ${name} is paused: alarms do not roll back until somebody resumes it.${was}`,
      };
    }
    case 'resume': {
      const pause = await resumeAutomation(deps, modelName, { ...operation, by }, deadline);
      return pause === null
        ? { changed: false, message: `Automation of ${name} was not paused. Nothing was done.` }
        : {
            changed: true,
            message: `Automation of ${name} is resumed. It was paused because: ${pause.message}`,
          };
    }
    case 'quarantine': {
      const isNew = await quarantineVersion(deps, operation, { ...operation, by }, deadline);
      const what = `Version ${operation.version} of ${name}`;
      return isNew
        ? { changed: true, message: `${what} is in quarantine: no rollback chooses it.` }
        : {
            changed: false,
            message: `${what} was in quarantine already. Your reason is on record.`,
          };
    }
    case 'policy-set':
    case 'policy-unset':
      return await changePolicy(deps, operation, deadline);
    default: {
      const isReleased = await releaseVersion(deps, operation, { ...operation, by }, deadline);
      const what = `Version ${operation.version} of ${name}`;
      return isReleased
        ? { changed: true, message: `${what} is out of quarantine.` }
        : {
            changed: false,
            message: `${what} was not in quarantine. If an earlier rollback left a tag on it in MLflow, that tag no longer counts.`,
          };
    }
  }
}

/** A freeze of all models is another one. */
function notFrozenText(modelName: string | null): string {
  if (modelName === null) return 'There is no freeze of all models. Nothing was done.';
  const all = commandText('unfreeze', [], { fleet: true });
  return `${modelName} has no freeze of its own. Nothing was done. To end a freeze of all models, run ${all}.`;
}
