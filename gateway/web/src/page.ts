/** What the gateway tells the page, in the `podgraph` meta element (see gateway/pages.py). */
export interface PageSettings {
  graphqlPath: string;
  /** The login of the seeded demo, or null on a gateway that has none. */
  demo: { email: string; password: string } | null;
}

/** The settings of this page; the defaults are those of `vite dev`, where nobody fills in the element. */
export function pageSettings(page: Document): PageSettings {
  const content = page.querySelector<HTMLMetaElement>('meta[name="podgraph"]')?.content || "{}";
  return { graphqlPath: "/graphql", demo: null, ...(JSON.parse(content) as Partial<PageSettings>) };
}
