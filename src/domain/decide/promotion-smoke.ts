import type { SmokeResult } from '../hook.ts';

/** What a smoke check says against a new version; null when it said ok. */
export function smokeReport(version: string, { kind, hook, why }: SmokeResult): string | null {
  switch (kind) {
    case 'passed':
      return null;
    case 'refused':
      return `The smoke check (${hook}) refused version ${version}${why === '' ? '' : `: ${why}`}.`;
    default:
      return `The smoke check (${hook}) could not say whether version ${version} works: ${why}.`;
  }
}
