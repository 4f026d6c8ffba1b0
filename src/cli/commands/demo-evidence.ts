import { identity } from '../../assemble.ts';
import { compareRows } from '../../domain/evidence/compare.ts';
import { evidenceText } from '../../domain/evidence/finding.ts';
import { parseRules } from '../../domain/evidence/parse-rules.ts';
import type { RowTable } from '../../domain/evidence/rows.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { EvidenceStore } from '../../ports/evidence-store.ts';

/** Comparisons of the demo: real statistics, on rows that are made up. */
export async function tellComparisons(
  evidence: EvidenceStore,
  modelName: string,
  nowMs: number,
  deadline: Deadline,
): Promise<void> {
  for (const { champion, challenger, gains, agoMs } of pairs) {
    const rows = { champion: rowsOf(champion, [0, 0, 0]), challenger: rowsOf(challenger, gains) };
    const { finding, rules } = compareRows(rows, tradeRules);
    const pair = { modelName, champion, challenger };
    const text = evidenceText(pair, rules, finding);
    const { decision, confidence } = finding;
    const made = { text, sha256: identity.digest(text), createdAtMs: nowMs - agoMs };
    await evidence.writeEvidence({ ...pair, decision, confidence, ...made }, deadline);
  }
}

// ---------------------------------------------------------------------------------------------------

const dayMs = 86_400_000;

/** By how much the challenger is better: share of right calls, profit, slippage. */
const pairs = [
  { champion: '4', challenger: '5', gains: [0.04, 0.15, -0.4], agoMs: 1.7 * dayMs },
  { champion: '2', challenger: '4', gains: [0.12, 0.5, 0.3], agoMs: 4.3 * dayMs },
  { champion: '2', challenger: '3', gains: [-0.12, -0.5, 0.1], agoMs: 6.9 * dayMs },
] as const;

const tradeRules = parseRules(
  {
    metrics: {
      right: { direction: 'higher', must_improve: true },
      profit: { direction: 'higher', margin: 0.05 },
      slippage: { direction: 'lower', margin: 0.1, weight: 'low', critical: false },
      latency_ms: { direction: 'lower', observe_only: true },
    },
    slices: [{ column: 'market' }],
  },
  'rules',
);

function rowsOf(version: string, [right, profit, slippage]: readonly number[]): RowTable {
  const ids = Array.from({ length: 240 }, (_, index) => index);
  const noise = (name: string, id: number): number => chance(`${version} ${name} ${id}`);
  const shared = (name: string, id: number): number => chance(`${name} ${id}`);
  const columns = new Map<string, readonly unknown[]>([
    ['id', ids],
    ['market', ids.map((id) => (id % 3 === 0 ? 'Tokyo' : 'London'))],
    ['right', ids.map((id) => Number(noise('right', id) < 0.6 + (right ?? 0)))],
    [
      'profit',
      ids.map((id) => 4 + 6 * shared('profit', id) + 2 * noise('profit', id) + (profit ?? 0)),
    ],
    ['slippage', ids.map((id) => 3 + shared('slip', id) + noise('slip', id) - (slippage ?? 0))],
    ['latency_ms', ids.map((id) => 20 + 5 * noise('latency', id))],
  ]);
  return { name: `version ${version}`, sha256: identity.digest(version), columns };
}

/** From 0 to 1; the same text gives the same number. */
function chance(text: string): number {
  return Number.parseInt(identity.digest(text).slice(0, 8), 16) / 2 ** 32;
}
