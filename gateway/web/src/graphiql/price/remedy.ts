import {
  type ArgumentNode,
  type FieldNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from "graphql";
import { parsed } from "../freshOperation.ts";
import type { DearestList } from "./cost.ts";
import type { PricedRequest } from "./request.ts";

/** How the size of the dearest list can be made smaller: offsets of a number in the text, or the variable that says it. */
export type Remedy =
  | { kind: "literal"; start: number; end: number; value: number }
  | { kind: "variable"; name: string };

/** Null where no size fits, or where it is not beyond doubt which argument of the text says it. */
export function remedyFor(request: PricedRequest, dearest: DearestList): Remedy | null {
  if (dearest.largestThatFits === null) return null;
  const value = argumentValue(request, dearest);
  if (value?.kind === Kind.VARIABLE) return { kind: "variable", name: value.name.value };
  if (value?.kind !== Kind.INT || !value.loc) return null;
  return { kind: "literal", start: value.loc.start, end: value.loc.end, value: dearest.largestThatFits };
}

function argumentValue(request: PricedRequest, { path, argument }: DearestList): ValueNode | null {
  const operation = parsed(request.query)?.definitions.find(
    (definition): definition is OperationDefinitionNode =>
      definition.kind === Kind.OPERATION_DEFINITION && (definition.name?.value ?? null) === request.operationName,
  );
  if (!operation) return null;
  let level = [operation.selectionSet];
  let found: FieldNode[] = [];
  for (const name of path.split(".")) {
    found = level.flatMap((selections) => fields(selections, name));
    level = found.flatMap(({ selectionSet }) => selectionSet ?? []);
  }
  const [only, ...others] = found;
  if (!only || others.length > 0) return null;
  return only.arguments?.find((node: ArgumentNode) => node.name.value === argument)?.value ?? null;
}

/** Not those of named fragments: a change there may change another place too. */
function fields(selections: SelectionSetNode, name: string): FieldNode[] {
  return selections.selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return (selection.alias ?? selection.name).value === name ? [selection] : [];
    return selection.kind === Kind.INLINE_FRAGMENT ? fields(selection.selectionSet, name) : [];
  });
}
