/** A version that was considered, and why it was taken or passed over. */
export interface Candidate {
  readonly version: string;
  readonly stage: string;
  readonly isTaken: boolean;
  readonly why: string;
}
