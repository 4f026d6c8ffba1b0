import { type ModelPointer, parsePointer } from '../registry/pointer.ts';
import { aliasEvidence } from './alias-evidence.ts';
import type { PointerEvidence } from './pointer-evidence.ts';
import { stageEvidence } from './stage-evidence.ts';

/** The same for the pointer of a plan. @throws InvalidRequestError for one of a later release */
export function evidenceFor(pointer: string): PointerEvidence {
  return evidenceOf(parsePointer(pointer, 'pointer'));
}

/** The one place that chooses by the kind of pointer. */
export function evidenceOf(pointer: ModelPointer): PointerEvidence {
  return pointer.kind === 'stage' ? stageEvidence : aliasEvidence;
}
