import type { Lineage, Tokens } from "./session.ts";

/** What a token was exchanged for in another tab. */
export interface Successor {
  tokens: Tokens;
  lineage: Lineage;
}

/**
 * The other tabs that share this tab's sign-in. A browser copies sessionStorage, refresh token included, into a tab that is
 * duplicated; of the two copies only the first may be used.
 */
export interface Siblings {
  /** From now on, `successorOf` answers the other tabs when they ask. */
  answerWith(successorOf: (asked: Lineage) => Successor | null): void;
  /** What `lineage` has become in another tab; null if no tab says so in time. */
  successorOf(lineage: Lineage): Promise<Successor | null>;
}

/** Tabs answer in a few milliseconds, also in the background; only a tab that is alone waits this long. */
const PATIENCE_MS = 150;

type Message = { ask: Lineage } | { answer: Successor; asked: Lineage };

export function siblingsOver(channel: BroadcastChannel, patienceMs = PATIENCE_MS): Siblings {
  return {
    answerWith(successorOf) {
      channel.addEventListener("message", ({ data }: MessageEvent<Message>) => {
        if (!("ask" in data)) return;
        const answer = successorOf(data.ask);
        if (answer) channel.postMessage({ answer, asked: data.ask } satisfies Message);
      });
    },
    successorOf(lineage) {
      const { promise, resolve } = Promise.withResolvers<Successor | null>();
      const listen = ({ data }: MessageEvent<Message>) => {
        if ("answer" in data && data.asked.id === lineage.id) resolve(data.answer);
      };
      const patience = setTimeout(resolve, patienceMs, null);
      channel.addEventListener("message", listen);
      channel.postMessage({ ask: lineage } satisfies Message);
      return promise.finally(() => {
        clearTimeout(patience);
        channel.removeEventListener("message", listen);
      });
    },
  };
}
