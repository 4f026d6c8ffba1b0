/** What a model version is made of, for people who compare two, and for the fitness of a target. */

/** The run that a version was logged by. */
export interface RunDetails {
  readonly runId: string;
  /** In MLflow's trash: its files may be removed at any time. */
  readonly isDeleted: boolean;
  /** Null where the run does not say (epoch ms). */
  readonly startedAtMs: number | null;
  /** The latest value of each; a text for what is no number in JSON (`NaN`, `Infinity`). */
  readonly metrics: Readonly<Record<string, number | string>>;
  readonly params: Readonly<Record<string, string>>;
}

/** One input or output of a model. */
export interface SignatureField {
  /** Null for the only tensor of a model without names. */
  readonly name: string | null;
  /** MLflow's word (`long`, `double`, `string`), or JSON for what has parts: tensors, objects, lists. */
  readonly type: string;
  readonly isRequired: boolean;
}

/** What a model takes and gives; null for a side that it does not declare. */
export interface ModelSignature {
  readonly inputs: readonly SignatureField[] | null;
  readonly outputs: readonly SignatureField[] | null;
}

/** One version with all that the registry knows of it. */
export interface VersionDetails {
  readonly version: string;
  readonly createdAtMs: number;
  readonly description: string;
  /** Where its files are; empty where the registry does not say. */
  readonly source: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly aliases: readonly string[];
  /** Who changed it last; absent where the registry does not say, as MLflow's own never does. */
  readonly updatedBy?: string;
  /** Null when it was registered without a run, or when the run could not be read. */
  readonly run: RunDetails | null;
  /** Null when the model declares none, or when its file could not be read. */
  readonly signature: ModelSignature | null;
  /** What could not be read, and why. */
  readonly unread: readonly { readonly what: 'run' | 'signature'; readonly why: string }[];
}
