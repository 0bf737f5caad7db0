import { identityApi } from "./identity.ts";
import { Session } from "./session.ts";
import { siblingsOver } from "./siblings.ts";

/** Longer than a renewal can take; a tab that is frozen while it holds the lock must not hold up the others for good. */
const LOCK_PATIENCE_MS = 20_000;

/** The session of this page, with a real browser around it. */
export function browserSession(graphqlPath: string): Session {
  return new Session({
    api: identityApi(graphqlPath, window.fetch.bind(window), Date.now),
    store: window.sessionStorage,
    exclusively,
    siblings: siblingsOver(new BroadcastChannel("podgraph.session")),
    now: Date.now,
    newLineageId: () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join("-"),
  });
}

async function exclusively<T>(work: () => Promise<T>): Promise<T> {
  // Browsers offer locks on https and localhost only. Elsewhere tabs ask each other all the same, and race at worst.
  if (!navigator.locks) return work();
  return navigator.locks.request("podgraph.session", { signal: AbortSignal.timeout(LOCK_PATIENCE_MS) }, work);
}
