import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parse } from "graphql";
import { freshOperation } from "./freshOperation.ts";

const WATCH = "subscription Watch { a }";

describe("freshOperation", () => {
  test("names the only operation of the text, whatever ran before", () => {
    const stale = { query: WATCH, operationName: "Podcasts", variables: { first: 1 } };
    const [params, opts] = freshOperation(stale, { documentAST: parse("query Podcasts { b }"), headers: { a: "b" } });
    assert.deepEqual(params, { query: WATCH, operationName: "Watch", variables: { first: 1 } });
    assert.deepEqual(opts, { documentAST: parse(WATCH), headers: { a: "b" } });
  });

  test("names no operation where the only one has no name", () => {
    assert.equal(freshOperation({ query: "{ a }", operationName: "Podcasts" })[0].operationName, null);
  });

  test("keeps the choice between several operations", () => {
    const query = "query A { a } query B { b }";
    assert.equal(freshOperation({ query, operationName: "B" })[0].operationName, "B");
  });

  test("leaves text alone that does not parse", () => {
    const params = { query: "query {", operationName: "A" };
    assert.deepEqual(freshOperation(params), [params, {}]);
  });
});
