import type { Tokens, Viewer } from "./session.ts";

/** Longer than any answer about an identity takes; after it the gateway counts as unreachable. */
const TIMEOUT_MS = 15_000;

const SESSION = "session { accessToken refreshToken expiresAt }";

export const LOGIN = `mutation Login($email: String!, $password: String!) {
  login(input: { email: $email, password: $password }) {
    __typename
    ... on LoginPayload { ${SESSION} }
    ... on Error { code message path }
  }
}`;

export const REFRESH = `mutation Refresh($refreshToken: String!) {
  refresh(input: { refreshToken: $refreshToken }) {
    __typename
    ... on RefreshPayload { ${SESSION} }
    ... on Error { code message path }
  }
}`;

export const LOGOUT = `mutation Logout($refreshToken: String!) {
  logout(input: { refreshToken: $refreshToken }) { __typename }
}`;

export const VIEWER = `query Viewer {
  viewer {
    user { email name }
    tenant { id name }
    memberships { role tenant { id name } }
  }
}`;

/** The gateway understood and said no; `message` is written for people. */
export class Refused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "Refused";
    this.code = code;
  }
}

interface GraphQLAnswer {
  data?: Record<string, unknown> | null;
  errors?: { message: string; extensions?: { code?: string } }[];
}

interface SessionAnswer {
  __typename: string;
  code?: string;
  message?: string;
  session?: { accessToken: string; refreshToken: string; expiresAt: string };
}

/** The gateway's questions of identity. Every method throws `Refused`, or a TypeError when the gateway is unreachable. */
export interface IdentityApi {
  login(email: string, password: string): Promise<Tokens>;
  refresh(refreshToken: string): Promise<Tokens>;
  logout(refreshToken: string): Promise<void>;
  viewer(headers: Record<string, string>): Promise<Viewer>;
}

export function identityApi(url: string, send: typeof fetch, now: () => number): IdentityApi {
  async function ask(query: string, variables: Record<string, string>, headers: Record<string, string> = {}) {
    const response = await send(url, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/graphql-response+json, application/json;q=0.9",
        ...headers,
      },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = await graphqlAnswer(response);
    const error = answer.errors?.[0];
    if (error) throw new Refused(error.extensions?.code ?? "UNKNOWN", error.message);
    return { data: answer.data ?? {}, askedAt: serverTime(response, now) };
  }

  async function tokens(field: string, query: string, variables: Record<string, string>): Promise<Tokens> {
    const { data, askedAt } = await ask(query, variables);
    const answer = data[field] as SessionAnswer;
    if (!answer.session)
      throw new Refused(answer.code ?? "UNKNOWN", answer.message ?? "The gateway refused to sign in.");
    const { accessToken, refreshToken, expiresAt } = answer.session;
    return { accessToken, refreshToken, obtainedAt: now(), lifetime: Date.parse(expiresAt) - askedAt };
  }

  return {
    login: (email, password) => tokens("login", LOGIN, { email, password }),
    refresh: (refreshToken) => tokens("refresh", REFRESH, { refreshToken }),
    logout: async (refreshToken) => {
      await ask(LOGOUT, { refreshToken });
    },
    viewer: async (headers) => {
      const { data } = await ask(VIEWER, {}, headers);
      const viewer = data.viewer as Partial<Viewer> | null | undefined;
      return { user: viewer?.user ?? null, tenant: viewer?.tenant ?? null, memberships: viewer?.memberships ?? [] };
    },
  };
}

async function graphqlAnswer(response: Response): Promise<GraphQLAnswer> {
  try {
    return (await response.json()) as GraphQLAnswer;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Refused("UNREADABLE", `The gateway answered with status ${response.status} and no GraphQL.`);
  }
}

/** Milliseconds since the epoch by the gateway's clock, so that a wrong clock on this machine expires nothing early. */
function serverTime(response: Response, now: () => number): number {
  const date = Date.parse(response.headers.get("Date") ?? "");
  return Number.isNaN(date) ? now() : date;
}
