/** A share of a processor for single processes, as Lambda gives one to a call: by a control group of Linux. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Quota {
  /** From now on this process gets no more than the share. */
  limit(pid: number): void;
  /** After the processes have ended. */
  close(): void;
}

/** Lambda gives a whole processor at 1,769 MB. */
export const shareAt256Mb: number = 256 / 1_769;

/** @throws Error that says why this machine does not allow it */
export function openQuota(share: number): Quota {
  const isUnified = existsSync(join(root, 'cgroup.controllers'));
  const folder = join(isUnified ? root : join(root, 'cpu'), `model-rollback-${process.pid}`);
  const quotaUs = Math.round(share * periodUs);
  if (isUnified) writeFileSync(join(root, 'cgroup.subtree_control'), '+cpu');
  mkdirSync(folder);
  try {
    if (isUnified) writeFileSync(join(folder, 'cpu.max'), `${quotaUs} ${periodUs}`);
    else {
      writeFileSync(join(folder, 'cpu.cfs_period_us'), String(periodUs));
      writeFileSync(join(folder, 'cpu.cfs_quota_us'), String(quotaUs));
    }
  } catch (error) {
    rmdirSync(folder);
    throw error;
  }
  return {
    limit: (pid) => writeFileSync(join(folder, 'cgroup.procs'), String(pid)),
    close: () => {
      // The group is empty as soon as the kernel has cleared the last process away.
      if (readFileSync(join(folder, 'cgroup.procs'), 'utf8') === '') rmdirSync(folder);
    },
  };
}

// ---------------------------------------------------------------------------------------------------

const root = '/sys/fs/cgroup';
const periodUs = 20_000;
