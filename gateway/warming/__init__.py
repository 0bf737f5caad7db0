"""Filling the caches before anybody asks."""
