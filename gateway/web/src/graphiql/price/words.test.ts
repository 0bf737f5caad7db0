import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OperationTypeNode } from "graphql";
import type { Cost } from "./cost.ts";
import type { PriceState, Quote, Run } from "./priceBook.ts";
import {
  advice,
  amount,
  announcement,
  budgetText,
  duration,
  fillingText,
  priceText,
  refundText,
  scarcer,
  standingText,
  throttledFor,
  throttledText,
  usedText,
  verdictOn,
  verdictText,
} from "./words.ts";

const BUDGET = { available: 49_912.5, capacity: 50_000, restoreRate: 500, at: 0 };
const COST: Cost = {
  requested: 152,
  actual: null,
  maximum: 50_000,
  budget: BUDGET,
  keyBudget: null,
  bill: [],
  dearest: null,
};
const DEAREST = { path: "campaigns.edges.node.lineItems", argument: "first", asked: 500, largestThatFits: 1_200 };

function quote(cost: Partial<Cost> = {}, kind: OperationTypeNode = OperationTypeNode.QUERY): Quote {
  return {
    request: { query: "{ a }", operationName: null, variables: null, headers: {}, kind },
    cost: { ...COST, ...cost },
  };
}

function priced(change: Partial<PriceState>): PriceState {
  return { standing: { kind: "current" }, quote: quote(), run: null, budget: BUDGET, keyBudget: null, ...change };
}

function throttled(retryAfter: number): Run {
  const refusal = { code: "THROTTLED", message: "Wait.", retryAfter };
  return { key: "", state: "ended", cost: null, refusal, at: 1_000 };
}

describe("numbers", () => {
  test("have separators of thousands and the decimals of points", () => {
    assert.equal(amount(1_234_567.125), "1,234,567.125");
    assert.equal(amount(152), "152");
    assert.equal(amount(0.1 + 0.2), "0.3");
  });

  test("of a budget are whole and never more than there is", () => {
    assert.equal(budgetText(BUDGET, 0), "49,912 of 50,000");
    assert.equal(budgetText(BUDGET, 100), "49,962 of 50,000");
  });

  test("say when a budget will be full, if it ever will", () => {
    assert.equal(fillingText({ ...BUDGET, available: 0 }, 0), "+500/s, full in 1 min 40 s");
    assert.equal(fillingText(BUDGET, 175), "+500/s");
    assert.equal(fillingText({ ...BUDGET, restoreRate: 0 }, 0), "+0/s");
  });

  test("of a time are rounded up", () => {
    assert.equal(duration(1), "1 s");
    assert.equal(duration(59_001), "1 min");
    assert.equal(duration(61_000), "1 min 1 s");
  });
});

describe("the price", () => {
  test("is said in points", () => {
    assert.equal(priceText(quote()), "152 points");
    assert.equal(priceText(quote({ requested: 1 })), "1 point");
    assert.equal(priceText(quote({}, OperationTypeNode.SUBSCRIPTION)), "152 points per event");
  });

  test("is announced without anything that counts", () => {
    assert.equal(announcement(quote(), { kind: "fits" }), "Price 152 points. Fits.");
    assert.equal(
      announcement(quote(), { kind: "later", ms: 5_000 }),
      "Price 152 points. More than the budget has left now.",
    );
  });
});

