/** Tabs in the order of their file names; `N-name.graphql` has its variables in `N-name.variables.json`. */
const FILES = import.meta.glob<string>(["../examples/*.graphql", "../examples/*.variables.json"], {
  query: "?raw",
  import: "default",
  eager: true,
});

export interface ExampleTab {
  query: string;
  variables: string | null;
}

export function exampleTabs(): ExampleTab[] {
  return Object.entries(FILES)
    .filter(([path]) => path.endsWith(".graphql"))
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([path, query]) => ({
      query,
      variables: FILES[path.replace(/\.graphql$/, ".variables.json")] ?? null,
    }));
}

/**
 * The variables to open GraphiQL with: those of the first example, until somebody has tabs of their own.
 *
 * GraphiQL 5.4 fills its first editor with the first default tab's query but drops that tab's variables. Told of them on
 * every visit, though, it would take them for somebody's request and open another tab.
 */
export function openingVariables(tabs: ExampleTab[], store: Pick<Storage, "getItem">): { initialVariables?: string } {
  const first = tabs[0]?.variables;
  return first && store.getItem("graphiql:tabState") === null ? { initialVariables: first } : {};
}
