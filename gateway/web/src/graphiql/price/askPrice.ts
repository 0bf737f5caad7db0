import type { PriceSurroundings } from "./priceBook.ts";

/** Asks the gateway at `url` what an operation costs, which executes nothing and takes nothing from the budget. */
export function priceQuestion(send: typeof fetch, url: string): PriceSurroundings["ask"] {
  return async ({ query, operationName, variables, headers }, signal) => {
    const all = new Headers(headers);
    all.set("Content-Type", "application/json");
    // Refusals of what is half typed are answers with status 200 then, and no news for the browser's console.
    all.set("Accept", "application/json");
    all.set("GraphQL-Cost", "validate");
    const response = await send(url, {
      method: "POST",
      headers: all,
      body: JSON.stringify({ query, operationName, variables }),
      signal,
    });
    return response.json();
  };
}
