import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { compression, defineAlgorithm } from "vite-plugin-compression2";

const GATEWAY = "http://localhost:8000";

/** Lays the project's README beside the pages: the gateway serves it at /readme, also from a wheel. */
function readme(): Plugin {
  const file = resolve(import.meta.dirname, "../../README.md");
  return {
    name: "podgraph:readme",
    generateBundle() {
      if (existsSync(file)) this.emitFile({ type: "asset", fileName: "README.md", source: readFileSync(file) });
    },
  };
}

export default defineConfig({
  // gateway/pages.py serves the pages at / and /graphiql, and everything else beneath this path.
  base: "/static/",
  plugins: [
    react(),
    readme(),
    // The gateway sends these as they are: nothing is compressed while a request waits.
    compression({
      include: /\.(js|css|svg)$/,
      algorithms: [defineAlgorithm("gzip"), defineAlgorithm("brotliCompress")],
    }),
  ],
  // GraphiQL's workers import each other's chunks, so they are modules.
  worker: { format: "es" },
  build: {
    outDir: resolve(import.meta.dirname, "../static"),
    emptyOutDir: true,
    target: "es2024",
    // These have light-dark(); spelt out for older ones, GraphiQL's theme switch would not reach the rest of the page.
    cssTarget: ["chrome123", "firefox121", "safari17.5"],
    // Monaco alone is larger than the default; it is loaded on its own, after signing in.
    chunkSizeWarningLimit: 5000,
    // A font or picture inlined as a data: address could not be cached on its own.
    assetsInlineLimit: 0,
    rolldownOptions: {
      // GraphiQL ships directives for the React compiler, which nobody reads after it; and timings are not news.
      checks: { moduleLevelDirective: false, bundlerTimings: false },
      input: {
        landing: resolve(import.meta.dirname, "index.html"),
        graphiql: resolve(import.meta.dirname, "graphiql.html"),
      },
    },
  },
  server: {
    proxy: {
      "/graphql": { target: GATEWAY, ws: true },
      "/health": GATEWAY,
    },
  },
});
