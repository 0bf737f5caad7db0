/** What an answer of the gateway says about money: `extensions.cost`, and why a request was refused. All costs are points. */

export interface Level {
  available: number;
  capacity: number;
  /** Points per second. */
  restoreRate: number;
}

export interface BillLine {
  path: string;
  coordinate: string;
  multiplier: number;
  weight: number;
  subtotal: number;
  /** What the execution came to; null in a bill of what has not run. */
  actual: { multiplier: number; subtotal: number } | null;
}

/** The list that costs most, in an operation that costs too much. */
export interface DearestList {
  path: string;
  argument: string;
  asked: number;
  /** The largest value of the argument with which the whole operation is allowed; null if none is. */
  largestThatFits: number | null;
}

export interface Cost {
  requested: number;
  /** Null for an operation that was not executed. */
  actual: number | null;
  /** What one operation may cost. */
  maximum: number;
  budget: Level | null;
  /** The API key's own budget, beside the tenant's. */
  keyBudget: Level | null;
  /** Dearest line first; empty where none was asked for. */
  bill: BillLine[];
  dearest: DearestList | null;
}

export interface Refusal {
  code: string;
  message: string;
  /** Seconds until the budget is large enough; null unless it was too low. */
  retryAfter: number | null;
}

export interface Answer {
  cost: Cost | null;
  /** The first error of an answer without data. */
  refusal: Refusal | null;
}

interface WireLevel {
  maximumAvailable: number;
  currentlyAvailable: number;
  restoreRate: number;
}

interface WireLine extends Omit<BillLine, "actual"> {
  actualMultiplier?: number;
  actualSubtotal?: number;
}

interface WireBody {
  data?: unknown;
  errors?: { message: string; extensions?: { code?: string; retryAfter?: number } }[];
  extensions?: {
    cost?: {
      requestedQueryCost: number;
      actualQueryCost: number | null;
      maximumQueryCost: number;
      throttleStatus?: WireLevel;
      apiKeyThrottleStatus?: WireLevel;
      bill?: WireLine[];
      dearestList?: DearestList | null;
    };
  };
}

/** Of the body of a GraphQL response; nothing is said by what is none. */
export function answerIn(body: unknown): Answer {
  if (typeof body !== "object" || body === null) return { cost: null, refusal: null };
  const { data, errors, extensions } = body as WireBody;
  const cost = extensions?.cost;
  const error = (data ?? null) === null ? errors?.[0] : undefined;
  return {
    cost: cost
      ? {
          requested: cost.requestedQueryCost,
          actual: cost.actualQueryCost,
          maximum: cost.maximumQueryCost,
          budget: level(cost.throttleStatus),
          keyBudget: level(cost.apiKeyThrottleStatus),
          bill: (cost.bill ?? []).map(line),
          dearest: cost.dearestList ?? null,
        }
      : null,
    refusal: error
      ? {
          code: error.extensions?.code ?? "UNKNOWN",
          message: error.message,
          retryAfter: error.extensions?.retryAfter ?? null,
        }
      : null,
  };
}

function level(status: WireLevel | undefined): Level | null {
  if (!status) return null;
  return {
    available: status.currentlyAvailable,
    capacity: status.maximumAvailable,
    restoreRate: status.restoreRate,
  };
}

function line({ actualMultiplier, actualSubtotal, ...planned }: WireLine): BillLine {
  const ran = actualMultiplier !== undefined && actualSubtotal !== undefined;
  return { ...planned, actual: ran ? { multiplier: actualMultiplier, subtotal: actualSubtotal } : null };
}
