import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { answerIn } from "./cost.ts";

const STATUS = { maximumAvailable: 50_000, currentlyAvailable: 49_912.5, restoreRate: 500 };
const LEVEL = { available: 49_912.5, capacity: 50_000, restoreRate: 500 };
const LINE = { path: "campaigns.nodes", coordinate: "Campaign", multiplier: 25, weight: 1, subtotal: 25 };

describe("answerIn", () => {
  test("reads the cost of a run with its bill", () => {
    const cost = {
      requestedQueryCost: 152,
      actualQueryCost: 87.5,
      maximumQueryCost: 50_000,
      throttleStatus: STATUS,
      apiKeyThrottleStatus: { ...STATUS, currentlyAvailable: 10 },
      bill: [{ ...LINE, actualMultiplier: 3, actualSubtotal: 3 }],
    };
    assert.deepEqual(answerIn({ data: { campaigns: null }, extensions: { cost } }), {
      cost: {
        requested: 152,
        actual: 87.5,
        maximum: 50_000,
        budget: LEVEL,
        keyBudget: { ...LEVEL, available: 10 },
        bill: [{ ...LINE, actual: { multiplier: 3, subtotal: 3 } }],
        dearest: null,
      },
      refusal: null,
    });
  });

  test("reads the price of what was refused for it, and the dearest list", () => {
    const dearestList = { path: "campaigns", argument: "first", asked: 500, largestThatFits: 120 };
    const cost = {
      requestedQueryCost: 90_000,
      actualQueryCost: null,
      maximumQueryCost: 50_000,
      bill: [LINE],
      dearestList,
    };
    const errors = [{ message: "Too much.", extensions: { code: "COST_LIMIT_EXCEEDED" } }];
    assert.deepEqual(answerIn({ data: null, errors, extensions: { cost } }), {
      cost: {
        requested: 90_000,
        actual: null,
        maximum: 50_000,
        budget: null,
        keyBudget: null,
        bill: [{ ...LINE, actual: null }],
        dearest: dearestList,
      },
      refusal: { code: "COST_LIMIT_EXCEEDED", message: "Too much.", retryAfter: null },
    });
  });

  test("reads how long a throttled operation should wait", () => {
    const errors = [{ message: "Wait.", extensions: { code: "THROTTLED", retryAfter: 12.5 } }];
    assert.deepEqual(answerIn({ errors }).refusal, { code: "THROTTLED", message: "Wait.", retryAfter: 12.5 });
  });

  test("takes no error of a field for a refusal", () => {
    const errors = [{ message: "No such campaign.", extensions: { code: "NOT_FOUND" } }];
    assert.equal(answerIn({ data: { campaign: null }, errors }).refusal, null);
  });

  for (const body of [null, "<html>", [{ hasNext: false }]]) {
    test(`finds nothing in ${JSON.stringify(body)}`, () => {
      assert.deepEqual(answerIn(body), { cost: null, refusal: null });
    });
  }
});
