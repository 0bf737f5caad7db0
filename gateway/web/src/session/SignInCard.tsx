import { type FormEvent, useId, useState } from "react";
import type { PageSettings } from "../page.ts";
import { Refused } from "./identity.ts";
import type { Session } from "./session.ts";
import "./signIn.css";

interface SignInCardProps {
  session: Session;
  demo: PageSettings["demo"];
  /** Why the last session ended, if one did. */
  reason: string | null;
}

type Way = "password" | "key";

export function SignInCard({ session, demo, reason }: SignInCardProps) {
  const [way, setWay] = useState<Way>("password");
  const [problem, setProblem] = useState(reason);
  const [busy, setBusy] = useState(false);
  const id = useId();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setProblem(null);
    try {
      if (way === "key") await session.signInWithKey(String(form.get("key")).trim());
      else await session.signIn(String(form.get("email")).trim(), String(form.get("password")));
    } catch (error) {
      setProblem(error instanceof Refused ? error.message : "The gateway could not be reached. Is it running?");
      setBusy(false);
    }
  }

  return (
    <main className="sign-in">
      <form className="sign-in-card" onSubmit={submit} aria-labelledby={`${id}-title`}>
        <h1 id={`${id}-title`}>Sign in to explore the graph</h1>
        <p>
          Queries, live subscriptions and the documentation of every type open once the gateway knows which tenant you
          work for.
        </p>
        <fieldset className="ways">
          <legend className="visually-hidden">How to sign in</legend>
          <Choice name="Email and password" value="password" chosen={way} choose={setWay} />
          <Choice name="API key" value="key" chosen={way} choose={setWay} />
        </fieldset>
        {way === "password" ? (
          <>
            {demo && <p className="demo">This is a demo. The form is filled in: press “Sign in”.</p>}
            <label htmlFor={`${id}-email`}>Email</label>
            <input
              id={`${id}-email`}
              name="email"
              type="email"
              autoComplete="username"
              defaultValue={demo?.email}
              required
            />
            <label htmlFor={`${id}-password`}>Password</label>
            <input
              id={`${id}-password`}
              name="password"
              type="password"
              autoComplete="current-password"
              defaultValue={demo?.password}
              required
            />
          </>
        ) : (
          <>
            <label htmlFor={`${id}-key`}>API key</label>
            <input
              id={`${id}-key`}
              name="key"
              type="password"
              autoComplete="off"
              spellCheck={false}
              placeholder="pgk_…"
              aria-describedby={`${id}-key-hint`}
              required
            />
            <p id={`${id}-key-hint`} className="hint">
              The key stays in this page’s memory; a reload asks for it again.
            </p>
          </>
        )}
        {problem && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" className="button" disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
      </form>
    </main>
  );
}

interface ChoiceProps {
  name: string;
  value: Way;
  chosen: Way;
  choose: (way: Way) => void;
}

function Choice({ name, value, chosen, choose }: ChoiceProps) {
  return (
    <label>
      <input type="radio" name="way" value={value} checked={chosen === value} onChange={() => choose(value)} />
      <span>{name}</span>
    </label>
  );
}
