import assert from "node:assert/strict";
import { test } from "node:test";
import { OperationTypeNode } from "graphql";
import { priceQuestion } from "./askPrice.ts";

const REQUEST = {
  query: "mutation Make { make }",
  operationName: "Make",
  variables: { a: 1 },
  headers: { "Podgraph-Tenant": "ten_2", "graphql-cost": "report", accept: "text/html" },
  kind: OperationTypeNode.MUTATION,
};

test("a question of a price executes nothing, whatever the header editor says", async () => {
  const sent: { url: unknown; init: RequestInit | undefined }[] = [];
  const ask = priceQuestion(async (url, init) => {
    sent.push({ url, init });
    return Response.json({ data: null });
  }, "/graphql");
  assert.deepEqual(await ask(REQUEST, new AbortController().signal), { data: null });
  const headers = new Headers(sent[0]?.init?.headers);
  assert.equal(headers.get("GraphQL-Cost"), "validate");
  assert.equal(headers.get("Accept"), "application/json");
  assert.equal(headers.get("Podgraph-Tenant"), "ten_2");
  assert.deepEqual(JSON.parse(String(sent[0]?.init?.body)), {
    query: REQUEST.query,
    operationName: "Make",
    variables: { a: 1 },
  });
});

test("a question ends when it is taken back", async () => {
  const taken = new AbortController();
  const ask = priceQuestion((_url, init) => {
    const { promise, reject } = Promise.withResolvers<Response>();
    init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
    return promise;
  }, "/graphql");
  const answer = ask(REQUEST, taken.signal);
  taken.abort();
  await assert.rejects(answer, { name: "AbortError" });
});
