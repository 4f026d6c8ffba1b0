import { MemoryRollbackStore } from '../../src/adapters/memory/memory-rollback-store.ts';
import { describeRollbackStore } from './rollback-store.contract.ts';

describeRollbackStore(
  'MemoryRollbackStore',
  async () => {
    // Clients of one process share the instance: there is nothing else to share.
    const store = new MemoryRollbackStore();
    return { open: async () => store, close: async () => undefined };
  },
  { isEditable: false, hasWorkspaces: false },
);
