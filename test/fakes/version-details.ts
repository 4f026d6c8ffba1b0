/** What a registry knows of a version beside its row. */
import type { ModelSignature, RunDetails } from '../../src/domain/registry/version-details.ts';

export const run = (runId: string, isDeleted = false): RunDetails => ({
  runId,
  isDeleted,
  startedAtMs: null,
  metrics: {},
  params: {},
});

export const takes = (...names: readonly string[]): ModelSignature => ({
  inputs: names.map((name) => ({ name, type: 'long', isRequired: true })),
  outputs: null,
});
