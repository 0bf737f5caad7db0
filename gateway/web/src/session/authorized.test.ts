import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { authorizedFetch } from "./authorized.ts";
import { EMAIL, FakeGateway, FakeTab, PASSWORD, unauthenticated } from "./fakeWorld.ts";
import { Refused } from "./identity.ts";

const QUERY = { method: "POST", body: JSON.stringify({ query: "{ viewer { user { email } } }" }) };

describe("authorizedFetch", () => {
  let gateway: FakeGateway;
  let tab: FakeTab;
  let send: typeof fetch;

  beforeEach(async () => {
    gateway = new FakeGateway();
    tab = new FakeTab(gateway, "authorized");
    await tab.session.signIn(EMAIL, PASSWORD);
    gateway.asked.length = 0;
    send = authorizedFetch(tab.session, gateway.fetch);
  });

  afterEach(() => tab.close());

  function bearers(): (string | null)[] {
    return gateway.asked.map((headers) => headers.get("Authorization"));
  }

  test("carries the access token beside the request's own headers", async () => {
    await send("/graphql", { ...QUERY, headers: { Accept: "application/json" } });
    assert.deepEqual(bearers(), ["Bearer access-1"]);
    assert.equal(gateway.asked[0]?.get("Accept"), "application/json");
  });

  test("leaves a request alone that brings its own Authorization", async () => {
    await send("/graphql", { ...QUERY, headers: { authorization: "Bearer pgk_other" } });
    assert.deepEqual(bearers(), ["Bearer pgk_other"]);
    assert.deepEqual(gateway.refreshed, []);
  });

  test("prefers the tenant that the request names", async () => {
    tab.session.chooseTenant("ten_2");
    await send("/graphql", { ...QUERY, headers: { "podgraph-tenant": "ten_3" } });
    assert.equal(gateway.asked[0]?.get("Podgraph-Tenant"), "ten_3");
  });

  for (const status of [200, 401]) {
    test(`renews and repeats once after an UNAUTHENTICATED of status ${status}`, async () => {
      gateway.nextAnswers.push(unauthenticated(status));
      const response = await send("/graphql", QUERY);
      assert.equal(response.status, 200);
      assert.deepEqual(bearers(), ["Bearer access-1", "Bearer access-2"]);
    });
  }

  test("does not repeat a second time", async () => {
    gateway.nextAnswers.push(unauthenticated(401), unauthenticated(401));
    const response = await send("/graphql", QUERY);
    assert.equal(response.status, 401);
    assert.equal(gateway.asked.length, 2);
  });

  test("does not repeat a request that brought data", async () => {
    const body = { data: { a: 1, b: null }, errors: [{ extensions: { code: "UNAUTHENTICATED" } }] };
    gateway.nextAnswers.push(Response.json(body));
    assert.deepEqual(await (await send("/graphql", QUERY)).json(), body);
    assert.equal(gateway.asked.length, 1);
  });

  test("passes on an answer that is not the JSON it claims to be", async () => {
    gateway.nextAnswers.push(new Response("<html>", { headers: { "Content-Type": "application/json" } }));
    assert.equal(await (await send("/graphql", QUERY)).text(), "<html>");
  });

  test("rejects and signs out when the renewal is refused", async () => {
    gateway.revokeEverything();
    await assert.rejects(send("/graphql", QUERY), Refused);
    assert.equal(tab.session.state().kind, "signedOut");
  });
});
