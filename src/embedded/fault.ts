/** What a test can make the server do wrong, decided for each request. */

/** A request as the server saw it. */
export interface SeenRequest {
  readonly method: string;
  /** The path without its query string. */
  readonly path: string;
  /** The query string with its question mark, or an empty string. */
  readonly search: string;
  /** The parsed JSON body, the text if it is no JSON, `undefined` if there was none. */
  readonly body: unknown;
}

/** A {@link SeenRequest} and its place in the order of arrival, from 0. */
export interface FaultRequest extends SeenRequest {
  readonly index: number;
}

/** One way to misbehave. */
export type Fault =
  /** Answer this in place of acting. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: string;
      readonly contentType?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Take the request and never answer. */
  | { readonly kind: 'hang' }
  /** Reset the connection without acting. */
  | { readonly kind: 'reset' }
  /** Act, then close the connection without an answer: the caller cannot know. */
  | { readonly kind: 'lose-answer' }
  /** Act and answer, but late. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Run something just before acting, for instance a rival's promotion. */
  | { readonly kind: 'before'; readonly run: () => Promise<void> | void }
  /** Run something after acting and before the answer is sent. */
  | { readonly kind: 'after'; readonly run: () => Promise<void> | void };

/** Chooses the fault for a request, or none. */
export type FaultSource = (request: FaultRequest) => Fault | undefined;
