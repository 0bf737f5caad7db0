import type { GraphiQLPlugin } from "@graphiql/react";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { useEffect, useMemo, useRef, useState } from "react";
import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import type { Session } from "../session/session.ts";
import { useSession } from "../session/useSession.ts";
import { exampleTabs, openingVariables } from "./examples.ts";
import { gatewayConnection } from "./fetcher.ts";
import { PriceBar } from "./price/PriceBar.tsx";
import { PRICE_PLUGIN } from "./price/PricePanel.tsx";
import type { PriceBook } from "./price/priceBook.ts";
import { PriceBookContext } from "./price/usePrices.ts";

/** What stands in GraphiQL's sidebar beneath the documentation; each plugin is a folder or file beside this one. */
const PLUGINS: GraphiQLPlugin[] = [HISTORY_PLUGIN, PRICE_PLUGIN];

const EXAMPLES = exampleTabs();

interface ExplorerProps {
  session: Session;
  graphqlPath: string;
}

/** GraphiQL on the gateway. It asks for the schema when it appears, so it appears only to the signed-in. */
export function Explorer({ session, graphqlPath }: ExplorerProps) {
  const connection = useMemo(() => gatewayConnection(session, graphqlPath), [session, graphqlPath]);
  useEffect(() => connection.close, [connection]);
  usePricesOfTenant(session, connection.prices);
  const [opening] = useState(() => openingVariables(EXAMPLES, window.localStorage));
  return (
    <main className="explorer">
      <PriceBookContext value={connection.prices}>
        <GraphiQL
          fetcher={connection.fetcher}
          plugins={PLUGINS}
          defaultTabs={EXAMPLES}
          {...opening}
          defaultEditorToolsVisibility="variables"
          inputValueDeprecation
          schemaDescription
          // A header typed in by hand may be a credential, so none is written to disk.
          shouldPersistHeaders={false}
          showPersistHeadersSettings={false}
        >
          {/* The page's own header says where this is. */}
          <GraphiQL.Logo> </GraphiQL.Logo>
          <PriceBar />
        </GraphiQL>
      </PriceBookContext>
    </main>
  );
}

/** Plan and budget are the tenant's: another tenant, other prices. */
function usePricesOfTenant(session: Session, prices: PriceBook): void {
  const state = useSession(session);
  const tenantId = state.kind === "signedIn" ? state.tenantId : null;
  const shownFor = useRef(tenantId);
  useEffect(() => {
    if (shownFor.current === tenantId) return;
    shownFor.current = tenantId;
    prices.forget();
  }, [prices, tenantId]);
}
