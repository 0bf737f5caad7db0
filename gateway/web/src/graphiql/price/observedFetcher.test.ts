import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import type { Fetcher, FetcherOpts } from "@graphiql/toolkit";
import { OperationTypeNode, parse } from "graphql";
import { observedFetcher } from "./observedFetcher.ts";
import { PriceBook } from "./priceBook.ts";

const QUERY = "query A { a }";
const WATCH = "subscription W { a }";

function body(actual: number): object {
  return {
    data: { a: 1 },
    extensions: { cost: { requestedQueryCost: 10, actualQueryCost: actual, maximumQueryCost: 50_000 } },
  };
}

describe("observedFetcher", () => {
  let book: PriceBook;
  let sent: FetcherOpts[];

  /** A book in which `query` has its price, so that its runs show. */
  async function bookOf(query: string, kind: OperationTypeNode): Promise<void> {
    const operationName = query === QUERY ? "A" : "W";
    book = new PriceBook({
      ask: async () => body(0),
      maySend: () => true,
      now: () => 0,
      later: (work, ms) => {
        if (ms < 1_000) work();
        return () => {};
      },
    });
    book.watch(() => ({ request: { query, operationName, variables: null, headers: {}, kind } }));
    await new Promise((resolve) => setImmediate(resolve));
  }

  beforeEach(async () => {
    sent = [];
    await bookOf(QUERY, OperationTypeNode.QUERY);
  });

  function answering(result: unknown): Fetcher {
    return observedFetcher(
      ((_params, opts) => {
        sent.push(opts ?? {});
        return result;
      }) as Fetcher,
      book,
    );
  }

  const run = (fetcher: Fetcher, query = QUERY, headers: Record<string, string> = {}) =>
    fetcher({ query, operationName: query === QUERY ? "A" : "W" }, { documentAST: parse(query), headers });

  test("hands the answer on and tells the book", async () => {
    assert.deepEqual(await run(answering(body(5))), body(5));
    assert.equal(book.state().run?.cost?.actual, 5);
    assert.equal(book.state().run?.state, "ended");
    assert.deepEqual(sent[0]?.headers, {});
  });

  test("asks for the bill while it is looked at, unless the header editor decides", async () => {
    book.isOpen = true;
    await run(answering(body(5)), QUERY, { "X-A": "b" });
    await run(answering(body(5)), QUERY, { "graphql-cost": "validate" });
    assert.deepEqual(
      sent.map(({ headers }) => headers),
      [{ "X-A": "b", "GraphQL-Cost": "report" }, { "graphql-cost": "validate" }],
    );
  });

  test("takes the question for the schema for no run", async () => {
    await answering(body(5))({ query: "{ __schema { a } }", operationName: "IntrospectionQuery" });
    assert.equal(book.state().run, null);
  });

  test("ends a run that failed, with the same error", async () => {
    const failing = observedFetcher((() => Promise.reject(new TypeError("fetch failed"))) as Fetcher, book);
    await assert.rejects(async () => run(failing), TypeError);
    assert.equal(book.state().run?.state, "ended");
  });

  test("hears each event of a subscription, and lets it be stopped while none comes", async () => {
    await bookOf(WATCH, OperationTypeNode.SUBSCRIPTION);
    const never = new Promise<IteratorResult<object>>(() => {});
    const answers = [Promise.resolve({ done: false, value: body(5) }), never];
    let isStopped = false;
    const source = {
      next: () => answers.shift() ?? never,
      return: async () => {
        isStopped = true;
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
    const events = (await run(answering(source), WATCH)) as AsyncIterableIterator<object>;
    assert.deepEqual((await events.next()).value, body(5));
    assert.equal(book.state().run?.cost?.actual, 5);
    assert.equal(book.state().run?.state, "running");
    void events.next();
    await events.return?.();
    assert.equal(isStopped, true);
    assert.equal(book.state().run?.state, "ended");
  });

  test("hears why a subscription was refused", async () => {
    await bookOf(WATCH, OperationTypeNode.SUBSCRIPTION);
    const errors = [{ message: "Wait.", extensions: { code: "THROTTLED", retryAfter: 3 } }];
    const source = { next: () => Promise.reject(errors), [Symbol.asyncIterator]: () => source };
    const events = (await run(answering(source), WATCH)) as AsyncIterableIterator<object>;
    await assert.rejects(events.next(), (error) => error === errors);
    assert.deepEqual(book.state().run?.refusal, { code: "THROTTLED", message: "Wait.", retryAfter: 3 });
  });
});
