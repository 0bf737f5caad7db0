import type { GraphiQLPlugin } from "@graphiql/react";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { useEffect, useMemo, useState } from "react";
import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import type { Session } from "../session/session.ts";
import { exampleTabs, openingVariables } from "./examples.ts";
import { gatewayConnection } from "./fetcher.ts";

/** What stands in GraphiQL's sidebar beneath the documentation; each plugin is a folder or file beside this one. */
const PLUGINS: GraphiQLPlugin[] = [HISTORY_PLUGIN];

const EXAMPLES = exampleTabs();

interface ExplorerProps {
  session: Session;
  graphqlPath: string;
}

/** GraphiQL on the gateway. It asks for the schema when it appears, so it appears only to the signed-in. */
export function Explorer({ session, graphqlPath }: ExplorerProps) {
  const connection = useMemo(() => gatewayConnection(session, graphqlPath), [session, graphqlPath]);
  useEffect(() => connection.close, [connection]);
  const [opening] = useState(() => openingVariables(EXAMPLES, window.localStorage));
  return (
    <main className="explorer">
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
      </GraphiQL>
    </main>
  );
}
