import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { availableAt, type Budget, isFull, waitFor } from "./budget.ts";

const BUDGET: Budget = { available: 1_000, capacity: 50_000, restoreRate: 500, at: 10_000 };

describe("a budget between two answers", () => {
  test("fills up at its rate", () => {
    assert.equal(availableAt(BUDGET, 10_000), 1_000);
    assert.equal(availableAt(BUDGET, 12_500), 2_250);
  });

  test("fills up to its capacity and no further", () => {
    assert.equal(availableAt(BUDGET, 108_000), 50_000);
    assert.equal(availableAt(BUDGET, 10_000_000), 50_000);
    assert.equal(isFull(BUDGET, 107_999), false);
    assert.equal(isFull(BUDGET, 108_000), true);
  });

  test("has what it had at a moment before the answer", () => {
    assert.equal(availableAt(BUDGET, 9_000), 1_000);
  });

  test("climbs out of debt", () => {
    assert.equal(availableAt({ ...BUDGET, available: -250 }, 11_000), 250);
  });

  test("says how long until it is enough", () => {
    assert.equal(waitFor(1_000, BUDGET, 10_000), 0);
    assert.equal(waitFor(7_000, BUDGET, 10_000), 12_000);
    assert.equal(waitFor(7_000, BUDGET, 15_000), 7_000);
    assert.equal(waitFor(7_000, BUDGET, 22_000), 0);
  });

  test("is never enough for more than it holds, nor if it is not restored", () => {
    assert.equal(waitFor(50_001, BUDGET, 10_000), Number.POSITIVE_INFINITY);
    assert.equal(waitFor(1_001, { ...BUDGET, restoreRate: 0 }, 10_000), Number.POSITIVE_INFINITY);
  });
});
