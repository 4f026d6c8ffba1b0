import { cutText } from '../cut-text.ts';
import type { SmokeResult } from '../hook.ts';
import type { ModelSignature, RunDetails } from '../registry/version-details.ts';
import { signatureFit } from './signature-fit.ts';

/** What was found out about a target beside its row. */
export interface Fitness {
  /** Why it is unfit, a sentence each. */
  readonly unfit: readonly string[];
  /** Why it does not take what the live version takes: at most one sentence. */
  readonly misfit: readonly string[];
  /** What could not be read, and so was not checked; a sentence each. */
  readonly unchecked: readonly string[];
  /** Null where it was not called, or where there is none. */
  readonly smoke: SmokeResult | null;
}

/** Nothing was looked up. */
export const noFitness: Fitness = { unfit: [], misfit: [], unchecked: [], smoke: null };

/** One thing that was read of a version, or why it could not be. */
export type Looked<T> =
  | { readonly kind: 'read'; readonly value: T }
  /** Without a full stop. */
  | { readonly kind: 'unread'; readonly why: string };

/** What was read of the target and of the live version. */
export interface FitnessFacts {
  readonly target: string;
  readonly run: Looked<RunDetails>;
  /** Null where no version is live that has a run too. */
  readonly signatures: {
    readonly live: string;
    readonly ofLive: Looked<ModelSignature | null>;
    readonly ofTarget: Looked<ModelSignature | null>;
  } | null;
}

/** What the registry's details say about a target. Only what is certain makes it unfit. */
export function fitnessOf({ target, run, signatures }: FitnessFacts): Fitness {
  const deleted =
    run.kind === 'read' && run.value.isDeleted
      ? [
          `The run ${run.value.runId} of version ${target} is deleted, so its files may be removed at any time ` +
            `(to restore it: mlflow runs restore --run-id ${run.value.runId}).`,
        ]
      : [];
  const unread =
    run.kind === 'unread'
      ? [`Whether the run of version ${target} still exists was not checked: ${cut(run.why)}.`]
      : [];
  const signature = signatures === null ? noFitness : signatureFitness(target, signatures);
  return {
    unfit: deleted,
    misfit: signature.misfit,
    unchecked: [...unread, ...signature.unchecked],
    smoke: null,
  };
}

// ---------------------------------------------------------------------------------------------------

const whyLengthMax = 200;

function signatureFitness(
  target: string,
  { live, ofLive, ofTarget }: NonNullable<FitnessFacts['signatures']>,
): Pick<Fitness, 'misfit' | 'unchecked'> {
  const why = [ofTarget, ofLive].find((one) => one.kind === 'unread')?.why;
  if (ofLive.kind === 'unread' || ofTarget.kind === 'unread') {
    const text = `Whether version ${target} accepts the input of version ${live} was not checked: ${cut(why ?? '')}.`;
    return { misfit: [], unchecked: [text] };
  }
  const { misfits, unsure } = signatureFit(
    { version: live, signature: ofLive.value },
    ofTarget.value,
  );
  const sentence = (start: string, texts: readonly string[]): string[] =>
    texts.length === 0 ? [] : [`${start}: ${texts.join('; ')}.`];
  return {
    misfit: sentence(`Version ${target} does not accept the input of version ${live}`, misfits),
    unchecked: sentence(
      `Whether version ${target} accepts the input of version ${live} is not certain`,
      unsure,
    ),
  };
}

function cut(why: string): string {
  return cutText(why, whyLengthMax).replace(/\.$/, '');
}
