import { MemoryModelRegistry } from '../../src/adapters/memory/memory-model-registry.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { promptTag } from '../../src/domain/registry/prompt.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { MLFLOW_VERSION, traitsOf } from '../engines/mlflow-versions.ts';
import { describeAliasPointer } from './alias-pointer.contract.ts';
import { describeModelRegistry, type RegistryPlace } from './model-registry.contract.ts';

describeModelRegistry('MemoryModelRegistry', openPlace);
describeAliasPointer('MemoryModelRegistry', openPlace);

// ---------------------------------------------------------------------------------------------------

async function openPlace(): Promise<RegistryPlace> {
  const registry = new MemoryModelRegistry(tickingClock());
  return {
    registry,
    ...traitsOf(MLFLOW_VERSION),
    keepsAliasOfDeleted: true,
    seed: async (modelName, stages) => {
      for (const stage of stages) {
        const version = registry.register(modelName);
        const isPromoted = stage === 'Production' || stage === 'Archived';
        if (isPromoted) registry.transition(modelName, version, 'Production', true);
        else registry.transition(modelName, version, stage, false);
      }
      // The last promotion may have displaced the one that is to be live.
      const live = String(stages.indexOf('Production') + 1);
      if (live !== '0' && stages.lastIndexOf('Archived') > Number(live) - 1)
        registry.transition(modelName, live, 'Production', true);
    },
    seedPrompt: async (modelName, count) => {
      const { key, value } = promptTag;
      for (let index = 0; index < count; index += 1) {
        const version = registry.register(modelName);
        registry.transition(modelName, version, 'None', false);
        await registry.annotate(modelName, version, promptTag);
      }
      registry.tagModel(modelName, key, value);
    },
    promoteBeside: async (modelName, version) =>
      registry.transition(modelName, version, 'Production', false),
    tag: async (modelName, version, key) => registry.tag(modelName, version, key),
    setAlias: async (modelName, alias, version) => registry.setAlias(modelName, alias, version),
    deleteVersion: async (modelName, version) => registry.deleteVersion(modelName, version),
    rename: async (modelName, newName) => registry.rename(modelName, newName),
    tagModel: async (modelName, key, value) => registry.tagModel(modelName, key, value),
    close: async () => undefined,
  };
}

/** Every look at it is a millisecond later, so that no two changes share a time by chance. */
function tickingClock(): Clock {
  let nowMs = Date.UTC(2026, 10, 23);
  return {
    ...systemClock,
    nowMs: () => {
      nowMs += 1;
      return nowMs;
    },
  };
}
