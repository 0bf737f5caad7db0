import { type IdentityApi, Refused } from "./identity.ts";
import type { Siblings } from "./siblings.ts";

export interface Tokens {
  accessToken: string;
  refreshToken: string;
  /** By this machine's clock, milliseconds since the epoch. */
  obtainedAt: number;
  /** How long the access token lives from then, in milliseconds. */
  lifetime: number;
}

export interface Viewer {
  /** Null for an API key, which is nobody in particular. */
  user: { email: string; name: string } | null;
  tenant: { id: string; name: string } | null;
  memberships: { role: string; tenant: { id: string; name: string } }[];
}

export type SessionState =
  | { kind: "restoring" }
  | { kind: "signedOut"; reason: string | null }
  | { kind: "signedIn"; viewer: Viewer; tenantId: string | null };

/** Where a sign-in stands: every tab that was duplicated from one sign-in shares its lineage, each exchange adds one. */
export interface Lineage {
  id: string;
  generation: number;
}

type TokenCredential = { kind: "tokens"; tokens: Tokens; lineage: Lineage };
type Credential = { kind: "key"; key: string } | TokenCredential;

interface Kept {
  refreshToken: string;
  lineage: Lineage;
  tenantId: string | null;
}

/** What a session needs of the world. */
export interface Surroundings {
  api: IdentityApi;
  /**
   * sessionStorage. It holds the refresh token, so that a reload keeps the sign-in, and forgets it with the tab: nothing
   * that signs in is left on the disk of a shared machine, as localStorage would leave it. A cookie would be sent by
   * requests that other sites cause. The access token stays in memory: it is cheap to renew, and an API key stays there
   * too, since it outlives every session and a page has no business keeping one.
   */
  store: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  /** Runs one work at a time among all tabs of this origin. */
  exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  siblings: Siblings;
  now: () => number;
  newLineageId: () => string;
}

const KEPT = "podgraph.session";
const ENDED = "Your session has ended. Please sign in again.";
const KEY_REFUSED = "The gateway does not accept this API key: it is wrong, expired or revoked.";

/** Renew this long before the access token expires, but never earlier than after four fifths of its life. */
const MARGIN_MS = 30_000;

/**
 * Who is signed in on this page, and the headers that prove it.
 *
 * Refresh tokens rotate, and one that is used twice revokes the whole family. So an exchange happens once at a time among
 * all tabs, and a tab that was duplicated from another first asks whether its copy of the token was exchanged already.
 */
export class Session {
  readonly #world: Surroundings;
  readonly #listeners = new Set<() => void>();
  #state: SessionState = { kind: "restoring" };
  #credential: Credential | null = null;
  #tenantId: string | null = null;
  #renewal: Promise<void> | null = null;

  constructor(world: Surroundings) {
    this.#world = world;
    world.siblings.answerWith((asked) => {
      const held = this.#credential;
      if (held?.kind !== "tokens" || held.lineage.id !== asked.id || held.lineage.generation <= asked.generation)
        return null;
      return { tokens: held.tokens, lineage: held.lineage };
    });
  }

