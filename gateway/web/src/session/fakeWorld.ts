import { type IdentityApi, identityApi } from "./identity.ts";
import { Session } from "./session.ts";
import { siblingsOver } from "./siblings.ts";

/** What the tests stand on: a gateway behind `fetch`, and browser tabs around sessions. Nothing here reaches a page. */

export const EMAIL = "ada@example.com";
export const PASSWORD = "correct horse";
export const API_KEY = "pgk_secret";
const SITTING = { id: "ten_1", name: "Harbour Audio" };

/** A gateway that rotates refresh tokens and revokes a family of which one is used twice. */
export class FakeGateway {
  /** The gateway's own clock, milliseconds since the epoch. */
  now = Date.parse("2026-11-23T12:00:00Z");
  lifetimeMs = 600_000;
  unreachable = false;
  readonly refreshed: string[] = [];
  readonly loggedOut: string[] = [];
  /** Headers of every request that asked something of the graph, and the answers to come before the graph's own. */
  readonly asked: Headers[] = [];
  readonly nextAnswers: Response[] = [];
  readonly #access = new Map<string, number>();
  readonly #refresh = new Map<string, { family: number; spent: boolean }>();
  #issued = 0;
  #onRefresh: (() => void) | null = null;

  /** The next time that a refresh token is on its way to the gateway. */
  refreshBegins(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRefresh = resolve;
    });
  }

  readonly fetch: typeof fetch = async (_url, init) => {
    if (String(init?.body).includes("refresh(")) this.#onRefresh?.();
    // As on a network, other work goes on between a request and its answer.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.unreachable) throw new TypeError("fetch failed");
    const { query, variables } = JSON.parse(String(init?.body)) as { query: string; variables: Record<string, string> };
    const headers = new Headers(init?.headers);
    if (query.includes("login(")) return this.#login(variables.email ?? "", variables.password ?? "");
    if (query.includes("refresh(")) return this.#refreshed(variables.refreshToken ?? "");
    if (query.includes("logout(")) return this.#logout(variables.refreshToken ?? "");
    this.asked.push(headers);
    const prepared = this.nextAnswers.shift();
    if (prepared) return prepared;
    return this.#graph(headers.get("Authorization")?.replace("Bearer ", "") ?? "");
  };

  /** As when an administrator ends all sessions, or signing keys are changed. */
  forgetAccessTokens(): void {
    this.#access.clear();
  }

  revokeEverything(): void {
    this.#access.clear();
    this.#refresh.clear();
  }

  #login(email: string, password: string): Response {
    if (email !== EMAIL || password !== PASSWORD) return this.#refused("login", "The email or the password is wrong.");
    return this.#session("login", "LoginPayload", this.#issued);
  }

  #refreshed(token: string): Response {
    this.refreshed.push(token);
    const known = this.#refresh.get(token);
    if (!known) return this.#refused("refresh", "Not one of ours.");
    if (known.spent) {
      for (const other of this.#refresh.values()) if (other.family === known.family) other.spent = true;
      return this.#refused("refresh", "Used twice.");
    }
    known.spent = true;
    return this.#session("refresh", "RefreshPayload", known.family);
  }

  #logout(token: string): Response {
    this.loggedOut.push(token);
    return this.#answer({ data: { logout: { __typename: "LogoutPayload" } } });
  }

  #graph(bearer: string): Response {
    if (bearer !== API_KEY && (this.#access.get(bearer) ?? 0) <= this.now) return unauthenticated(401);
    const user = bearer === API_KEY ? null : { email: EMAIL, name: "Ada" };
    return this.#answer({
      data: { viewer: { user, tenant: SITTING, memberships: [{ role: "OWNER", tenant: SITTING }] } },
    });
  }

  #session(field: string, typename: string, family: number): Response {
    this.#issued += 1;
    const accessToken = `access-${this.#issued}`;
    const refreshToken = `refresh-${this.#issued}`;
    const expiresAt = this.now + this.lifetimeMs;
    this.#access.set(accessToken, expiresAt);
    this.#refresh.set(refreshToken, { family, spent: false });
    const session = { accessToken, refreshToken, expiresAt: new Date(expiresAt).toISOString() };
    return this.#answer({ data: { [field]: { __typename: typename, session } } });
  }

  #refused(field: string, message: string): Response {
    const error = { __typename: "InvalidCredentialsError", code: "INVALID_CREDENTIALS", message, path: ["input"] };
    return this.#answer({ data: { [field]: error } });
  }

  #answer(body: object): Response {
    const headers = { "Content-Type": "application/json", Date: new Date(this.now).toUTCString() };
    return new Response(JSON.stringify(body), { headers });
  }
}

export function unauthenticated(status: number): Response {
  const body = { data: null, errors: [{ message: "Sign in first.", extensions: { code: "UNAUTHENTICATED" } }] };
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
}

/** A tab of one browser. Give it the store of another and it is a duplicate of that tab, as a browser makes them. */
export class FakeTab {
  readonly store: MemoryStore;
  readonly session: Session;
  readonly api: IdentityApi;
  readonly #channel: BroadcastChannel;
  /** How far this machine's clock is ahead of the gateway's, in milliseconds. */
  clockError = 0;

  constructor(gateway: FakeGateway, name: string, store = new MemoryStore()) {
    this.store = store;
    const now = () => gateway.now + this.clockError;
    this.api = identityApi("/graphql", gateway.fetch, now);
    this.#channel = new BroadcastChannel(name);
    this.session = new Session({
      api: this.api,
      store,
      exclusively: async (work) => navigator.locks.request(name, work),
      siblings: siblingsOver(this.#channel, 50),
      now,
      newLineageId: () => `lineage of ${name}`,
    });
  }

  close(): void {
    this.#channel.close();
  }
}

export class MemoryStore {
  readonly #items: Map<string, string>;

  constructor(items: Iterable<[string, string]> = []) {
    this.#items = new Map(items);
  }

  getItem(name: string): string | null {
    return this.#items.get(name) ?? null;
  }

  setItem(name: string, value: string): void {
    this.#items.set(name, value);
  }

  removeItem(name: string): void {
    this.#items.delete(name);
  }

  copy(): MemoryStore {
    return new MemoryStore(this.#items);
  }

  text(): string {
    return [...this.#items.values()].join();
  }
}
