import type { Budget } from "./budget.ts";
import { type Answer, answerIn, type Cost, type Level, type Refusal } from "./cost.ts";
import { type Obstacle, operationKey, type PricedRequest, type Reading } from "./request.ts";

/** The price of an operation that was not executed. */
export interface Quote {
  request: PricedRequest;
  cost: Cost;
}

/** What became of an operation that was sent. A subscription has an answer for each event. */
export interface Run {
  key: string;
  state: "running" | "ended";
  cost: Cost | null;
  refusal: Refusal | null;
  /** When the last answer came. */
  at: number;
}

/** How the quote stands to what is in the editors: it is theirs, or it will be, or why it is not. */
export type Standing =
  | { kind: "current" }
  | { kind: "pending" }
  | { kind: "obstacle"; obstacle: Obstacle }
  | { kind: "refused"; message: string }
  | { kind: "unreachable" };

export interface PriceState {
  standing: Standing;
  quote: Quote | null;
  /** The last run of the operation that the quote is for. */
  run: Run | null;
  budget: Budget | null;
  keyBudget: Budget | null;
}

export interface PriceSurroundings {
  /** The body of the gateway's answer to the question what `request` costs. Rejects when it cannot be asked. */
  ask: (request: PricedRequest, signal: AbortSignal) => Promise<unknown>;
  /** False while nobody is signed in. */
  maySend: () => boolean;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
  /** Does the work after so many milliseconds, unless it is taken back by the function returned. */
  later: (work: () => void, ms: number) => () => void;
}

/** Typing has stopped when nothing has changed for so long. */
const PAUSE_MS = 300;

/** A price takes milliseconds; after so many the gateway counts as unreachable. */
const PATIENCE_MS = 10_000;

const NOTHING: PriceState = {
  standing: { kind: "pending" },
  quote: null,
  run: null,
  budget: null,
  keyBudget: null,
};

/**
 * The price of what stands in the editors, what the last run came to, and what is left of the budget.
 *
 * It asks when something has changed and then rested. One question is under way at a time; its answer is dropped if the
 * operation has changed again.
 */
export class PriceBook {
  /** Whether somebody looks at the bill, so that a run should bring one. */
  isOpen = false;
  readonly #world: PriceSurroundings;
  readonly #listeners = new Set<() => void>();
  #state = NOTHING;
  #lastRun: Run | null = null;
  #read: (() => Reading) | null = null;
  #stopPause: (() => void) | null = null;
  #question: { key: string; abort: AbortController } | null = null;
  #answered: { key: string; standing: Standing } | null = null;
  #speaksCost = false;

  constructor(world: PriceSurroundings) {
    this.#world = world;
  }

  readonly state = (): PriceState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  now(): number {
    return this.#world.now();
  }

  /** From now on `read` says what stands in the editors, until the function returned is called. */
  watch(read: () => Reading): () => void {
    this.#read = read;
    this.changed();
    return () => {
      if (this.#read !== read) return;
      this.#read = null;
      this.#rest();
    };
  }

  /** Something in the editors is another than before, or the cursor is. */
  changed(): void {
    if (!this.#read) return;
    if (this.#state.standing.kind === "current") this.#become({ standing: { kind: "pending" } });
    this.#stopPause?.();
    this.#stopPause = this.#world.later(() => this.#look(), PAUSE_MS);
  }

  /** Forgets all prices, for they were another tenant's. */
  forget(): void {
    this.#rest();
    this.#answered = null;
    this.#lastRun = null;
    this.#become(NOTHING);
    this.changed();
  }

  /** An operation goes out. What comes back is told to the functions returned. */
  began(request: Omit<PricedRequest, "headers">): { answered: (body: unknown) => void; ended: () => void } {
    let run: Run = { key: operationKey(request), state: "running", cost: null, refusal: null, at: this.now() };
    this.#ran(run);
    return {
      answered: (body) => {
        // Another run has begun, or another tenant is the payer.
        if (this.#lastRun !== run) return;
        run = { ...run, ...this.learned(body), at: this.now() };
        this.#ran(run);
      },
      ended: () => {
        const isLatest = this.#lastRun === run;
        run = { ...run, state: "ended" };
        if (isLatest) this.#ran(run);
        // It may have changed the plan, and with it what an operation may cost.
        if (request.kind === "mutation") this.#askAgain();
      },
    };
  }

  /** Any answer of the gateway tells what is left of the budget. */
  learned(body: unknown): Answer {
    const answer = answerIn(body);
    if (!answer.cost) return answer;
    const at = this.now();
    this.#become({ budget: dated(answer.cost.budget, at), keyBudget: dated(answer.cost.keyBudget, at) });
    if (!this.#speaksCost) {
      this.#speaksCost = true;
      this.changed();
    }
    return answer;
  }

  #look(): void {
    this.#stopPause = null;
    if (!this.#read || !this.#world.maySend()) return;
    const reading = this.#read();
    if ("obstacle" in reading) {
      this.#rest();
      this.#become({ standing: { kind: "obstacle", obstacle: reading.obstacle } });
      return;
    }
    const { request } = reading;
    const key = JSON.stringify([operationKey(request), request.headers]);
    if (key === this.#question?.key) return;
    this.#rest();
    if (key === this.#answered?.key) {
      this.#become({ standing: this.#answered.standing });
      return;
    }
    // A gateway that does not know of prices would execute what it is only asked the price of.
    if (request.kind === "mutation" && !this.#speaksCost) return;
    void this.#ask(request, key);
  }

  async #ask(request: PricedRequest, key: string): Promise<void> {
    const question = { key, abort: new AbortController() };
    this.#question = question;
    this.#become({ standing: { kind: "pending" } });
    const stopPatience = this.#world.later(() => question.abort.abort(), PATIENCE_MS);
    let answer: Answer | null = null;
    try {
      const body = await this.#world.ask(request, question.abort.signal);
      if (this.#question === question) answer = this.learned(body);
    } catch (error) {
      if (this.#question === question) console.warn("The price could not be asked.", error);
    } finally {
      stopPatience();
    }
    if (this.#question !== question) return;
    this.#question = null;
    const standing = standingAfter(answer);
    // What could not be asked is asked again.
    this.#answered = standing.kind === "unreachable" ? null : { key, standing };
    if (answer?.cost) this.#become({ quote: { request, cost: answer.cost }, run: this.#runOf(request) });
    this.#become({ standing });
  }

  #askAgain(): void {
    this.#answered = null;
    this.changed();
  }

  #rest(): void {
    this.#stopPause?.();
    this.#stopPause = null;
    this.#question?.abort.abort();
    this.#question = null;
  }

  #ran(run: Run): void {
    this.#lastRun = run;
    const { quote } = this.#state;
    this.#become({ run: quote && this.#runOf(quote.request) });
  }

  #runOf(request: PricedRequest): Run | null {
    return this.#lastRun?.key === operationKey(request) ? this.#lastRun : null;
  }

  #become(change: Partial<PriceState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function standingAfter(answer: Answer | null): Standing {
  if (answer?.cost) return { kind: "current" };
  return answer?.refusal ? { kind: "refused", message: answer.refusal.message } : { kind: "unreachable" };
}

function dated(level: Level | null, at: number): Budget | null {
  return level && { ...level, at };
}
