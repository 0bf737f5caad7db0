import assert from "node:assert/strict";
import { test } from "node:test";
import { billGroups } from "./billGroups.ts";

function line(path: string, coordinate: string, subtotal: number) {
  return { path, coordinate, multiplier: subtotal, weight: 1, subtotal, actual: null };
}

test("lines of one path stand together, and the path that costs most comes first", () => {
  const campaign = line("a", "Campaign", 20);
  const placement = line("a.b", "Placement", 15);
  const field = line("a.b", "Campaign.b", 6);
  const root = line("", "Query", 1);
  assert.deepEqual(billGroups([campaign, placement, field, root]), [
    { path: "a.b", subtotal: 21, lines: [placement, field] },
    { path: "a", subtotal: 20, lines: [campaign] },
    { path: "", subtotal: 1, lines: [root] },
  ]);
});
