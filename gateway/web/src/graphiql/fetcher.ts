import { createGraphiQLFetcher, type Fetcher } from "@graphiql/toolkit";
import { createClient } from "graphql-ws";
import { authorizedFetch } from "../session/authorized.ts";
import type { Session } from "../session/session.ts";
import { freshOperation } from "./freshOperation.ts";
import { priceQuestion } from "./price/askPrice.ts";
import { observedFetcher } from "./price/observedFetcher.ts";
import { PriceBook } from "./price/priceBook.ts";

export interface GatewayConnection {
  fetcher: Fetcher;
  /** Hears of all that the fetcher does. */
  prices: PriceBook;
  /** Ends the subscriptions that are still open. */
  close: () => void;
}

/** How a gateway closes a WebSocket whose connection_init it does not accept. */
const INIT_REFUSED = 4403;

/** How GraphiQL reaches the gateway: queries and mutations by fetch, subscriptions by graphql-transport-ws on the same path. */
export function gatewayConnection(session: Session, graphqlPath: string): GatewayConnection {
  let sent: Record<string, string> = {};
  let refused: Record<string, string> | null = null;
  const wsClient = createClient({
    url: webSocketUrl(graphqlPath),
    // Connects for the first subscription and closes after the last, so the next one comes with the headers of its time.
    lazy: true,
    connectionParams: async () => {
      if (refused && session.isRenewable()) await session.renewAfter(refused);
      refused = null;
      sent = await session.headers();
      return sent;
    },
    on: {
      // The client connects again by itself, for each subscription a few times.
      closed: (event) => {
        if ((event as CloseEvent).code === INIT_REFUSED) refused = sent;
      },
    },
  });
  const authorized = authorizedFetch(session, window.fetch.bind(window));
  const prices = new PriceBook({
    ask: priceQuestion(authorized, graphqlPath),
    maySend: () => session.state().kind === "signedIn",
    now: () => performance.now(),
    later: (work, ms) => {
      const timer = setTimeout(work, ms);
      return () => clearTimeout(timer);
    },
  });
  const send = createGraphiQLFetcher({
    url: graphqlPath,
    fetch: authorized,
    wsClient,
    // Off, the fetcher asks for application/graphql-response+json, which is what the gateway prefers to speak.
    enableIncrementalDelivery: false,
  });
  const observed = observedFetcher(send, prices);
  const fetcher: Fetcher = (params, opts) => observed(...freshOperation(params, opts));
  return { fetcher, prices, close: () => void wsClient.dispose() };
}

function webSocketUrl(graphqlPath: string): string {
  const url = new URL(graphqlPath, window.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
