import { type FreezeSubject, freezeNotice, withdrawn } from '../domain/answer/freeze-notice.ts';
import { limits } from '../domain/limits.ts';
import type { FreezeTopic } from '../domain/record/notice-content.ts';
import { isoTime } from '../domain/registry/model.ts';
import { type Freeze, freezeNow } from '../domain/state/operator.ts';
import type { Deadline } from '../ports/deadline.ts';
import { announce, type SendingDeps } from './announce.ts';
import { insisting } from './insisting.ts';
import {
  type AtRegistry,
  decideByHand,
  type Operator,
  readSubject,
  type Subject,
  stateOf,
  subjectName,
} from './operator.ts';
import { rollbackIdOf } from './rollback-id.ts';

/**
 * No rollback by anybody until a time. It is announced, people are reminded before its end, and notified of its end,
 * both by the sweep. A later freeze replaces it.
 * @throws RollbackInProgressError when other writers were quicker several times
 */
export async function freeze(
  deps: SendingDeps & AtRegistry,
  modelName: Subject,
  { untilMs, by, reason }: Pick<Freeze, 'untilMs' | 'by' | 'reason'>,
  deadline: Deadline,
): Promise<Freeze> {
  const nowMs = deps.clock.nowMs();
  const made: Freeze = { untilMs, atMs: nowMs, by, reason };
  const action = { verb: 'freeze', what: `until ${isoTime(untilMs)}`, atMs: nowMs, by, reason };
  const subject = subjectOf(deps, modelName);
  const began = await decideByHand(deps, modelName, action, deadline, async (item) => {
    const previous = await deps.store.readNotice(subject.id, 'freeze', deadline);
    const facts = { previous, nowMs, dueAtMs: nowMs, token: deps.identity.random() };
    const notice = freezeNotice(subject, made, 'freeze', facts);
    return { answer: notice.item, item: { ...item, freeze: made }, notice };
  });
  // Halfway, where the freeze is too short for that.
  const halfwayMs = nowMs + Math.round((untilMs - nowMs) / 2);
  const reminderAtMs = Math.max(untilMs - limits.freezeReminderMs, halfwayMs);
  await putNotice(
    deps,
    subject,
    made,
    { topic: 'freeze-reminder', dueAtMs: reminderAtMs },
    deadline,
  );
  await putNotice(deps, subject, made, { topic: 'freeze-end', dueAtMs: untilMs }, deadline);
  await announce(deps, began, deadline);
  return made;
}

/**
 * Ends a freeze before its time, and announces that.
 * @returns the freeze that held; null when nothing was frozen
 */
export async function unfreeze(
  deps: SendingDeps & AtRegistry,
  modelName: Subject,
  { by, reason }: Operator,
  deadline: Deadline,
): Promise<Freeze | null> {
  const subject = subjectOf(deps, modelName);
  const nowMs = deps.clock.nowMs();
  const before = stateOf(await readSubject(deps, modelName, deadline), modelName);
  if (before === undefined || freezeNow(before, nowMs) === null) return null;
  // First what would not be true any more, then the end itself.
  await withdraw(deps, subject, 'freeze-reminder', deadline);
  const action = { verb: 'unfreeze', what: '', atMs: nowMs, by, reason };
  const ended = await decideByHand(deps, modelName, action, deadline, async (item) => {
    const { freeze: held, ...free } = item;
    if (held === undefined) return { answer: null, item: null };
    const previous = await deps.store.readNotice(subject.id, 'freeze-end', deadline);
    const facts = { previous, nowMs, dueAtMs: nowMs, token: deps.identity.random(), endedBy: by };
    const notice = freezeNotice(subject, held, 'freeze-end', facts);
    return { answer: { held, notice: notice.item }, item: free, notice };
  });
  if (ended === null) return null;
  await announce(deps, ended.notice, deadline);
  return ended.held;
}

// ---------------------------------------------------------------------------------------------------

function subjectOf(deps: SendingDeps & AtRegistry, modelName: Subject): FreezeSubject {
  // No registered model has a colon in its name.
  return { modelName, id: rollbackIdOf(deps, modelName ?? 'fleet:all', 'freeze') };
}

async function putNotice(
  deps: SendingDeps & AtRegistry,
  subject: FreezeSubject,
  made: Freeze,
  { topic, dueAtMs }: { readonly topic: FreezeTopic; readonly dueAtMs: number },
  deadline: Deadline,
): Promise<void> {
  await insisting(`the notices of ${subjectName(subject.modelName)}`, async () => {
    const previous = await deps.store.readNotice(subject.id, topic, deadline);
    const facts = { previous, nowMs: deps.clock.nowMs(), dueAtMs, token: deps.identity.random() };
    const notice = freezeNotice(subject, made, topic, facts);
    return (await deps.store.write({ notice }, deadline)) === 'written' ? true : null;
  });
}

async function withdraw(
  deps: SendingDeps & AtRegistry,
  subject: FreezeSubject,
  topic: FreezeTopic,
  deadline: Deadline,
): Promise<void> {
  await insisting(`the notices of ${subjectName(subject.modelName)}`, async () => {
    const notice = await deps.store.readNotice(subject.id, topic, deadline);
    if (notice === undefined || notice.content === null) return true;
    const change = { notice: withdrawn(notice, deps.identity.random()) };
    return (await deps.store.write(change, deadline)) === 'written' ? true : null;
  });
}
