"""One attribution model a file; each ends with `MODEL`, by which `resolvers.attribution.registry` finds it."""
