import * as v from 'valibot';
import { AlarmSource, cloudWatchRef } from '../alarm/alarm.ts';
import { time, version } from './stored-fields.ts';
import type { AlarmTrigger } from './trigger.ts';

/**
 * The stored form of the alarm behind a rollback. Release 0.1.0 knows only alarms of CloudWatch, by `arn`
 * and `name`: these keep that form, to the letter. An alarm of another source has its `ref` there, and so
 * has a reference to which a later release added something.
 */

/** What the form of release 0.1.0 has a place for. */
const firstRef = v.strictObject({
  source: v.literal(AlarmSource.CLOUDWATCH),
  id: v.string(),
  name: v.string(),
});

/** True where `storedAlarm` gives the form of release 0.1.0. */
export function isFirstForm({ transition }: AlarmTrigger): boolean {
  return v.is(firstRef, transition.ref);
}

export function storedAlarm(alarm: AlarmTrigger): object {
  if (!isFirstForm(alarm)) return alarm;
  const { id: arn, name } = alarm.transition.ref;
  // The two fields stand where the reference stood, so that the text stays the same.
  const fields = Object.entries(alarm.transition).flatMap(([key, value]) =>
    key === 'ref' ? Object.entries({ arn, name }) : [[key, value] as const],
  );
  return { ...alarm, transition: Object.fromEntries(fields) };
}

const dimensions = v.array(v.looseObject({ name: v.string(), value: v.string() }));

const transitionFields = {
  atMs: time,
  previousState: v.nullable(v.picklist(['OK', 'ALARM', 'INSUFFICIENT_DATA'])),
  contributor: v.nullable(v.looseObject({ id: v.string(), attributes: dimensions })),
  isComposite: v.boolean(),
  dimensions,
  isMultiSeries: v.boolean(),
  childrenInAlarm: v.array(v.string()),
  unconfirmedFrom: v.exactOptional(v.string()),
};

const firstTransition = v.pipe(
  v.looseObject({
    isFromEventBus: v.boolean(),
    arn: v.string(),
    name: v.string(),
    ...transitionFields,
  }),
  v.transform(({ isFromEventBus, arn, name, ...others }) => ({
    isFromEventBus,
    ref: cloudWatchRef(arn, name),
    ...others,
  })),
);

const refTransition = v.looseObject({
  isFromEventBus: v.boolean(),
  ref: v.looseObject({ source: v.string(), id: v.string(), name: v.string() }),
  ...transitionFields,
});

const hasRef = v.looseObject({ ref: v.unknown() });

export const alarmShape: v.GenericSchema<unknown, AlarmTrigger> = v.looseObject({
  transition: v.lazy((value) => (v.is(hasRef, value) ? refTransition : firstTransition)),
  modelSource: v.nullable(v.string()),
  liveVersions: v.nullable(v.array(version)),
});
