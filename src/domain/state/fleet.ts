import { commandText } from '../command-line.ts';
import { limits } from '../limits.ts';
import { isoTime } from '../registry/model.ts';
import { next } from '../revision.ts';
import type { Decided } from './operator.ts';

/**
 * What holds for all models together, and the latch that stops automation. A latch and not a window:
 * otherwise 200 models in ALARM would be rolled back a few at a time, hour after hour.
 */

/** Automation is stopped until a person runs `resume`. */
export interface Pause {
  readonly atMs: number;
  readonly why: 'budget' | 'recovery' | 'blast-radius' | 'operator';
  /** One sentence. */
  readonly message: string;
  /** The rollback that caused it; empty when a person paused it. */
  readonly rollbackId: string;
}

export interface FleetState extends Decided {
  readonly revision: number;
  readonly pause: Pause | null;
  /** Models that alarms moved lately or are moving, newest last. */
  readonly slots: readonly FleetSlot[];
}

export interface FleetSlot {
  readonly modelName: string;
  readonly atMs: number;
}

/** At most so many models in so much time, by alarms; null: no bound. */
export type BlastRadius = { readonly models: number; readonly windowMs: number } | null;

/** `revision` 0 means: not stored yet. */
export const newFleetState: FleetState = { revision: 0, pause: null, slots: [] };

/** True when a rollback of this model would be one too many. */
export function isBlastRadiusReached(
  fleet: FleetState,
  modelName: string,
  radius: BlastRadius,
  nowMs: number,
): boolean {
  return radius !== null && othersSince(fleet, modelName, nowMs - radius.windowMs) >= radius.models;
}

/** The fleet with a slot taken for a model: its run may give it back. */
export function takeSlot(fleet: FleetState, modelName: string, nowMs: number): FleetState {
  const slots = [...fleet.slots, { modelName, atMs: nowMs }];
  return next({ ...fleet, slots: slots.slice(-limits.fleetSlotsMax) });
}

/** True when the run that claimed the model then holds a slot. */
export function hasSlot(fleet: FleetState, { modelName, atMs }: FleetSlot): boolean {
  return fleet.slots.some((slot) => slot.modelName === modelName && slot.atMs === atMs);
}

/** The fleet without the slot of a run that moved nothing. */
export function giveSlotBack(fleet: FleetState, { modelName, atMs }: FleetSlot): FleetState {
  const slots = fleet.slots.filter((slot) => slot.modelName !== modelName || slot.atMs !== atMs);
  return next({ ...fleet, slots });
}

/** The fleet, stopped. */
export function pauseFleet(fleet: FleetState, pause: Pause): FleetState {
  return next({ ...fleet, pause });
}

/** A person let automation go on: with a blast radius of which nothing is used. */
export function resumeFleet(fleet: FleetState): FleetState {
  return { ...fleet, pause: null, slots: [] };
}

/**
 * Why and since when automation is stopped, and what to do.
 * @param modelName null: automation of all models
 */
export function pauseText(pause: Pause, modelName: string | null): string {
  const since = `Automation has been paused since ${isoTime(pause.atMs)}.`;
  return `${pause.message} ${since} To let alarms act again, run ${resumeText(modelName)}.`;
}

/** The command that lets alarms act again. */
export function resumeText(modelName: string | null): string {
  return modelName === null
    ? commandText('resume', [], { fleet: true })
    : commandText('resume', [modelName]);
}

// ---------------------------------------------------------------------------------------------------

function othersSince(fleet: FleetState, modelName: string, sinceMs: number): number {
  const others = fleet.slots.filter((slot) => slot.modelName !== modelName && slot.atMs > sinceMs);
  return new Set(others.map((slot) => slot.modelName)).size;
}
