/** The bounds of the service; all others are in domain/limits.ts. */
export const httpLimits = {
  /** One HTTP request: its body, how long it may take to arrive (10 s), and how long a call may take. */
  httpBodyBytesMax: 1_048_576,
  httpBodyTimeoutMs: 10_000,
  httpBudgetMs: 60_000,
  /** A webhook is answered within this; what takes longer goes on after it. */
  httpAnswerMs: 900,
  /** Pauses before alerts are tried again whose sender has its answer already. */
  alertPausesMs: [5_000, 15_000, 60_000, 240_000],
  /** A message with alerts is answered within this (20 s): senders wait about 30 s. */
  alertsBudgetMs: 20_000,
  /** What is handed over at once: AWS takes 256 KiB, in some regions more. */
  handedBytesMax: 200_000,
  /** How old a signed message may be (5 min), and how far ahead the clock of its sender. */
  signedAgeMaxMs: 300_000,
  /** A delivery of MLflow (1 h): its later tries have the time of the first, and a second one changes nothing. */
  deliveryAgeMaxMs: 3_600_000,
  /** Of one token: so many requests at once, and so many a second. */
  httpBurst: 600,
  httpPerSecond: 300,
  /** A secret with tokens is read again after this (5 min). */
  secretAgeMaxMs: 300_000,
  /** A browser is known for so long (12 h). */
  sessionMs: 43_200_000,
  /** So many forms that were sent, and sessions that were ended, are remembered. */
  sessionsKept: 1_000,
  /** Of the console: attempts on a page, and models whose history stands in the table of all. */
  consoleRows: 50,
  consoleStripsMax: 30,
  /** A service that is stopped ends what runs, for at most so long (20 s). */
  drainMs: 20_000,
  /** A service sweeps this long after its last sweep (1 min). */
  serviceSweepMs: 60_000,
} as const;
