import type { Session, SessionState } from "./session.ts";
import "./sessionBar.css";

interface SessionBarProps {
  session: Session;
  state: SessionState;
}

/** The head of a page that signs in: the way home, the tenant, who is signed in and the way out. */
export function SessionBar({ session, state }: SessionBarProps) {
  return (
    <header className="session-bar">
      <a className="brand" href="/">
        <span className="brand-mark" aria-hidden="true" />
        Podgraph
      </a>
      {state.kind === "signedIn" && (
        <div className="who">
          <TenantChoice session={session} state={state} />
          <span className="email">{state.viewer.user?.email ?? "API key"}</span>
          <button type="button" className="button quiet" onClick={() => void session.signOut()}>
            Sign out
          </button>
        </div>
      )}
    </header>
  );
}

interface TenantChoiceProps {
  session: Session;
  state: Extract<SessionState, { kind: "signedIn" }>;
}

function TenantChoice({ session, state }: TenantChoiceProps) {
  const { memberships, tenant } = state.viewer;
  if (memberships.length < 2) {
    const only = tenant ?? memberships[0]?.tenant;
    return only ? <span className="tenant">{only.name}</span> : null;
  }
  return (
    <label className="tenant">
      Tenant
      <select value={state.tenantId ?? ""} onChange={(event) => session.chooseTenant(event.target.value)}>
        {memberships.map(({ tenant, role }) => (
          <option key={tenant.id} value={tenant.id}>
            {tenant.name} ({role.toLowerCase()})
          </option>
        ))}
      </select>
    </label>
  );
}
