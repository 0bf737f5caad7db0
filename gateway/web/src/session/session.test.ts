import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { API_KEY, EMAIL, FakeGateway, FakeTab, PASSWORD } from "./fakeWorld.ts";
import { Refused } from "./identity.ts";

const KEY_REFUSED = "The gateway does not accept this API key: it is wrong, expired or revoked.";

describe("Session", () => {
  let gateway: FakeGateway;
  let tabs: FakeTab[];
  let browser = 0;

  beforeEach(() => {
    gateway = new FakeGateway();
    tabs = [];
    browser += 1;
  });

  afterEach(() => {
    for (const tab of tabs) tab.close();
  });

  function opened(store?: FakeTab["store"]): FakeTab {
    const tab = new FakeTab(gateway, `browser ${browser}`, store);
    tabs.push(tab);
    return tab;
  }

  async function signedIn(): Promise<FakeTab> {
    const tab = opened();
    await tab.session.signIn(EMAIL, PASSWORD);
    return tab;
  }

  async function bearer(tab: FakeTab): Promise<string | undefined> {
    return (await tab.session.headers()).Authorization;
  }

  test("is signed out when nothing was kept", async () => {
    const { session } = opened();
    await session.restore();
    assert.deepEqual(session.state(), { kind: "signedOut", reason: null });
  });

  test("signs in and shows who and for which tenant", async () => {
    const { session } = await signedIn();
    const tenant = { id: "ten_1", name: "Harbour Audio" };
    assert.deepEqual(session.state(), {
      kind: "signedIn",
      tenantId: "ten_1",
      viewer: { user: { email: EMAIL, name: "Ada" }, tenant, memberships: [{ role: "OWNER", tenant }] },
    });
  });

  test("repeats the gateway's words when it refuses a password", async () => {
    const { session, store } = opened();
    await assert.rejects(
      session.signIn(EMAIL, "guess"),
      new Refused("INVALID_CREDENTIALS", "The email or the password is wrong."),
    );
    assert.equal(store.text(), "");
  });

  test("keeps the refresh token and never the access token", async () => {
    const { store } = await signedIn();
    assert.match(store.text(), /refresh-1/);
    assert.doesNotMatch(store.text(), /access-1/);
  });

  test("uses an access token until shortly before its end, then renews it", async () => {
    const tab = await signedIn();
    gateway.now += 569_999;
    assert.equal(await bearer(tab), "Bearer access-1");
    gateway.now += 1;
    assert.equal(await bearer(tab), "Bearer access-2");
    assert.deepEqual(gateway.refreshed, ["refresh-1"]);
  });

  test("uses a token that lives for seconds for four fifths of its life", async () => {
    gateway.lifetimeMs = 10_000;
    const tab = await signedIn();
    gateway.now += 7_999;
    assert.equal(await bearer(tab), "Bearer access-1");
    gateway.now += 1;
    assert.equal(await bearer(tab), "Bearer access-2");
  });

  test("does not mind a clock that is a day fast", async () => {
    const tab = opened();
    tab.clockError = 86_400_000;
    await tab.session.signIn(EMAIL, PASSWORD);
    assert.equal(await bearer(tab), "Bearer access-1");
    assert.deepEqual(gateway.refreshed, []);
  });

  test("spends a refresh token once for ten requests that find the access token stale", async () => {
    const tab = await signedIn();
    gateway.now += 600_000;
    const bearers = await Promise.all(Array.from({ length: 10 }, () => bearer(tab)));
    assert.deepEqual(new Set(bearers), new Set(["Bearer access-2"]));
    assert.deepEqual(gateway.refreshed, ["refresh-1"]);
  });

  test("rotates: each renewal spends the token of the one before", async () => {
    const tab = await signedIn();
    for (let renewal = 0; renewal < 3; renewal += 1) {
      gateway.now += 600_000;
      await bearer(tab);
    }
    assert.deepEqual(gateway.refreshed, ["refresh-1", "refresh-2", "refresh-3"]);
  });

  test("renews once for ten requests that were refused with the same token", async () => {
    const { session } = await signedIn();
    const headers = await session.headers();
    gateway.forgetAccessTokens();
    await Promise.all(Array.from({ length: 10 }, () => session.renewAfter(headers)));
    assert.deepEqual(gateway.refreshed, ["refresh-1"]);
  });

  test("does not renew for a late refusal of a token that was renewed already", async () => {
    const { session } = await signedIn();
    const headers = await session.headers();
    await session.renewAfter(headers);
    await session.renewAfter(headers);
    assert.deepEqual(gateway.refreshed, ["refresh-1"]);
  });

  test("signs out with a reason when the refresh token is no longer accepted", async () => {
    const { session, store } = await signedIn();
    gateway.revokeEverything();
    gateway.now += 600_000;
    await assert.rejects(session.headers(), Refused);
    assert.deepEqual(session.state(), { kind: "signedOut", reason: "Your session has ended. Please sign in again." });
    assert.equal(store.text(), "");
  });

  test("stays signed in through an outage of the gateway", async () => {
    const tab = await signedIn();
    gateway.now += 600_000;
    gateway.unreachable = true;
    await assert.rejects(tab.session.headers(), TypeError);
    gateway.unreachable = false;
    assert.equal(await bearer(tab), "Bearer access-2");
  });

  test("takes up its session after a reload", async () => {
    const before = await signedIn();
    before.close();
    const after = opened(before.store);
    await after.session.restore();
    assert.equal(after.session.state().kind, "signedIn");
    assert.equal(await bearer(after), "Bearer access-2");
  });

  test("keeps the sign-in of a reload that finds no gateway", async () => {
    const before = await signedIn();
    before.close();
    gateway.unreachable = true;
    const during = opened(before.store);
    await during.session.restore();
    assert.equal(during.session.state().kind, "signedOut");
    gateway.unreachable = false;
    const after = opened(before.store);
    await after.session.restore();
    assert.equal(after.session.state().kind, "signedIn");
  });

  test("does not take up a session that was revoked", async () => {
    const before = await signedIn();
    before.close();
    gateway.revokeEverything();
    const after = opened(before.store);
    await after.session.restore();
    assert.deepEqual(after.session.state(), {
      kind: "signedOut",
      reason: "Your session has ended. Please sign in again.",
    });
  });

  test("hands its tokens to a tab that was duplicated from it, without spending any", async () => {
    const first = await signedIn();
    const copy = opened(first.store.copy());
    gateway.now += 600_000;
    assert.equal(await bearer(first), "Bearer access-2");
    await copy.session.restore();
    assert.equal(await bearer(copy), "Bearer access-2");
    assert.deepEqual(gateway.refreshed, ["refresh-1"]);
  });

  test("never spends a refresh token twice when two tabs that share it renew at once", async () => {
    const first = await signedIn();
    const copy = opened(first.store.copy());
    await copy.session.restore();
    for (let renewal = 0; renewal < 3; renewal += 1) {
      gateway.now += 600_000;
      const [one, other] = await Promise.all([bearer(first), bearer(copy)]);
      assert.equal(one, other);
    }
    assert.equal(new Set(gateway.refreshed).size, gateway.refreshed.length);
    assert.equal(gateway.refreshed.length, 4);
  });

  test("tells the gateway of a sign-out and forgets everything", async () => {
    const { session, store } = await signedIn();
    await session.signOut();
    assert.deepEqual(gateway.loggedOut, ["refresh-1"]);
    assert.equal(store.text(), "");
    await assert.rejects(session.headers(), Refused);
  });

  test("revokes what a renewal brings after the sign-out", async () => {
    const { session, store } = await signedIn();
    gateway.now += 600_000;
    const renewal = assert.rejects(session.headers(), Refused);
    await gateway.refreshBegins();
    await session.signOut();
    await renewal;
    assert.deepEqual(gateway.loggedOut, ["refresh-1", "refresh-2"]);
    assert.equal(session.state().kind, "signedOut");
    assert.equal(store.text(), "");
  });

  test("names the chosen tenant, also after a reload", async () => {
    const before = await signedIn();
    before.session.chooseTenant("ten_2");
    assert.equal((await before.session.headers())["Podgraph-Tenant"], "ten_2");
    before.close();
    const after = opened(before.store);
    await after.session.restore();
    assert.equal((await after.session.headers())["Podgraph-Tenant"], "ten_2");
  });

  test("names no tenant until one was chosen", async () => {
    const { session } = await signedIn();
    assert.deepEqual(await session.headers(), { Authorization: "Bearer access-1" });
  });

  test("signs in with an API key and writes it nowhere", async () => {
    const tab = opened();
    await tab.session.signInWithKey(API_KEY);
    assert.equal(tab.session.state().kind, "signedIn");
    assert.equal(await bearer(tab), `Bearer ${API_KEY}`);
    assert.equal(tab.store.text(), "");
  });

  test("refuses an API key that the gateway does not know", async () => {
    const { session } = opened();
    await assert.rejects(session.signInWithKey("pgk_wrong"), new Refused("UNAUTHENTICATED", KEY_REFUSED));
    await assert.rejects(session.headers(), Refused);
  });

  test("signs out when its API key is revoked", async () => {
    const { session } = opened();
    await session.signInWithKey(API_KEY);
    await assert.rejects(session.renewAfter(await session.headers()), Refused);
    assert.deepEqual(session.state(), { kind: "signedOut", reason: KEY_REFUSED });
  });

  test("tells its listeners of every change until they leave", async () => {
    const { session } = opened();
    const kinds: string[] = [];
    const leave = session.subscribe(() => kinds.push(session.state().kind));
    await session.signIn(EMAIL, PASSWORD);
    await session.signOut();
    leave();
    await session.signIn(EMAIL, PASSWORD);
    assert.deepEqual(kinds, ["signedIn", "signedOut"]);
  });
});
