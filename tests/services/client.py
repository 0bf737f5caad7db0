"""A GraphQL client for the tests of a running gateway."""

from typing import Any, Self

import httpx2


class GraphQLClient:
    """Sends operations over HTTP as one user or key."""

    def __init__(self, url: str, token: str | None = None) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx2.AsyncClient(base_url=url, headers=headers, timeout=30)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    def sign_in(self, token: str) -> None:
        self._http.headers["authorization"] = f"Bearer {token}"

    async def answer(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole response; fails the test when it is no 200."""
        response = await self._http.post("/graphql", json={"query": query, "variables": variables})
        assert response.status_code == 200, response.text
        return dict[str, Any](response.json())

    async def data(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data; any error fails the test."""
        answer = await self.answer(query, **variables)
        assert "errors" not in answer, answer
        return dict[str, Any](answer["data"])

    async def done(self, mutation: str, **variables: Any) -> dict[str, Any]:
        """The payload of a mutation with one root field; a typed error fails the test."""
        [payload] = (await self.data(mutation, **variables)).values()
        assert payload["__typename"].endswith("Payload"), payload
        return dict[str, Any](payload)

    async def refused(self, mutation: str, **variables: Any) -> dict[str, Any]:
        """The typed error of a mutation with one root field; a payload fails the test."""
        [payload] = (await self.data(mutation, **variables)).values()
        assert payload["__typename"].endswith("Error"), payload
        return dict[str, Any](payload)
