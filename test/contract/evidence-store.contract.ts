/** What every store of evidence must do. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import { StateCorruptError, StateStoreUnavailableError } from '../../src/domain/errors.ts';
import type { Evidence } from '../../src/domain/evidence/evidence.ts';
import type { EvidenceStore } from '../../src/ports/evidence-store.ts';
import { NOON_MS } from './rollback-samples.ts';
import { EXPIRED, failure, soon } from './rollback-store-place.ts';

/** One empty place of data, seen by any number of clients. */
export interface EvidencePlace {
  /** Another client of the same data; the suite closes it. */
  open(workspace?: string): EvidenceStore;
  /** Replaces the document of the only item there is. */
  edit(doc: string): Promise<void>;
  close(): Promise<void>;
}

export function describeEvidenceStore(name: string, openPlace: () => Promise<EvidencePlace>): void {
  describe(`${name} as EvidenceStore`, () => {
    let place: EvidencePlace;
    const stores: EvidenceStore[] = [];

    beforeEach(async () => {
      place = await openPlace();
    });

    afterEach(async () => {
      for (const store of stores.splice(0)) store.close();
      await place.close();
    });

    const open = (workspace?: string): EvidenceStore => {
      const store = place.open(workspace);
      stores.push(store);
      return store;
    };

    test('has nothing where nothing was written', async () => {
      expect(await open().readEvidence(evidence(), soon())).toBeUndefined();
    });

    test('gives the latest of a pair to every client', async () => {
      const [first, second] = [evidence(), evidence({ createdAtMs: NOON_MS + 5, text: '{"n":2}' })];
      await open().writeEvidence(second, soon());
      await open().writeEvidence(first, soon());
      expect(await open().readEvidence(first, soon())).toEqual(second);
    });

    test('has a finding once, however often it is written', async () => {
      await open().writeEvidence(evidence(), soon());
      await open().writeEvidence(evidence(), soon());
      expect(await open().readEvidence(evidence(), soon())).toEqual(evidence());
    });

    test('orders by time, not by the length of its number', async () => {
      const times = [9_999, 10_000, 999];
      for (const createdAtMs of times)
        await open().writeEvidence(evidence({ createdAtMs }), soon());
      expect((await open().readEvidence(evidence(), soon()))?.createdAtMs).toBe(10_000);
    });

    test('keeps pairs, models and workspaces apart', async () => {
      await open().writeEvidence(evidence({ champion: '1', challenger: '12' }), soon());
      const others = [
        evidence({ champion: '12', challenger: '1' }),
        evidence({ champion: '1', challenger: '1' }),
        evidence({ champion: '1', challenger: '2' }),
        evidence({ modelName: 'fraud/2', champion: '1', challenger: '12' }),
      ];
      for (const other of others) {
        expect(await open().readEvidence(other, soon())).toBeUndefined();
      }
      const same = evidence({ champion: '1', challenger: '12' });
      expect(await open('team-b').readEvidence(same, soon())).toBeUndefined();
      expect(await open().readEvidence(same, soon())).toEqual(same);
    });

    test('lists the latest of each pair of a model, the newest first', async () => {
      const store = open();
      expect(await store.listEvidence('fraud', 5, soon())).toEqual({ entries: [], unreadable: [] });
      const [old, other, latest] = [
        evidence({ champion: '9', challenger: '10', createdAtMs: 9_999 }),
        evidence({ champion: '10', challenger: '11', createdAtMs: 20_000 }),
        evidence({ champion: '9', challenger: '10', createdAtMs: 10_000, text: '{"n":2}' }),
      ];
      const elsewhere = [evidence({ modelName: 'fraud2' }), evidence({ modelName: 'fraud/2' })];
      for (const one of [latest, other, old, ...elsewhere]) {
        await store.writeEvidence(one, soon());
      }
      await open('team-b').writeEvidence(evidence({ createdAtMs: NOON_MS + 1 }), soon());
      const list = await open().listEvidence('fraud', 5, soon());
      expect(list).toEqual({ entries: [other, latest], unreadable: [] });
      expect((await store.listEvidence('fraud', 1, soon())).entries).toEqual([other]);
    });

    test('lists what can be read, and names what cannot', async () => {
      const store = open();
      await store.writeEvidence(evidence(), soon());
      await place.edit(JSON.stringify({ ...evidence(), decision: 'SHIP' }));
      await store.writeEvidence(evidence({ challenger: '4' }), soon());
      const { entries, unreadable } = await store.listEvidence('fraud', 5, soon());
      expect(entries).toEqual([evidence({ challenger: '4' })]);
      expect(unreadable).toMatchObject([
        { id: 'fraud/EVIDENCE', why: expect.stringContaining('field decision') },
      ]);
    });

    test('keeps the text of a large finding as it is', async () => {
      const large = evidence({ text: `{"words":"${'é "\\ \n 語'.repeat(5_000)}"}` });
      await open().writeEvidence(large, soon());
      expect(await open().readEvidence(large, soon())).toEqual(large);
    });

    test('names an item that was changed by hand', async () => {
      const store = open();
      await store.writeEvidence(evidence(), soon());
      const edits: [change: object, problem: RegExp][] = [
        [{ text: '{"decision":"PROMOTE"}' }, /field sha256: it is not the digest of the text/],
        [{ decision: 'SHIP' }, /field decision/],
        [{ confidence: 2 }, /field confidence/],
      ];
      for (const [change, problem] of edits) {
        await place.edit(JSON.stringify({ ...evidence(), ...change }));
        const error = await failure(store.readEvidence(evidence(), soon()));
        expect(error).toBeInstanceOf(StateCorruptError);
        expect(error.message).toContain('fraud/EVIDENCE#2#3');
        expect(error.message).toMatch(problem);
      }
    });

    test('reads an item that has a field of a later release', async () => {
      await open().writeEvidence(evidence(), soon());
      await place.edit(JSON.stringify({ ...evidence(), signedBy: 'ada' }));
      expect(await open().readEvidence(evidence(), soon())).toEqual(evidence());
    });

    test('starts no call after the deadline', async () => {
      const store = open();
      for (const call of [
        store.writeEvidence(evidence(), EXPIRED),
        store.readEvidence(evidence(), EXPIRED),
        store.listEvidence('fraud', 5, EXPIRED),
      ]) {
        expect(await failure(call)).toBeInstanceOf(StateStoreUnavailableError);
      }
      expect(await store.readEvidence(evidence(), soon())).toBeUndefined();
    });
  });
}

function evidence(change: Partial<Evidence> = {}): Evidence {
  const text = change.text ?? '{"decision":"KEEP"}';
  return {
    modelName: 'fraud',
    champion: '2',
    challenger: '3',
    decision: 'KEEP',
    confidence: 0.75,
    createdAtMs: NOON_MS,
    ...change,
    text,
    sha256: systemIdentity.digest(text),
  };
}
