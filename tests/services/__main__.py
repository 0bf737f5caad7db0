"""Installs what the tests' services need and says where it is: `python -m tests.services`."""

from tests.services.chromium import chromium_executable
from tests.services.redis_server import redis_executable

print(f"Redis:    {redis_executable()}")
print(f"Chromium: {chromium_executable()}")