  readonly state = (): SessionState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Takes up the sign-in that a reload left behind, if there is one. */
  async restore(): Promise<void> {
    const kept = this.#kept();
    if (!kept) return this.#signedOut(null);
    this.#tenantId = kept.tenantId;
    const spent: Tokens = { accessToken: "", refreshToken: kept.refreshToken, obtainedAt: 0, lifetime: 0 };
    this.#credential = { kind: "tokens", tokens: spent, lineage: kept.lineage };
    try {
      await this.#signedIn();
    } catch (error) {
      if (error instanceof Refused) {
        // A refused renewal has signed out already, with a reason of its own.
        if (this.#credential) this.#signedOut(error.message);
        return;
      }
      // The token stays kept: once the gateway is back, a reload signs in again.
      this.#credential = null;
      this.#become({ kind: "signedOut", reason: "The gateway could not be reached. Reload the page to try again." });
    }
  }

  /** Throws `Refused` with the gateway's words, or a TypeError when it cannot be reached. */
  async signIn(email: string, password: string): Promise<void> {
    const tokens = await this.#world.api.login(email, password);
    this.#tenantId = null;
    this.#hold(tokens, { id: this.#world.newLineageId(), generation: 0 });
    await this.#signedInOrForgotten();
  }

  /** As `signIn`, with an API key. */
  async signInWithKey(key: string): Promise<void> {
    this.#tenantId = null;
    this.#credential = { kind: "key", key };
    try {
      await this.#signedInOrForgotten();
    } catch (error) {
      throw error instanceof Refused && error.code === "UNAUTHENTICATED" ? new Refused(error.code, KEY_REFUSED) : error;
    }
  }

  /** Forgets everything, and tells the gateway to revoke the session; a gateway that is away changes nothing for the page. */
  async signOut(): Promise<void> {
    const held = this.#credential;
    this.#signedOut(null);
    if (held?.kind === "tokens") await this.#revoke(held.tokens.refreshToken);
  }

  chooseTenant(tenantId: string): void {
    if (this.#state.kind !== "signedIn") return;
    this.#tenantId = tenantId;
    this.#keep();
    this.#become({ ...this.#state, tenantId });
  }

  /** The headers of a request, with an access token that is not about to expire. Throws `Refused` when signed out. */
  readonly headers = async (): Promise<Record<string, string>> => {
    if (this.#credential?.kind === "tokens" && this.#isStale(this.#credential.tokens)) {
      await this.#renewOnce(this.#credential.tokens.accessToken);
    }
    const held = this.#credential;
    if (!held) throw new Refused("UNAUTHENTICATED", ENDED);
    const headers: Record<string, string> = { Authorization: `Bearer ${bearer(held)}` };
    if (this.#tenantId !== null) headers["Podgraph-Tenant"] = this.#tenantId;
    return headers;
  };

  /** False for an API key, which nothing but another key can replace. */
  isRenewable(): boolean {
    return this.#credential?.kind === "tokens";
  }

  /** After the gateway refused the request that carried `headers`: renews, or signs out and throws `Refused`. */
  async renewAfter(headers: Record<string, string>): Promise<void> {
    const held = this.#credential;
    if (held?.kind === "key") {
      this.#signedOut(KEY_REFUSED);
      throw new Refused("UNAUTHENTICATED", KEY_REFUSED);
    }
    await this.#renewOnce(headers.Authorization?.replace("Bearer ", "") ?? "");
  }

  async #signedInOrForgotten(): Promise<void> {
    try {
      await this.#signedIn();
    } catch (error) {
      this.#forget();
      throw error;
    }
  }

  async #signedIn(): Promise<void> {
    const viewer = await this.#world.api.viewer(await this.headers());
    this.#become({ kind: "signedIn", viewer, tenantId: this.#tenantId ?? viewer.tenant?.id ?? null });
  }

  /** All who find the same access token spent share one renewal. */
  #renewOnce(spentAccessToken: string): Promise<void> {
    this.#renewal ??= this.#world
      .exclusively(() => this.#renew(spentAccessToken))
      .finally(() => {
        this.#renewal = null;
      });
    return this.#renewal;
  }

  async #renew(spentAccessToken: string): Promise<void> {
    const asked = this.#heldTokens();
    if (asked.tokens.accessToken !== spentAccessToken) return;
    const successor = await this.#world.siblings.successorOf(asked.lineage);
    this.#mustStillHold(asked);
    if (successor) {
      this.#hold(successor.tokens, successor.lineage);
      if (!this.#isStale(successor.tokens)) return;
    }
    await this.#exchange();
  }

  async #exchange(): Promise<void> {
    const spent = this.#heldTokens();
    let tokens: Tokens;
    try {
      tokens = await this.#world.api.refresh(spent.tokens.refreshToken);
    } catch (error) {
      if (error instanceof Refused && this.#credential === spent) this.#signedOut(ENDED);
      throw error;
    }
    if (this.#credential !== spent) await this.#revoke(tokens.refreshToken);
    this.#mustStillHold(spent);
    this.#hold(tokens, { id: spent.lineage.id, generation: spent.lineage.generation + 1 });
  }

  async #revoke(refreshToken: string): Promise<void> {
    try {
      await this.#world.api.logout(refreshToken);
    } catch (error) {
      console.warn("The gateway was not told of the sign-out; the session ends there by itself.", error);
    }
  }

  #heldTokens(): TokenCredential {
    if (this.#credential?.kind !== "tokens") throw new Refused("UNAUTHENTICATED", ENDED);
    return this.#credential;
  }

  /** Throws `Refused` if somebody signed out, or in as somebody else, while an answer was on its way. */
  #mustStillHold(credential: TokenCredential): void {
    if (this.#credential !== credential) throw new Refused("UNAUTHENTICATED", ENDED);
  }

  #isStale(tokens: Tokens): boolean {
    const margin = Math.min(MARGIN_MS, tokens.lifetime / 5);
    return this.#world.now() >= tokens.obtainedAt + tokens.lifetime - margin;
  }

  #hold(tokens: Tokens, lineage: Lineage): void {
    this.#credential = { kind: "tokens", tokens, lineage };
    this.#keep();
  }

  #keep(): void {
    if (this.#credential?.kind !== "tokens") return;
    const { tokens, lineage } = this.#credential;
    const kept: Kept = { refreshToken: tokens.refreshToken, lineage, tenantId: this.#tenantId };
    this.#world.store.setItem(KEPT, JSON.stringify(kept));
  }

  #kept(): Kept | null {
    const text = this.#world.store.getItem(KEPT);
    return text ? (JSON.parse(text) as Kept) : null;
  }

  #forget(): void {
    this.#credential = null;
    this.#tenantId = null;
    this.#world.store.removeItem(KEPT);
  }

  #signedOut(reason: string | null): void {
    this.#forget();
    this.#become({ kind: "signedOut", reason });
  }

  #become(state: SessionState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

function bearer(held: Credential): string {
  return held.kind === "key" ? held.key : held.tokens.accessToken;
}
