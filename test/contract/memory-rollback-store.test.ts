import {
  type MemoryItems,
  MemoryRollbackStore,
  newMemoryItems,
} from '../../src/adapters/memory/memory-rollback-store.ts';
import { describeRollbackStore } from './rollback-store.contract.ts';
import type { StoredItem } from './rollback-store-place.ts';

describeRollbackStore(
  'MemoryRollbackStore',
  async () => {
    // Clients of one process share the items; each workspace has its own.
    const places = new Map<string, MemoryItems>();
    const itemsOf = (workspace = ''): MemoryItems => {
      const items = places.get(workspace) ?? newMemoryItems();
      places.set(workspace, items);
      return items;
    };
    return {
      open: async (workspace) => new MemoryRollbackStore(itemsOf(workspace)),
      close: async () => undefined,
      backDoor: {
        edit: async (item, { doc }) => {
          const { map, key } = placeOf(itemsOf(), item);
          if (doc !== undefined) map.set(key, doc);
        },
        text: async (item) => {
          const { map, key } = placeOf(itemsOf(), item);
          return map.get(key) ?? '';
        },
      },
    };
  },
  { hasColumns: false },
);

// ---------------------------------------------------------------------------------------------------

function placeOf(
  { states, records, notices, fleet, live }: MemoryItems,
  item: StoredItem,
): { readonly map: Map<string, string>; readonly key: string } {
  switch (item.kind) {
    case 'state':
      return { map: states, key: item.modelName };
    case 'live':
      return { map: live.get(item.modelName) ?? new Map(), key: item.name };
    case 'record':
      return { map: records, key: item.rollbackId };
    case 'notice':
      return { map: notices, key: `${item.rollbackId}#${item.topic}` };
    case 'fleet':
      return { map: fleet, key: '' };
    default:
      return item satisfies never;
  }
}
