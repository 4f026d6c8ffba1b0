/** Starts a real Alertmanager, where Debian's package of it is installed. */
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LOG_FOLDER } from './install.ts';
import { freePort, logTail, startChild } from './processes.ts';
import type { RunningEngine } from './start.ts';

const READY_TIMEOUT_MS = 60_000;

/** The program, or null when this machine has none. */
export const alertmanagerProgram: string | null = findProgram();

/** The title of a suite, with the reason when it is skipped. */
export function alertmanagerTitle(text: string): string {
  if (alertmanagerProgram !== null) return text;
  const title = `${text} [skipped: no prometheus-alertmanager on this machine]`;
  console.error(`\n*** SKIPPED: ${title} ***\n`);
  return title;
}

export interface Alertmanager extends RunningEngine {
  /** Says that an alert fires, or has ended, as Prometheus does. */
  send(alerts: readonly SentAlert[]): Promise<void>;
}

export interface SentAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly startsAt?: string;
  /** When it ended. @default it fires */
  readonly endsAt?: string;
}

/** @param config its configuration file, as YAML */
export async function startAlertmanager(config: string): Promise<Alertmanager> {
  if (alertmanagerProgram === null) throw new Error('Alertmanager is not on this machine');
  const ownFolder = mkdtempSync(join(tmpdir(), 'model-rollback-alertmanager-'));
  const file = join(ownFolder, 'alertmanager.yml');
  writeFileSync(file, config);
  const port = await freePort();
  const logFile = join(LOG_FOLDER, `alertmanager-${port}.log`);
  const child = await startChild({
    command: alertmanagerProgram,
    args: [
      `--config.file=${file}`,
      `--storage.path=${join(ownFolder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ],
    cwd: ownFolder,
    logFile,
    ownFolder,
  });
  const url = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!(await isReady(url))) {
    const ended = child.ended();
    if (ended !== null || performance.now() > deadline) {
      await child.stop();
      throw new Error(`Alertmanager is not ready: ${ended ?? 'no answer'}\n${logTail(logFile)}`);
    }
    await delay(100);
  }
  return { url, pid: child.pid, stop: child.stop, send: (alerts) => post(url, alerts) };
}

// ---------------------------------------------------------------------------------------------------

async function isReady(url: string): Promise<boolean> {
  return await fetch(`${url}/-/ready`, { signal: AbortSignal.timeout(3_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function post(url: string, alerts: readonly SentAlert[]): Promise<void> {
  const response = await fetch(`${url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(alerts),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}

function findProgram(): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  // Debian's name, and that of the project itself.
  const names = ['prometheus-alertmanager', 'alertmanager'];
  const files = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return files.find((file) => existsSync(file)) ?? null;
}
