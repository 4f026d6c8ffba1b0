import { Outcome } from '../decide/outcome.ts';
import { FreezeOutcome, type NoticeMessage } from '../record/notice-content.ts';
import { Recovery, WatchEnd } from '../record/trigger.ts';
import { isDrillModel } from '../registry/drill-model.ts';
import { servingNotConfirmed } from './serving.ts';

/** What each kind of notice means, whom it concerns, and which commands help. */
export type StepVerb = 'approve' | 'explain' | 'plan' | 'status' | 'undo' | 'resume' | 'doctor';

export interface News {
  readonly event: string;
  readonly level: BriefLevel;
  readonly meaning: string;
  readonly verbs: readonly StepVerb[];
}

/** `info` needs nobody; `resolved` ends what an earlier notice of the same rollback asked for. */
export type BriefLevel = 'critical' | 'error' | 'warning' | 'info' | 'resolved' | 'test';

/** The outcome of a notice that tests its channel. */
export const testOutcome = 'TEST';

export function newsOf(message: NoticeMessage): News {
  const news = rollbackNews(message);
  if (!message.promotes) return news;
  return {
    ...news,
    event: news.event.replace('Rollback', 'Promotion'),
    meaning: news.meaning.replace('rollback', 'promotion'),
    verbs: news.verbs.filter((verb) => verb !== 'undo'),
  };
}

// ---------------------------------------------------------------------------------------------------

function rollbackNews(message: NoticeMessage): News {
  const { about, alarm, outcome, warnings } = message;
  if (isDrillModel(message.model_name ?? '')) return drill;
  if (about === 'recovery') return recoveries[alarm?.recovery ?? ''] ?? otherNews;
  if (about === 'pointer') {
    return warnings.some(({ code }) => code === 'POINTER_DIFFERS') ? pointerDiffers : newerReplaced;
  }
  if (about === 'serving') {
    return warnings.some(({ code }) => code === servingNotConfirmed) ? unconfirmed : confirmed;
  }
  if (about === 'freeze-reminder') return freezeEndsSoon;
  if (outcome === Outcome.ROLLED_BACK && message.undoes !== undefined) return undone;
  if (alarm?.watch === WatchEnd.POINTER_CHANGED) return alarmClosed;
  if (alarm?.watch === WatchEnd.REJECTED) return rejected;
  const end = outcome === Outcome.PROMOTED ? Outcome.ROLLED_BACK : outcome;
  const news = ends[end] ?? otherNews;
  // Whoever asked for a rollback knows of it; one by an alarm wakes people, until the alarm has recovered.
  return outcome === Outcome.ROLLED_BACK && alarm !== null ? { ...news, level: 'warning' } : news;
}

function news(
  event: string,
  level: BriefLevel,
  meaning: string,
  ...verbs: readonly StepVerb[]
): News {
  return { event, level, meaning, verbs };
}

const unmoved = 'The live version is the same as before.';

const ends: Readonly<Record<string, News>> = {
  [Outcome.ROLLED_BACK]: news(
    'Rollback Completed',
    'info',
    'Servers that loaded the version before at start still use it: restart or reload them.',
    'explain',
    'undo',
  ),
  [Outcome.REFUSED]: news(
    'Rollback Refused',
    'info',
    `A guard refused the rollback. ${unmoved}`,
    'plan',
    'explain',
  ),
  [Outcome.NO_TARGET]: news(
    'Rollback Without Target',
    'critical',
    `No version can be restored by itself. ${unmoved} A person must choose a version.`,
    'plan',
    'explain',
  ),
  [Outcome.ALREADY_LIVE]: news(
    'Rollback Already Live',
    'info',
    'The version that was asked for is live. Nothing had to be moved.',
    'status',
  ),
  [Outcome.CONTESTED]: news(
    'Rollback Contested',
    'critical',
    'The registry changed during the rollback, and model-rollback does not move the pointer again. A person must ' +
      'check what is live.',
    'status',
    'explain',
  ),
  [Outcome.FAILED]: news(
    'Rollback Failed',
    'critical',
    `Nothing was moved. ${unmoved} A person must find the cause.`,
    'explain',
    'doctor',
  ),
  [Outcome.DEFERRED]: news(
    'Rollback Deferred',
    'info',
    `Nothing was moved yet. ${unmoved} The sweep tries again while the alarm is in ALARM.`,
    'explain',
    'doctor',
  ),
  [Outcome.AWAITING_APPROVAL]: news(
    'Approval Needed',
    'critical',
    `Nothing was moved yet. ${unmoved} A person must approve the rollback.`,
    'approve',
    'explain',
  ),
  [Outcome.OBSERVED]: news(
    'Rollback Observed',
    'info',
    `The mode is observe, so nothing was moved. ${unmoved}`,
    'plan',
    'explain',
  ),
  [FreezeOutcome.FROZEN]: news(
    'Freeze Began',
    'info',
    'No rollback is possible until its end, except with the override FROZEN.',
    'status',
  ),
  [FreezeOutcome.UNFROZEN]: news('Freeze Ended', 'info', 'Rollbacks are allowed again.', 'status'),
  [testOutcome]: news(
    'Test Notice',
    'test',
    'Notices of model-rollback reach this channel.',
    'doctor',
  ),
};

const recoveries: Readonly<Record<string, News>> = {
  [Recovery.RECOVERED]: news(
    'Alarm Recovered',
    'resolved',
    'The rollback helped: the alarm is no longer in ALARM.',
    'explain',
  ),
  [Recovery.NOT_RECOVERED]: news(
    'Alarm Not Recovered',
    'critical',
    'The rollback did not help. Automation of the model is paused. A person must find the cause.',
    'explain',
    'resume',
  ),
  [Recovery.NO_DATA]: news(
    'Recovery Unknown',
    'warning',
    'It is not known whether the rollback helped. A person must check.',
    'status',
    'explain',
  ),
};

const drill = news(
  'Rollback Drill',
  'test',
  'Notices of rollbacks reach this channel. Nobody has to do anything.',
  'explain',
);

const undone = news(
  'Rollback Undone',
  'info',
  'The version that the rollback moved away from is live again. Servers that load at start need a reload.',
  'explain',
);

const freezeEndsSoon = news(
  'Freeze Ends Soon',
  'info',
  'An alarm that is still in ALARM then acts, or asks a person if it has waited for long.',
  'status',
);

const pointerDiffers = news(
  'Pointer Differs',
  'error',
  'What is live is not what the rollback left. A person must check what is live.',
  'status',
  'explain',
);

const newerReplaced = news(
  'Newer Version Replaced',
  'error',
  'The rollback may have replaced a version that somebody promoted at the same time. A person must check.',
  'status',
  'explain',
);

const unconfirmed = news(
  'Serving Not Confirmed',
  'error',
  'The pointer moved, and servers did not confirm that they use the version. A person must check what they serve.',
  'status',
  'explain',
);

const confirmed = news(
  'Serving Confirmed',
  'info',
  'Servers use the version that the rollback restored.',
  'explain',
);

const alarmClosed = news(
  'Alarm Closed',
  'info',
  'The alarm is not tried again, because another pointer is configured for the model.',
  'plan',
  'explain',
);

const rejected = news(
  'Rollback Rejected',
  'resolved',
  `${unmoved} If the alarm goes to ALARM again, it asks again.`,
  'plan',
  'explain',
);

/** For a notice that a later release stored. */
const otherNews = news('Rollback Notice', 'info', 'The text says what happened.', 'explain');
