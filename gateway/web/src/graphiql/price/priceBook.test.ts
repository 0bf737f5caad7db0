import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { OperationTypeNode } from "graphql";
import { PriceBook, type PriceState } from "./priceBook.ts";
import type { PricedRequest, Reading } from "./request.ts";

function request(query: string, kind: OperationTypeNode = OperationTypeNode.QUERY): PricedRequest {
  return { query, operationName: null, variables: null, headers: {}, kind };
}

function body(requested: number, actual: number | null = null, available = 49_000): object {
  const throttleStatus = { maximumAvailable: 50_000, currentlyAvailable: available, restoreRate: 500 };
  const cost = { requestedQueryCost: requested, actualQueryCost: actual, maximumQueryCost: 50_000, throttleStatus };
  return { data: null, extensions: { cost } };
}

/** An editor, a gateway that answers when the test says so, and a clock that only the test moves. */
class World {
  reading: Reading = { request: request("{ a }") };
  isSignedIn = true;
  readonly asked: {
    query: string;
    signal: AbortSignal;
    answer: (body: unknown) => Promise<void>;
    fail: () => Promise<void>;
  }[] = [];
  readonly book: PriceBook;
  #now = 0;
  #timers: { at: number; work: () => void }[] = [];

  constructor() {
    this.book = new PriceBook({
      ask: ({ query }, signal) => {
        const { promise, resolve, reject } = Promise.withResolvers<unknown>();
        const settled = async (settle: () => void) => {
          settle();
          await new Promise((resolve) => setImmediate(resolve));
        };
        this.asked.push({
          query,
          signal,
          answer: (body) => settled(() => resolve(body)),
          fail: () => settled(() => reject(new TypeError("fetch failed"))),
        });
        return promise;
      },
      maySend: () => this.isSignedIn,
      now: () => this.#now,
      later: (work, ms) => {
        const timer = { at: this.#now + ms, work };
        this.#timers.push(timer);
        return () => {
          this.#timers = this.#timers.filter((other) => other !== timer);
        };
      },
    });
  }

  state(): PriceState {
    return this.book.state();
  }

  get queries(): string[] {
    return this.asked.map(({ query }) => query);
  }

  open(): void {
    this.book.watch(() => this.reading);
  }

  write(query: string, kind: OperationTypeNode = OperationTypeNode.QUERY): void {
    this.reading = { request: request(query, kind) };
    this.book.changed();
  }

  passes(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { work } of due) work();
  }

  /** Answers the last question. */
  async answer(body: unknown): Promise<void> {
    await this.asked.at(-1)?.answer(body);
  }

  /** What is in the editor is priced. */
  async priced(requested = 10): Promise<void> {
    this.passes(300);
    await this.answer(body(requested));
  }
}

