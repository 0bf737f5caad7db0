"""Podcast feeds: fetching them safely and reading them into plain values. Start at `reader` and `fetcher`."""
