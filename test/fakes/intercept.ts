import type { RollbackDeps } from '../../src/app/deps.ts';
import type { ModelRegistry } from '../../src/ports/model-registry.ts';
import type { RollbackStore } from '../../src/ports/rollback-store.ts';

/** Puts a function in front of single calls of a port: `(next) => …`, next being the real call. */
type Interceptors<Port, Names extends keyof Port> = {
  [Name in Names]?: Port[Name] extends (...args: infer Args) => infer Result
    ? (next: () => Result, ...args: Args) => Result
    : never;
};

export type RegistryCalls = Interceptors<
  ModelRegistry,
  | 'read'
  | 'readBelow'
  | 'readChangesBelow'
  | 'readAliases'
  | 'readAliasesOf'
  | 'movePointer'
  | 'annotate'
>;
export type StoreCalls = Interceptors<RollbackStore, 'read' | 'readNotice' | 'write' | 'list'>;

function interceptRegistry(registry: ModelRegistry, calls: RegistryCalls): ModelRegistry {
  return {
    address: registry.address,
    pointer: registry.pointer,
    through: (pointer) => interceptRegistry(registry.through(pointer), calls),
    readAlias: (...args) => registry.readAlias(...args),
    read: (...args) => {
      const next = () => registry.read(...args);
      return calls.read === undefined ? next() : calls.read(next, ...args);
    },
    readBelow: (...args) => {
      const next = () => registry.readBelow(...args);
      return calls.readBelow === undefined ? next() : calls.readBelow(next, ...args);
    },
    readChangesBelow: (...args) => {
      const next = () => registry.readChangesBelow(...args);
      return calls.readChangesBelow === undefined ? next() : calls.readChangesBelow(next, ...args);
    },
    readAliases: (...args) => {
      const next = () => registry.readAliases(...args);
      return calls.readAliases === undefined ? next() : calls.readAliases(next, ...args);
    },
    readAliasesOf: (...args) => {
      const next = () => registry.readAliasesOf(...args);
      return calls.readAliasesOf === undefined ? next() : calls.readAliasesOf(next, ...args);
    },
    movePointer: (...args) => {
      const next = () => registry.movePointer(...args);
      return calls.movePointer === undefined ? next() : calls.movePointer(next, ...args);
    },
    annotate: (...args) => {
      const next = () => registry.annotate(...args);
      return calls.annotate === undefined ? next() : calls.annotate(next, ...args);
    },
    readDetails: (...args) => registry.readDetails(...args),
    readRun: (...args) => registry.readRun(...args),
    readSignature: (...args) => registry.readSignature(...args),
    listByTag: (...args) => registry.listByTag(...args),
    listPointers: (...args) => registry.listPointers(...args),
  };
}

function interceptStore(store: RollbackStore, calls: StoreCalls): RollbackStore {
  return {
    read: (...args) => {
      const next = () => store.read(...args);
      return calls.read === undefined ? next() : calls.read(next, ...args);
    },
    write: (...args) => {
      const next = () => store.write(...args);
      return calls.write === undefined ? next() : calls.write(next, ...args);
    },
    readNotice: (...args) => {
      const next = () => store.readNotice(...args);
      return calls.readNotice === undefined ? next() : calls.readNotice(next, ...args);
    },
    list: (...args) => {
      const next = () => store.list(...args);
      return calls.list === undefined ? next() : calls.list(next, ...args);
    },
    listDue: (...args) => store.listDue(...args),
    readHeads: (...args) => store.readHeads(...args),
    listLive: (...args) => store.listLive(...args),
    close: () => store.close(),
  };
}

export function withCalls(
  deps: RollbackDeps,
  calls: { registry?: RegistryCalls; store?: StoreCalls },
): RollbackDeps {
  return {
    ...deps,
    registry: interceptRegistry(deps.registry, calls.registry ?? {}),
    store: interceptStore(deps.store, calls.store ?? {}),
  };
}
