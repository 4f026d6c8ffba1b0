import { RegistryRefusedError } from '../../domain/errors.ts';
import type { RunDetails, VersionDetails } from '../../domain/registry/version-details.ts';

/** What a version was logged with. */
export type Logged = Pick<VersionDetails, 'run' | 'signature'>;

/** What the versions of a registry in this process were logged with; most with nothing. */
export class LoggedVersions {
  readonly #byVersion = new Map<string, Logged>();

  set(modelName: string, version: string, logged: Logged): void {
    this.#byVersion.set(JSON.stringify([modelName, version]), logged);
  }

  of(modelName: string, version: string): Logged {
    const nothing = { run: null, signature: null };
    return this.#byVersion.get(JSON.stringify([modelName, version])) ?? nothing;
  }

  run(runId: string): RunDetails {
    const found = [...this.#byVersion.values()].find(({ run }) => run?.runId === runId)?.run;
    if (found === undefined || found === null) {
      throw new RegistryRefusedError(`There is no run ${runId}.`);
    }
    return found;
  }
}