describe("the verdict", () => {
  test("is that it fits", () => {
    assert.deepEqual(verdictOn(priced({}), 0), { kind: "fits" });
    assert.equal(verdictText({ kind: "fits" }, false), "Fits");
  });

  test("counts down until the budget has enough", () => {
    const state = priced({ budget: { ...BUDGET, available: -4_848 } });
    assert.deepEqual(verdictOn(state, 0), { kind: "later", ms: 10_000 });
    assert.deepEqual(verdictOn(state, 4_000), { kind: "later", ms: 6_000 });
    assert.deepEqual(verdictOn(state, 10_000), { kind: "fits" });
    assert.equal(verdictText({ kind: "later", ms: 6_000 }, false), "Fits in 6 s");
  });

  test("minds the budget of the API key as well", () => {
    const keyBudget = { available: 52, capacity: 1_000, restoreRate: 10, at: 0 };
    assert.deepEqual(verdictOn(priced({ keyBudget }), 0), { kind: "later", ms: 10_000 });
    assert.deepEqual(verdictOn(priced({ keyBudget: { ...keyBudget, capacity: 151 } }), 0), {
      kind: "tooExpensive",
      dearest: null,
    });
  });

  test("waits as long as the gateway said, whatever the budget seems to have", () => {
    const state = priced({ run: throttled(12) });
    assert.equal(throttledFor(state.run, 5_000), 8_000);
    assert.deepEqual(verdictOn(state, 5_000), { kind: "later", ms: 8_000 });
    assert.equal(verdictText({ kind: "later", ms: 8_000 }, true), "Throttled: fits in 8 s");
    assert.deepEqual(verdictOn(state, 13_000), { kind: "fits" });
  });

  test("says what to do about a run that was throttled", () => {
    assert.equal(throttledText(8_000, false), "The budget was too low. It fits in 8 s: run it again then.");
    assert.equal(
      throttledText(8_000, true),
      "The budget was too low, so an event was missed. The next one fits in 8 s.",
    );
  });

  test("names the size that would fit, whatever the budget has", () => {
    const verdict = verdictOn(priced({ quote: quote({ requested: 50_001, dearest: DEAREST }) }), 0);
    assert.deepEqual(verdict, { kind: "tooExpensive", dearest: DEAREST });
    assert.equal(
      verdictText({ kind: "tooExpensive", dearest: DEAREST }, false),
      "Too expensive: first ≤ 1,200 for lineItems",
    );
    const none = { ...DEAREST, largestThatFits: null };
    assert.equal(
      verdictText({ kind: "tooExpensive", dearest: none }, false),
      "Too expensive: no size of lineItems fits",
    );
    assert.equal(verdictText({ kind: "tooExpensive", dearest: null }, false), "Too expensive");
  });

  test("is none without a price", () => {
    assert.equal(verdictOn(priced({ quote: null }), 0), null);
  });
});

describe("advice", () => {
  const over = "This may cost 60,000 points, and one operation may cost 50,000.";
  const cost = { ...COST, requested: 60_000, dearest: DEAREST };

  test("names the argument, or the variable that says it", () => {
    const list = "The dearest list is campaigns.edges.node.lineItems: it fits with";
    assert.equal(advice(cost, null), `${over} ${list} first at 1,200 instead of 500.`);
    assert.equal(advice(cost, { kind: "variable", name: "n" }), `${over} ${list} $n at 1,200 instead of 500.`);
  });

  test("says what else to do where no size fits", () => {
    const none = { ...cost, dearest: { ...DEAREST, path: "campaigns", largestThatFits: null } };
    assert.equal(
      advice(none, null),
      `${over} The dearest list is campaigns, but no size of it fits: ask for less below and beside it.`,
    );
    assert.equal(
      advice({ ...cost, dearest: null }, null),
      `${over} Ask for fewer fields, or for fewer lists within lists.`,
    );
  });
});

describe("the refund", () => {
  test("is what was reserved and not used", () => {
    const cost = { ...COST, actual: 87.5 };
    assert.equal(refundText(cost), "Reserved 152, used 87.5, 64.5 given back");
    assert.equal(usedText(cost), "Used 87.5, 64.5 given back");
  });

  test("is none of what did not run", () => {
    assert.equal(refundText(COST), null);
    assert.equal(usedText(null), null);
  });
});

describe("the budget that is shown in short", () => {
  const key = { ...BUDGET, available: 10 };

  test("is the one with less left", () => {
    assert.equal(scarcer(BUDGET, key), key);
    assert.equal(scarcer(BUDGET, { ...key, available: 60_000 }), BUDGET);
  });

  test("is the only one", () => {
    assert.equal(scarcer(BUDGET, null), BUDGET);
    assert.equal(scarcer(null, null), null);
  });
});

describe("standingText", () => {
  test("says why the price is not that of the text", () => {
    assert.equal(standingText({ kind: "obstacle", obstacle: "query" }), "The text does not parse.");
    assert.equal(standingText({ kind: "refused", message: "There is no field “a”." }), "There is no field “a”.");
    assert.equal(standingText({ kind: "unreachable" }), "The gateway did not say a price.");
  });

  test("says nothing of a price that is here or on its way", () => {
    assert.equal(standingText({ kind: "current" }), null);
    assert.equal(standingText({ kind: "pending" }), null);
  });
});
