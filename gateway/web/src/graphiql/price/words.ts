import { availableAt, type Budget, waitFor } from "./budget.ts";
import type { Cost, DearestList } from "./cost.ts";
import type { PriceState, Quote, Run, Standing } from "./priceBook.ts";
import type { Remedy } from "./remedy.ts";
import type { Obstacle } from "./request.ts";

const EXACT = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0, roundingMode: "floor" });

/** As exact as points are: with up to three decimals. */
export function amount(points: number): string {
  return EXACT.format(points);
}

/** For what changes while one looks at it. */
export function wholeAmount(points: number): string {
  return WHOLE.format(points);
}

export function priceText({ cost, request }: Quote): string {
  const price = cost.requested === 1 ? "1 point" : `${amount(cost.requested)} points`;
  return request.kind === "subscription" ? `${price} per event` : price;
}

export function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const rest = seconds % 60;
  return rest === 0 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 60)} min ${rest} s`;
}

/** Whether an operation can be sent: now, after a while, or never as it is. */
export type Verdict =
  | { kind: "fits" }
  | { kind: "later"; ms: number }
  | { kind: "tooExpensive"; dearest: DearestList | null };

export function verdictOn({ quote, run, budget, keyBudget }: PriceState, now: number): Verdict | null {
  if (!quote) return null;
  const { cost } = quote;
  if (cost.requested > cost.maximum) return { kind: "tooExpensive", dearest: cost.dearest };
  const waits = [budget, keyBudget].map((one) => (one ? waitFor(cost.requested, one, now) : 0));
  const ms = Math.max(throttledFor(run, now), ...waits);
  if (ms === Number.POSITIVE_INFINITY) return { kind: "tooExpensive", dearest: null };
  return ms > 0 ? { kind: "later", ms } : { kind: "fits" };
}

/** Milliseconds that the gateway asked to wait after the last run, of which so many are left. */
export function throttledFor(run: Run | null, now: number): number {
  if (run?.refusal?.code !== "THROTTLED" || run.refusal.retryAfter === null) return 0;
  return Math.max(0, run.at + run.refusal.retryAfter * 1000 - now);
}

export function throttledText(ms: number, isSubscription: boolean): string {
  return isSubscription
    ? `The budget was too low, so an event was missed. The next one fits in ${duration(ms)}.`
    : `The budget was too low. It fits in ${duration(ms)}: run it again then.`;
}

export function verdictText(verdict: Verdict, isThrottled: boolean): string {
  switch (verdict.kind) {
    case "fits":
      return "Fits";
    case "later":
      return `${isThrottled ? "Throttled: fits" : "Fits"} in ${duration(verdict.ms)}`;
    case "tooExpensive":
      return verdict.dearest ? `Too expensive: ${dearestText(verdict.dearest)}` : "Too expensive";
  }
}

const TONES = { fits: "good", later: "warm", tooExpensive: "bad" } as const;

export function toneOf(verdict: Verdict): "good" | "warm" | "bad" {
  return TONES[verdict.kind];
}

function dearestText({ path, argument, largestThatFits }: DearestList): string {
  const list = path.slice(path.lastIndexOf(".") + 1);
  return largestThatFits === null
    ? `no size of ${list} fits`
    : `${argument} ≤ ${wholeAmount(largestThatFits)} for ${list}`;
}

/** What a screen reader hears when the price is another. Nothing in it counts. */
export function announcement(quote: Quote, verdict: Verdict): string {
  const said = verdict.kind === "later" ? "More than the budget has left now" : verdictText(verdict, false);
  return `Price ${priceText(quote)}. ${said}.`;
}

/** How to get below the maximum, in a sentence or two. */
export function advice({ requested, maximum, dearest }: Cost, remedy: Remedy | null): string {
  const over = `This may cost ${amount(requested)} points, and one operation may cost ${amount(maximum)}.`;
  if (!dearest) return `${over} Ask for fewer fields, or for fewer lists within lists.`;
  const { path, argument, asked, largestThatFits } = dearest;
  const list = `The dearest list is ${path}`;
  if (largestThatFits === null) return `${over} ${list}, but no size of it fits: ask for less below and beside it.`;
  const where = remedy?.kind === "variable" ? `$${remedy.name}` : argument;
  return `${over} ${list}: it fits with ${where} at ${wholeAmount(largestThatFits)} instead of ${wholeAmount(asked)}.`;
}

export function budgetText(budget: Budget, now: number): string {
  return `${wholeAmount(availableAt(budget, now))} of ${wholeAmount(budget.capacity)}`;
}

/** Of two budgets that must both have enough, the one with less. */
export function scarcer(budget: Budget | null, keyBudget: Budget | null): Budget | null {
  if (!budget || !keyBudget) return keyBudget ?? budget;
  return keyBudget.available < budget.available ? keyBudget : budget;
}

export function restoreText(budget: Budget): string {
  return `+${amount(budget.restoreRate)}/s`;
}

export function fillingText(budget: Budget, now: number): string {
  const ms = waitFor(budget.capacity, budget, now);
  return ms > 0 && ms < Number.POSITIVE_INFINITY
    ? `${restoreText(budget)}, full in ${duration(ms)}`
    : restoreText(budget);
}

/** What was reserved, used and given back; null for a run that has taken nothing. */
export function refundText(cost: Cost | null): string | null {
  if (!cost || cost.actual === null) return null;
  const refund = cost.requested - cost.actual;
  return `Reserved ${amount(cost.requested)}, used ${amount(cost.actual)}, ${amount(refund)} given back`;
}

export function usedText(cost: Cost | null): string | null {
  if (!cost || cost.actual === null) return null;
  return `Used ${amount(cost.actual)}, ${amount(cost.requested - cost.actual)} given back`;
}

const OBSTACLES: Record<Obstacle, string> = {
  empty: "There is no operation to price.",
  query: "The text does not parse.",
  variables: "The variables are not a JSON object.",
  headers: "The headers are not a JSON object.",
};

/** Why the price shown is not that of what stands in the editor; null if it is, or will be in a moment. */
export function standingText(standing: Standing): string | null {
  switch (standing.kind) {
    case "obstacle":
      return OBSTACLES[standing.obstacle];
    case "refused":
      return standing.message;
    case "unreachable":
      return "The gateway did not say a price.";
    default:
      return null;
  }
}
