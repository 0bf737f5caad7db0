import type { BillLine } from "./cost.ts";

/** The lines of one path. */
export interface BillGroup {
  path: string;
  subtotal: number;
  lines: BillLine[];
}

/** A bill by path, dearest path first; the lines of a path keep their order. */
export function billGroups(lines: BillLine[]): BillGroup[] {
  const groups = Map.groupBy(lines, ({ path }) => path);
  return [...groups]
    .map(([path, lines]) => ({ path, lines, subtotal: lines.reduce((sum, line) => sum + line.subtotal, 0) }))
    .sort((a, b) => b.subtotal - a.subtotal);
}
