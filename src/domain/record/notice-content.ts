/** What a notice of a record is about: the end of an attempt, or what a later check found. */
export const recordTopics = ['end', 'pointer', 'recovery', 'serving'] as const;
export type RecordTopic = (typeof recordTopics)[number];

/** Those that release 0.1.0 knows, which keeps notices in their record. */
export const embeddedTopics = ['end', 'pointer', 'recovery'] as const;
export type EmbeddedTopic = (typeof embeddedTopics)[number];

/** What a notice of a freeze is about: it began, it ends soon, it ended. */
export const freezeTopics = ['freeze', 'freeze-reminder', 'freeze-end'] as const;
export type FreezeTopic = (typeof freezeTopics)[number];

/** What the `outcome` of a freeze's notice is. */
export const FreezeOutcome = { FROZEN: 'FROZEN', UNFROZEN: 'UNFROZEN' } as const;

export type NoticeTopic = RecordTopic | FreezeTopic;
export const noticeTopics: readonly NoticeTopic[] = [...recordTopics, ...freezeTopics];

/** A message to people. The seven first fields of `message` and the subject are fixed. */
export interface Notice {
  readonly subject: string;
  readonly message: NoticeMessage;
  /** For filter policies of subscribers. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface NoticeMessage {
  /** Null for an alarm that names no model. */
  readonly model_name: string | null;
  readonly from_version: string | null;
  readonly to_version: string | null;
  readonly reason: string;
  /** Alarm name, else requester, else `manual`. */
  readonly triggered_by: string;
  readonly timestamp: string;
  readonly outcome: string;
  /** For de-duplication: a notice is sent at least once. */
  readonly rollback_id: string;
  readonly about: NoticeTopic;
  /** The rollback that this one undid, or was to undo; absent from any other. */
  readonly undoes?: string;
  /** True for a promotion; absent from any other. */
  readonly promotes?: true;
  readonly text: string;
  readonly requested_by: string | null;
  readonly live_versions: readonly string[];
  /** Null when no plan was made; absent in a notice that was stored before notices named it. */
  readonly pointer?: string | null;
  readonly refusals: readonly { code: string; message: string; clears_at: string | null }[];
  readonly warnings: readonly { code: string; message: string }[];
  readonly alarm: AlarmSummary | null;
  /** Earlier notices of this attempt that could not be sent; this one replaces them. */
  readonly replaces: number;
  /** When this copy was sent. */
  readonly sent_at: string;
}

export interface AlarmSummary {
  /** Of an alarm of another source than CloudWatch: `source:id`. */
  readonly arn: string;
  readonly red_since: string;
  /** Null for a single alarm; the series of an alarm on several. */
  readonly contributor_id: string | null;
  readonly model_source: string | null;
  /** False when a person asked on its behalf (`approve`). */
  readonly automatic: boolean;
  /** Whether it is checked again: `none`, `pending`, or why not any more. */
  readonly watch: string;
  /** Who approved it; null where nobody did, or nobody says who. */
  readonly approved_by: string | null;
  /** Who rejected it; absent unless it was rejected. */
  readonly rejected_by?: string | null;
  readonly next_look_at: string | null;
  /** Did the rollback help: `none`, `pending`, `recovered`, `not-recovered`, `no-data`, `superseded`. */
  readonly recovery: string;
}
