import type { Session } from "./session.ts";

interface GraphQLBody {
  data?: unknown;
  errors?: { extensions?: { code?: string } }[];
}

/**
 * A fetch that carries the session's headers, and that renews and repeats once a request which the gateway did not execute
 * because it no longer knew the token. A request that brings its own Authorization is sent as it is.
 */
export function authorizedFetch(session: Session, send: typeof fetch): typeof fetch {
  return async (input, init) => {
    if (new Headers(init?.headers).has("Authorization")) return send(input, init);
    const headers = await session.headers();
    const response = await send(input, withHeaders(init, headers));
    if (!(await isUnauthenticated(response))) return response;
    await session.renewAfter(headers);
    return send(input, withHeaders(init, await session.headers()));
  };
}

function withHeaders(init: RequestInit | undefined, added: Record<string, string>): RequestInit {
  const headers = new Headers(init?.headers);
  for (const [name, value] of Object.entries(added)) {
    // The page's own header editor has the last word, for instance about the tenant.
    if (!headers.has(name)) headers.set(name, value);
  }
  return { ...init, headers };
}

async function isUnauthenticated(response: Response): Promise<boolean> {
  if (response.status === 401) return true;
  if (!/\bjson\b/.test(response.headers.get("Content-Type") ?? "")) return false;
  let body: GraphQLBody | null;
  try {
    body = (await response.clone().json()) as GraphQLBody | null;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return false;
  }
  const codes = Array.isArray(body?.errors) ? body.errors.map((error) => error.extensions?.code) : [];
  return codes.includes("UNAUTHENTICATED") && (body?.data ?? null) === null;
}
