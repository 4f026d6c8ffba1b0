import type { ModelRollbackError } from '../domain/errors.ts';
import type { ModelPointers } from '../domain/pointer/observe.ts';
import type {
  ModelAlias,
  ModelTag,
  ModelVersion,
  RegistrySnapshot,
} from '../domain/registry/model.ts';
import type { ModelPointer } from '../domain/registry/pointer.ts';
import type {
  ModelSignature,
  RunDetails,
  VersionDetails,
} from '../domain/registry/version-details.ts';
import type { Deadline } from './deadline.ts';

/** What the registry said to a move. Only `moved` and `refused` are certain. */
export type MoveAnswer =
  | { readonly kind: 'moved' }
  /** It refused: nothing changed, and the same call will not do better. */
  | { readonly kind: 'refused'; readonly error: ModelRollbackError }
  /**
   * It may have happened, now or later. `isAnswered`: the registry itself said that it could not (503
   * with a body), so one more try is safe once the pointer was seen unmoved.
   */
  | { readonly kind: 'unknown'; readonly error: ModelRollbackError; readonly isAnswered: boolean };

/** Names of registered models, each once, by name. */
export interface TaggedModels {
  readonly names: readonly string[];
  /** False when there are more, or more versions with the tag than a search goes through. */
  readonly isComplete: boolean;
}

/** Some versions of a registered model, and what asks for those that follow. */
export interface VersionsPage {
  readonly rows: readonly ModelVersion[];
  /** Null when none follow. */
  readonly next: string | null;
}

/** Registered models with what their pointers name, and what asks for those that follow. */
export interface PointersPage {
  readonly rows: readonly ModelPointers[];
  /** Null when none follow. */
  readonly next: string | null;
}

export interface ModelRegistry {
  /** For people and records: no user info, no secrets. */
  readonly address: string;
  /** The pointer that `read` and `movePointer` are about. */
  readonly pointer: ModelPointer;
  /** The same registry, for another pointer. */
  through(pointer: ModelPointer): ModelRegistry;
  /**
   * One reading of a registered model: its latest changes, always with the live versions, and with each of
   * `include` that exists. Takes as many calls for 10,000 versions as for 10.
   * @param rowsMax how many of the latest changes; a recheck of what a plan names needs only a few
   * @throws ModelNotFoundError, RegistryRefusedError, RegistryUnavailableError
   */
  read(
    modelName: string,
    include: readonly string[],
    deadline: Deadline,
    rowsMax?: number,
  ): Promise<RegistrySnapshot>;
  /**
   * Versions below `version` (null: all), highest first, at most a page; an empty list ends the walk.
   * @throws RegistryRefusedError, RegistryUnavailableError
   */
  readBelow(
    modelName: string,
    version: string | null,
    deadline: Deadline,
  ): Promise<readonly ModelVersion[]>;
  /**
   * Versions below `version`, the latest change first, at most a page: what was registered since, however
   * much, is left out.
   * @param from `next` of the page before; null for the first
   * @throws RegistryRefusedError, RegistryUnavailableError
   */
  readChangesBelow(
    modelName: string,
    version: string,
    from: string | null,
    deadline: Deadline,
  ): Promise<VersionsPage>;
  /**
   * The version that an alias names; null when it names none, or one that was deleted.
   * @throws RegistryRefusedError, RegistryUnavailableError
   */
  readAlias(modelName: string, alias: string, deadline: Deadline): Promise<ModelVersion | null>;
  /**
   * All aliases of a registered model that exists. Slow where it has many versions.
   * @throws RegistryRefusedError, RegistryUnavailableError
   */
  readAliases(modelName: string, deadline: Deadline): Promise<readonly ModelAlias[]>;
  /**
   * The aliases of one version; none when it is gone. Refused, as a move is, for a name that the registry
   * lists but does not take.
   * @throws RegistryRefusedError, RegistryUnavailableError
   */
  readAliasesOf(modelName: string, version: string, deadline: Deadline): Promise<readonly string[]>;
  /**
   * What a version was made of, for people. Its run and its signature as far as they can be read.
   * @throws VersionNotFoundError, RegistryRefusedError, RegistryUnavailableError
   */
  readDetails(modelName: string, version: string, deadline: Deadline): Promise<VersionDetails>;
  /**
   * A run, also one in MLflow's trash.
   * @throws RegistryRefusedError, RegistryUnavailableError
   */
  readRun(runId: string, deadline: Deadline): Promise<RunDetails>;
  /**
   * What a version takes and gives; null when it declares nothing.
   * @throws RegistryRefusedError, RegistryUnavailableError when its files cannot be read: best effort
   */
  readSignature(
    modelName: string,
    version: string,
    deadline: Deadline,
  ): Promise<ModelSignature | null>;
  /** Moves the pointer in one call that leaves no moment without a live version. Never throws. */
  movePointer(modelName: string, version: string, deadline: Deadline): Promise<MoveAnswer>;
  /**
   * Writes a tag on a version, over an older one.
   * @throws VersionNotFoundError, RegistryRefusedError, RegistryUnavailableError
   */
  annotate(
    modelName: string,
    version: string,
    tag: { readonly key: string; readonly value: string },
    deadline: Deadline,
  ): Promise<void>;
  /**
   * Registered models that a tag picks. Key and value are data: they hold nothing that a filter of MLflow
   * could mistake (parseFleetRequest).
   * @param namesMax how many names at most; with more the list is not complete
   * @throws RegistryRefusedError, RegistryUnavailableError
   */
  listByTag(tag: ModelTag, namesMax: number, deadline: Deadline): Promise<TaggedModels>;
  /**
   * What the pointers of registered models name, by name, a page at a time; prompts are not among them. An
   * answer takes the longer the more versions its models have. A model that is made, renamed or deleted between
   * two pages may make another one come twice, or not at all.
   * @param page `from`: `next` of the page before, null for the first
   * @throws RegistryRefusedError, RegistryUnavailableError
   */
  listPointers(
    page: { readonly from: string | null; readonly rows: number },
    deadline: Deadline,
  ): Promise<PointersPage>;
}
