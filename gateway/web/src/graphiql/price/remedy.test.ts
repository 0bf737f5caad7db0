import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OperationTypeNode } from "graphql";
import { remedyFor } from "./remedy.ts";

function remedy(
  query: string,
  path: string,
  { operationName = null as string | null, fits = 120 as number | null } = {},
) {
  const request = { query, operationName, variables: null, headers: {}, kind: OperationTypeNode.QUERY };
  return remedyFor(request, { path, argument: "first", asked: 500, largestThatFits: fits });
}

/** The text with the remedy applied. */
function mended(query: string, path: string, operationName: string | null = null): string | null {
  const found = remedy(query, path, { operationName });
  return found?.kind === "literal" ? query.slice(0, found.start) + found.value + query.slice(found.end) : null;
}

describe("remedyFor", () => {
  test("finds the literal of a list", () => {
    assert.equal(
      mended("{ campaigns(first: 500) { nodes { id } } }", "campaigns"),
      "{ campaigns(first: 120) { nodes { id } } }",
    );
  });

  test("finds it under an alias, within another list, in an inline fragment", () => {
    const query =
      "{ node(id: 1) { ... on Campaign { mine: items(after: 7, first: 500) { id } items(first: 9) { id } } } }";
    assert.equal(mended(query, "node.mine"), query.replace("500", "120"));
  });

  test("looks into the operation that is priced and no other", () => {
    const query = "query A { a(first: 5) { id } } query B { a(first: 500) { id } }";
    assert.equal(mended(query, "a", "B"), query.replace("500", "120"));
  });

  test("names the variable where one says the size", () => {
    const query = "query A($count: Int!) { a(first: $count) { id } }";
    assert.deepEqual(remedy(query, "a", { operationName: "A" }), { kind: "variable", name: "count" });
  });

  for (const [why, query] of [
    ["there is no such argument", "{ a(last: 500) { id } }"],
    ["there is no such field", "{ b(first: 500) { id } }"],
    ["two fields share the name", "{ a(first: 500) { id } a(first: 500) { name } }"],
    ["the field is in a named fragment", "{ ...F } fragment F on Query { a(first: 500) { id } }"],
    ["the text does not parse", "{ a(first: 500) {"],
  ] as const) {
    test(`has none where ${why}`, () => assert.equal(remedy(query, "a"), null));
  }

  test("has none where no size fits", () => {
    assert.equal(remedy("{ a(first: 500) { id } }", "a", { fits: null }), null);
  });
});