describe("PriceBook", () => {
  let world: World;

  beforeEach(() => {
    world = new World();
    world.open();
  });

  test("asks for the price of what stands in the editor when it opens", async () => {
    assert.equal(world.state().standing.kind, "pending");
    await world.priced(152);
    assert.deepEqual(world.queries, ["{ a }"]);
    assert.equal(world.state().standing.kind, "current");
    assert.equal(world.state().quote?.cost.requested, 152);
    assert.deepEqual(world.state().budget, { available: 49_000, capacity: 50_000, restoreRate: 500, at: 300 });
  });

  test("asks once, 300 ms after the last of several changes", () => {
    for (const query of ["{ ab }", "{ abc }", "{ abcd }"]) {
      world.passes(299);
      world.write(query);
    }
    world.passes(299);
    assert.deepEqual(world.queries, []);
    world.passes(1);
    assert.deepEqual(world.queries, ["{ abcd }"]);
  });

  test("keeps one question under way, and drops the answer to another text", async () => {
    world.passes(300);
    world.write("{ b }");
    world.passes(300);
    const [first, second] = world.asked;
    assert.equal(first?.signal.aborted, true);
    await second?.answer(body(2));
    await first?.answer(body(1));
    assert.equal(world.state().quote?.request.query, "{ b }");
    assert.equal(world.state().quote?.cost.requested, 2);
  });

  test("asks nothing when only the cursor moved, or when a change was taken back", async () => {
    await world.priced();
    world.book.changed();
    assert.equal(world.state().standing.kind, "pending");
    world.passes(300);
    assert.equal(world.state().standing.kind, "current");
    world.write("{ b }");
    world.passes(300);
    world.write("{ a }");
    world.passes(300);
    assert.deepEqual(world.queries, ["{ a }", "{ b }"]);
    assert.equal(world.asked[1]?.signal.aborted, true);
    assert.equal(world.state().standing.kind, "current");
  });

  test("sends nothing of a text that does not parse, and keeps the last price", async () => {
    await world.priced(152);
    world.reading = { obstacle: "query" };
    world.book.changed();
    world.passes(300);
    assert.deepEqual(world.queries, ["{ a }"]);
    assert.deepEqual(world.state().standing, { kind: "obstacle", obstacle: "query" });
    assert.equal(world.state().quote?.cost.requested, 152);
  });

  test("sends nothing while nobody is signed in", () => {
    world.isSignedIn = false;
    world.passes(300);
    assert.deepEqual(world.queries, []);
  });

  test("sends nothing once nobody watches", () => {
    const stop = world.book.watch(() => world.reading);
    world.passes(300);
    stop();
    assert.equal(world.asked[0]?.signal.aborted, true);
    world.book.changed();
    world.passes(300);
    assert.equal(world.asked.length, 1);
  });

  test("says what the gateway found wrong, and prices the next text", async () => {
    world.passes(300);
    await world.answer({
      errors: [{ message: "There is no field 'a'.", extensions: { code: "GRAPHQL_VALIDATION_FAILED" } }],
    });
    assert.deepEqual(world.state().standing, { kind: "refused", message: "There is no field 'a'." });
    world.book.changed();
    world.passes(300);
    assert.deepEqual(world.queries, ["{ a }"]);
    assert.equal(world.state().standing.kind, "refused");
    world.write("{ b }");
    await world.priced(3);
    assert.equal(world.state().standing.kind, "current");
  });

  test("asks again after a failure, once something changes", async (context) => {
    const warn = context.mock.method(console, "warn", () => {});
    world.passes(300);
    await world.asked[0]?.fail();
    assert.equal(world.state().standing.kind, "unreachable");
    assert.equal(warn.mock.callCount(), 1);
    world.book.changed();
    await world.priced();
    assert.deepEqual(world.queries, ["{ a }", "{ a }"]);
    assert.equal(world.state().standing.kind, "current");
  });

  test("waits for an answer ten seconds and no longer", async (context) => {
    context.mock.method(console, "warn", () => {});
    world.passes(300);
    world.passes(9_999);
    assert.equal(world.asked[0]?.signal.aborted, false);
    world.passes(1);
    assert.equal(world.asked[0]?.signal.aborted, true);
    await world.asked[0]?.fail();
    assert.equal(world.state().standing.kind, "unreachable");
  });

  test("does not ask about a mutation until the gateway has shown that it knows prices", () => {
    world.write("mutation { make }", OperationTypeNode.MUTATION);
    world.passes(300);
    assert.deepEqual(world.queries, []);
    world.book.learned({ data: { __schema: {} } });
    world.passes(300);
    assert.deepEqual(world.queries, []);
    world.book.learned(body(1));
    world.passes(300);
    assert.deepEqual(world.queries, ["mutation { make }"]);
  });

  test("shows what a run came to, and what is left of the budget then", async () => {
    await world.priced(152);
    const run = world.book.began(request("{ a }"));
    assert.equal(world.state().run?.state, "running");
    world.passes(40);
    run.answered(body(152, 87.5, 48_000));
    run.ended();
    assert.equal(world.state().run?.state, "ended");
    assert.equal(world.state().run?.cost?.actual, 87.5);
    assert.equal(world.state().run?.at, 340);
    assert.equal(world.state().budget?.available, 48_000);
  });

  test("shows a run only beside the price of its own operation", async () => {
    await world.priced();
    const run = world.book.began(request("{ a }"));
    run.answered(body(10, 5));
    run.ended();
    world.write("{ b }");
    await world.priced();
    assert.equal(world.state().run, null);
    world.write("{ a }");
    await world.priced();
    assert.equal(world.state().run?.cost?.actual, 5);
  });

  test("shows a run that was faster than the price", async () => {
    const run = world.book.began(request("{ a }"));
    run.answered(body(10, 5));
    run.ended();
    assert.equal(world.state().run, null);
    await world.priced();
    assert.equal(world.state().run?.cost?.actual, 5);
  });

  test("shows the latest event of a subscription", async () => {
    world.write("subscription { a }", OperationTypeNode.SUBSCRIPTION);
    await world.priced();
    const run = world.book.began(request("subscription { a }", OperationTypeNode.SUBSCRIPTION));
    run.answered(body(10, 5));
    run.answered(body(10, 7));
    assert.equal(world.state().run?.cost?.actual, 7);
    assert.equal(world.state().run?.state, "running");
  });

  test("hears no more of a run after the next has begun", async () => {
    await world.priced();
    const first = world.book.began(request("{ a }"));
    world.book.began(request("{ a }"));
    first.answered(body(10, 5, 1));
    first.ended();
    assert.equal(world.state().run?.state, "running");
    assert.equal(world.state().budget?.available, 49_000);
  });

  test("asks the price anew after a mutation, which may have changed the plan", async () => {
    world.book.learned(body(1));
    world.write("mutation { make }", OperationTypeNode.MUTATION);
    await world.priced();
    world.book.began(request("mutation { make }", OperationTypeNode.MUTATION)).ended();
    world.passes(300);
    assert.deepEqual(world.queries, ["mutation { make }", "mutation { make }"]);
  });

  test("forgets the prices of another tenant and asks for this one's", async () => {
    await world.priced();
    const run = world.book.began(request("{ a }"));
    world.book.forget();
    run.answered(body(10, 5, 1));
    assert.deepEqual(world.state(), {
      standing: { kind: "pending" },
      quote: null,
      run: null,
      budget: null,
      keyBudget: null,
    });
    await world.priced(20);
    assert.equal(world.state().quote?.cost.requested, 20);
  });
});
