import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type EditorTexts, operationKey, type ReadObject, requestIn } from "./request.ts";

const readObject: ReadObject = (text) => (text === "" ? undefined : JSON.parse(text));

function reading(texts: Partial<EditorTexts>) {
  return requestIn({ query: "", variables: "", headers: "", cursor: 0, operationName: null, ...texts }, readObject);
}

function operationName(texts: Partial<EditorTexts>) {
  const read = reading(texts);
  return "request" in read ? read.request.operationName : read;
}

describe("requestIn", () => {
  test("takes the only operation with its variables and headers", () => {
    const query = "mutation Make { make }";
    const texts = { query, variables: '{"a": 1}', headers: '{"Podgraph-Tenant": "ten_2", "X-Count": 3}' };
    assert.deepEqual(reading(texts), {
      request: {
        query,
        operationName: "Make",
        variables: { a: 1 },
        headers: { "Podgraph-Tenant": "ten_2", "X-Count": "3" },
        kind: "mutation",
      },
    });
  });

  test("of several operations takes the one under the cursor, whatever ran last", () => {
    const query = "query A { a }\n\nquery B { b }";
    assert.equal(operationName({ query, cursor: 3, operationName: "B" }), "A");
    assert.equal(operationName({ query, cursor: query.length, operationName: "A" }), "B");
  });

  test("between operations takes the one that GraphiQL names, or else the first", () => {
    const query = "query A { a }\n\nquery B { b }";
    assert.equal(operationName({ query, cursor: 14, operationName: "B" }), "B");
    assert.equal(operationName({ query, cursor: 14, operationName: "Gone" }), "A");
  });

  for (const query of ["", " \n", "# only\n# words ########", "fragment F on Campaign { id }"]) {
    test(`finds no operation in ${JSON.stringify(query)}`, () => {
      assert.deepEqual(reading({ query }), { obstacle: "empty" });
    });
  }

  test("says which text cannot be read", () => {
    assert.deepEqual(reading({ query: "# half\nquery {" }), { obstacle: "query" });
    assert.deepEqual(reading({ query: "{ a }", variables: "{" }), { obstacle: "variables" });
    assert.deepEqual(reading({ query: "{ a }", headers: "{" }), { obstacle: "headers" });
  });

  test("is soon done with a long line of #", () => {
    const before = performance.now();
    reading({ query: `${"#".repeat(50_000)}\nquery {` });
    assert.ok(performance.now() - before < 1_000);
  });
});

describe("operationKey", () => {
  const request = { query: "query A($n: Int) { a(n: $n) }", operationName: "A", variables: { n: 1 } };

  test("is the same with no variables and with none named", () => {
    assert.equal(operationKey({ ...request, variables: null }), operationKey({ ...request, variables: {} }));
  });

  test("is another with another variable", () => {
    assert.notEqual(operationKey(request), operationKey({ ...request, variables: { n: 2 } }));
  });
});
