const minuteMs = 60_000;
const unitMs = { m: minuteMs, h: 60 * minuteMs, d: 24 * 60 * minuteMs } as const;

/** A time such as `30m`, `1.5h` or `90d`, in whole milliseconds; null where it is none. */
export function durationMs(text: string): number | null {
  const [, amount, unit] = /^(\d{1,9}\.?\d{0,9}|\.\d{1,9})([mhd])$/.exec(text) ?? [];
  return amount === undefined
    ? null
    : Math.round(Number(amount) * unitMs[unit as keyof typeof unitMs]);
}
