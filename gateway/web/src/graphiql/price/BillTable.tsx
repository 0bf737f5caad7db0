import { Fragment, memo } from "react";
import { billGroups } from "./billGroups.ts";
import type { BillLine } from "./cost.ts";
import { amount } from "./words.ts";

interface BillTableProps {
  lines: BillLine[];
}

/** The bill by path and field, dearest first. Memoised: the budget beside it is drawn anew four times a second. */
export const BillTable = memo(function BillTable({ lines }: BillTableProps) {
  const hasRun = lines.some(({ actual }) => actual);
  const total = lines.reduce((sum, { subtotal }) => sum + subtotal, 0);
  return (
    <table className="bill">
      <caption className="visually-hidden">The bill by field, dearest first</caption>
      <thead>
        <tr>
          <th scope="col">Count × weight</th>
          <th scope="col">Points</th>
          {hasRun && <th scope="col">Used</th>}
        </tr>
      </thead>
      {billGroups(lines).map((group) => (
        <tbody key={group.path}>
          <tr>
            <th scope="rowgroup" colSpan={hasRun ? 3 : 2}>
              <span className="bill-path">{group.path === "" ? "the operation" : <Names of={group.path} />}</span>
            </th>
          </tr>
          {group.lines.map((line, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows keep no state, and a coordinate may come twice at a path.
            <tr key={index}>
              <th scope="row">
                <span className="bill-coordinate">
                  <Names of={line.coordinate} />
                </span>{" "}
                <span className="bill-product">
                  {amount(line.multiplier)} × {amount(line.weight)}
                </span>
                <span className="bill-share" aria-hidden="true">
                  <span className="bill-share-bar" style={{ inlineSize: share(line, total) }} />
                </span>
              </th>
              <td>{amount(line.subtotal)}</td>
              {hasRun && <td>{line.actual ? amount(line.actual.subtotal) : "–"}</td>}
            </tr>
          ))}
        </tbody>
      ))}
    </table>
  );
});

function share({ subtotal }: BillLine, total: number): string {
  return `${total > 0 ? (subtotal / total) * 100 : 0}%`;
}

/** Names with dots between, of which a line breaks after the dots. */
function Names({ of }: { of: string }) {
  return of.split(".").map((name, depth) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a name comes at several depths, and the depth is what it is.
    <Fragment key={depth}>
      {depth > 0 && (
        <>
          .<wbr />
        </>
      )}
      {name}
    </Fragment>
  ));
}
