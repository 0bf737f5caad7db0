import type { OperationDefinitionNode, OperationTypeNode } from "graphql";
import { parsed } from "../freshOperation.ts";

/** What stands in GraphiQL's editors. */
export interface EditorTexts {
  query: string;
  variables: string;
  headers: string;
  /** Offset into `query`. */
  cursor: number;
  /** Of several operations, the one that GraphiQL ran or was told of last. */
  operationName: string | null;
}

export interface PricedRequest {
  query: string;
  operationName: string | null;
  variables: Record<string, unknown> | null;
  /** Those of the header editor. */
  headers: Record<string, string>;
  kind: OperationTypeNode;
}

/** Why there is nothing to ask the price of. */
export type Obstacle = "empty" | "query" | "variables" | "headers";

export type Reading = { request: PricedRequest } | { obstacle: Obstacle };

/** Of a JSON object as people write it into an editor; undefined for no text. Throws for anything else. */
export type ReadObject = (text: string) => object | undefined;

/** The operation that a run at the cursor would send. */
export function requestIn(texts: EditorTexts, readObject: ReadObject): Reading {
  const document = parsed(texts.query);
  if (!document) return { obstacle: isBlank(texts.query) ? "empty" : "query" };
  const operations = document.definitions.filter(
    (definition): definition is OperationDefinitionNode => definition.kind === "OperationDefinition",
  );
  const operation = chosen(operations, texts);
  if (!operation) return { obstacle: "empty" };
  const variables = object(texts.variables, readObject);
  if (variables === "unreadable") return { obstacle: "variables" };
  const headers = object(texts.headers, readObject);
  if (headers === "unreadable") return { obstacle: "headers" };
  return {
    request: {
      query: texts.query,
      operationName: operation.name?.value ?? null,
      variables: variables as Record<string, unknown> | null,
      headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)])),
      kind: operation.operation,
    },
  };
}

/** Two requests of one operation have one key: they cost the same, whoever sends them. */
export function operationKey(request: Pick<PricedRequest, "query" | "operationName" | "variables">): string {
  return JSON.stringify([request.query, request.operationName, request.variables ?? {}]);
}

function chosen(operations: OperationDefinitionNode[], { cursor, operationName }: EditorTexts) {
  const atCursor = operations.find(({ loc }) => loc && loc.start <= cursor && cursor <= loc.end);
  return atCursor ?? operations.find(({ name }) => name && name.value === operationName) ?? operations[0];
}

function object(text: string, readObject: ReadObject): object | null | "unreadable" {
  try {
    return readObject(text) ?? null;
  } catch {
    // Whatever it does not take, a run would not send either.
    return "unreadable";
  }
}

/** Nothing but blanks and comments. */
function isBlank(query: string): boolean {
  return !/[^\s,\uFEFF]/.test(query.replaceAll(/#.*/g, ""));
}
