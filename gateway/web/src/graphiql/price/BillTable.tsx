import { Fragment, memo } from "react";
import type { BillLine } from "./cost.ts";
import { amount } from "./words.ts";

interface BillTableProps {
  lines: BillLine[];
}

/** The bill by field, dearest first. Memoised: the budget beside it is drawn anew four times a second. */
export const BillTable = memo(function BillTable({ lines }: BillTableProps) {
  const hasRun = lines.some(({ actual }) => actual);
  const columns = hasRun ? 4 : 3;
  const total = lines.reduce((sum, { subtotal }) => sum + subtotal, 0);
  return (
    <table className="bill">
      <caption className="visually-hidden">The bill by field, dearest first</caption>
      <thead>
        <tr>
          <th scope="col">Count</th>
          <th scope="col">Weight</th>
          <th scope="col">Points</th>
          {hasRun && <th scope="col">Used</th>}
        </tr>
      </thead>
      {lines.map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows keep no state, and a coordinate may come twice at a path.
        <tbody key={index}>
          <tr>
            <th scope="rowgroup" colSpan={columns}>
              <Path path={line.path} />
              <span className="bill-coordinate">{line.coordinate}</span>
              <span className="bill-share" aria-hidden="true">
                <span
                  className="bill-share-bar"
                  style={{ inlineSize: `${total > 0 ? (line.subtotal / total) * 100 : 0}%` }}
                />
              </span>
            </th>
          </tr>
          <tr>
            <td>{amount(line.multiplier)}</td>
            <td>
              <span className="bill-sign">× </span>
              {amount(line.weight)}
            </td>
            <td>
              <span className="bill-sign">= </span>
              {amount(line.subtotal)}
            </td>
            {hasRun && <td>{line.actual ? amount(line.actual.subtotal) : "–"}</td>}
          </tr>
        </tbody>
      ))}
    </table>
  );
});

/** Breaks where a field ends. */
function Path({ path }: { path: string }) {
  if (path === "") return <span className="bill-path">the operation</span>;
  const names = path.split(".");
  return (
    <span className="bill-path">
      {names.map((name, depth) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a name comes at several depths, and the depth is what it is.
        <Fragment key={depth}>
          {depth > 0 && (
            <>
              .<wbr />
            </>
          )}
          {name}
        </Fragment>
      ))}
    </span>
  );
}
