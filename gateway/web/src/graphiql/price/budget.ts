import type { Level } from "./cost.ts";

/** A level of a budget at a moment. Moments are milliseconds of one clock, which may begin anywhere. */
export interface Budget extends Level {
  at: number;
}

/** What a budget has by now if nobody spends from it. It may be below zero. */
export function availableAt(budget: Budget, now: number): number {
  const restored = budget.restoreRate * (Math.max(0, now - budget.at) / 1000);
  return Math.min(budget.capacity, budget.available + restored);
}

/** Milliseconds until a budget has `points`; 0 if it has them, Infinity if it never will. */
export function waitFor(points: number, budget: Budget, now: number): number {
  const missing = points - availableAt(budget, now);
  if (missing <= 0) return 0;
  if (points > budget.capacity || budget.restoreRate <= 0) return Number.POSITIVE_INFINITY;
  return (missing / budget.restoreRate) * 1000;
}

export function isFull(budget: Budget, now: number): boolean {
  return availableAt(budget, now) >= budget.capacity;
}
