import { lazy, Suspense, useEffect } from "react";
import type { PageSettings } from "../page.ts";
import { SessionBar } from "../session/SessionBar.tsx";
import { SignInCard } from "../session/SignInCard.tsx";
import type { Session } from "../session/session.ts";
import { useSession } from "../session/useSession.ts";

const explorerModule = () => import("./Explorer.tsx");
const Explorer = lazy(async () => ({ default: (await explorerModule()).Explorer }));

interface GraphiqlPageProps {
  session: Session;
  settings: PageSettings;
}

export function GraphiqlPage({ session, settings }: GraphiqlPageProps) {
  const state = useSession(session);
  useEffect(() => {
    // GraphiQL and Monaco are a few megabytes: they arrive while somebody reads the sign-in card.
    explorerModule().catch((error: unknown) => console.warn("The editor could not be loaded ahead of its use.", error));
  }, []);
  return (
    <>
      <SessionBar session={session} state={state} />
      {state.kind === "restoring" && <Waiting>Taking up your session…</Waiting>}
      {state.kind === "signedOut" && <SignInCard session={session} demo={settings.demo} reason={state.reason} />}
      {state.kind === "signedIn" && (
        <Suspense fallback={<Waiting>Loading the editor…</Waiting>}>
          <Explorer session={session} graphqlPath={settings.graphqlPath} />
        </Suspense>
      )}
    </>
  );
}

function Waiting({ children }: { children: string }) {
  return (
    <main className="waiting" aria-live="polite">
      {children}
    </main>
  );
}
