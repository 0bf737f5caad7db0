"""Accounts, tenants, members and keys through the graph, as clients see them."""

from typing import Any

import pytest

from persistence.repositories.tenants import Memberships
from resolvers.context import RequestContext, Services
from resolvers.errors import DomainError
from resolvers.identity.api_keys import NewApiKey, create_api_key
from resolvers.identity.invites import NewInvite, invite_member
from resolvers.policy import Role, Scope, Viewer
from tests.actors import Actor, new_member, new_tenant
from tests.graph import data, run
from tests.identity import PASSWORD, clocked, new_account, stranger

ERROR = "... on Error { code message path }"
VIEWER = """{ viewer { role scopes permissions user { email name } tenant { id name } membership { role }
    memberships { role tenant { id name } user { email } } apiKey { name hint } } }"""


def key_context(actor: Actor, *scopes: Scope) -> RequestContext:
    return RequestContext(actor.services, Viewer(tenant_id=actor.tenant_id, scopes=frozenset(scopes)))


async def codes(context: RequestContext, query: str, **variables: Any) -> list[tuple[str, list[str | int]]]:
    """The domain errors of an operation: their codes and where they are in the result."""
    result = await run(context, query, **variables)
    found = []
    for error in result.errors or []:
        assert isinstance(error.original_error, DomainError), error
        found.append((error.original_error.code, list(error.path or ())))
    return found


async def test_register_signs_in_and_the_operation_goes_on_as_the_user(services: Services) -> None:
    email = f"{services.random_token()[:12].lower()}@example.com"
    answer = await data(
        stranger(services),
        """mutation ($email: String!, $password: String!) {
          register(input: {email: $email, name: "Ada", password: $password}) {
            ... on RegisterPayload {
              user { email name } viewer { user { email } tenant { id } memberships { id } permissions }
              session { accessToken refreshToken expiresAt refreshExpiresAt } } }
          createTenant(input: {name: "Acme"}) {
            ... on CreateTenantPayload {
              tenant { name version members { totalCount nodes { role user { email } } } } membership { role } } }
          createPodcast(input: {title: "A show"}) { __typename }
        }""",
        email=email,
        password=PASSWORD,
    )
    session = answer["register"].pop("session")
    assert len(session["refreshToken"]) == 43
    assert session["accessToken"].count(".") == 2
    assert answer == {
        "register": {
            "user": {"email": email, "name": "Ada"},
            "viewer": {"user": {"email": email}, "tenant": None, "memberships": [], "permissions": []},
        },
        "createTenant": {
            "tenant": {
                "name": "Acme",
                "version": 1,
                "members": {"totalCount": 1, "nodes": [{"role": "OWNER", "user": {"email": email}}]},
            },
            "membership": {"role": "OWNER"},
        },
        "createPodcast": {"__typename": "CreatePodcastPayload"},
    }


async def test_login_refresh_and_logout_answer_as_the_web_page_asks(services: Services) -> None:
    account = await new_account(services)
    await data(account.context(), 'mutation { createTenant(input: {name: "Acme"}) { __typename } }')
    login = await data(
        stranger(services),
        """mutation ($email: String!, $password: String!) { login(input: {email: $email, password: $password}) {
          __typename
          ... on LoginPayload { session { accessToken refreshToken expiresAt }
                                viewer { user { email name } tenant { id name } } }
          ... on Error { code message path } } }""",
        email=account.email,
        password=PASSWORD,
    )
    assert login["login"]["__typename"] == "LoginPayload"
    assert login["login"]["viewer"]["user"] == {"email": account.email, "name": "Ada"}
    assert login["login"]["viewer"]["tenant"]["name"] == "Acme"
    refresh = await data(
        stranger(services),
        """mutation ($token: String!) { refresh(input: {refreshToken: $token}) {
          ... on RefreshPayload { session { accessToken refreshToken expiresAt } } ... on Error { code message } } }""",
        token=login["login"]["session"]["refreshToken"],
    )
    token = refresh["refresh"]["session"]["refreshToken"]
    logout = """mutation ($token: String!) {
      logout(input: {refreshToken: $token}) { ... on LogoutPayload { signedOut } } }"""
    for _ in range(2):
        assert await data(stranger(services), logout, token=token) == {"logout": {"signedOut": True}}


async def test_changed_password_gives_a_new_login_and_ends_the_old_ones(services: Services) -> None:
    account = await new_account(services)
    refresh = """mutation ($token: String!) { refresh(input: {refreshToken: $token}) { __typename
      ... on RefreshPayload { session { refreshToken } } } }"""
    login = await data(
        stranger(services),
        """mutation ($email: String!, $password: String!) { login(input: {email: $email, password: $password}) {
          ... on LoginPayload { session { refreshToken } } } }""",
        email=account.email,
        password=PASSWORD,
    )
    changed = await data(
        account.context(),
        """mutation ($old: String!) { changePassword(input: {currentPassword: $old, newPassword: "another long one"}) {
          ... on ChangePasswordPayload { session { refreshToken } } } }""",
        old=PASSWORD,
    )
    old, new = (answer["session"]["refreshToken"] for answer in (login["login"], changed["changePassword"]))
    ended = await data(stranger(services), refresh, token=old)
    assert ended == {"refresh": {"__typename": "InvalidCredentialsError"}}
    assert (await data(stranger(services), refresh, token=new))["refresh"]["__typename"] == "RefreshPayload"


async def test_wrong_password_is_a_typed_error(services: Services) -> None:
    account = await new_account(services)
    answer = await data(
        stranger(services),
        f'mutation ($email: String!) {{ login(input: {{email: $email, password: "wrong"}}) {{ __typename {ERROR} }} }}',
        email=account.email,
    )
    assert answer["login"] == {
        "__typename": "InvalidCredentialsError",
        "code": "INVALID_CREDENTIALS",
        "message": "The email or the password is wrong.",
        "path": [],
    }


async def test_too_many_guesses_say_when_to_come_back(services: Services) -> None:
    own_services, _ = clocked(services)
    query = """mutation { login(input: {email: "ada@example.com", password: "wrong"}) {
      __typename ... on TooManyAttemptsError { code retryAfter } } }"""
    for _ in range(10):
        await data(stranger(own_services, "one address"), query)
    answer = (await data(stranger(own_services, "one address"), query))["login"]
    assert (answer["__typename"], answer["code"]) == ("TooManyAttemptsError", "TOO_MANY_ATTEMPTS")
    assert 890 <= answer["retryAfter"] <= 900


async def test_every_problem_of_a_registration_is_told_and_no_password(services: Services) -> None:
    answer = await data(
        stranger(services),
        """mutation { register(input: {email: "ada", name: " ", password: "too short"}) {
          ... on InvalidInputError { code problems { code path } } } }""",
    )
    assert answer["register"] == {
        "code": "INVALID_INPUT",
        "problems": [
            {"code": "INVALID_EMAIL", "path": ["input", "email"]},
            {"code": "STRING_TOO_SHORT", "path": ["input", "name"]},
            {"code": "PASSWORD_TOO_SHORT", "path": ["input", "password"]},
        ],
    }


async def test_viewer_is_null_for_a_stranger(services: Services) -> None:
    assert await data(stranger(services), VIEWER) == {"viewer": None}


async def test_viewer_tells_a_user_where_they_stand(services: Services) -> None:
    actor, other = await new_tenant(services, Role.VIEWER), await new_tenant(services)
    async with services.database.write(other.tenant_id) as session:
        await Memberships(session).insert({"user_id": actor.user_id, "role": Role.ADMIN})
    first = {"id": f"ten_{actor.tenant_id}", "name": f"Tenant {actor.tenant_id}"}
    second = {"id": f"ten_{other.tenant_id}", "name": f"Tenant {other.tenant_id}"}
    user = {"email": actor.email}
    assert (await data(actor.context(), VIEWER))["viewer"] == {
        "role": "VIEWER",
        "scopes": [],
        "permissions": ["READ", "SEE_MEMBERS"],
        "user": {"email": actor.email, "name": "A User"},
        "tenant": first,
        "membership": {"role": "VIEWER"},
        "memberships": [
            {"role": "VIEWER", "tenant": first, "user": user},
            {"role": "ADMIN", "tenant": second, "user": user},
        ],
        "apiKey": None,
    }


async def test_viewer_tells_an_api_key_what_it_may_do(services: Services) -> None:
    owner = await new_tenant(services)
    key, _ = await create_api_key(owner.context(), NewApiKey(name="Reports", scopes=[Scope.READ, Scope.EVENTS]))
    viewer = Viewer(api_key_id=key.id, tenant_id=owner.tenant_id, scopes=frozenset({Scope.EVENTS, Scope.READ}))
    assert (await data(RequestContext(services, viewer), VIEWER))["viewer"] == {
        "role": None,
        "scopes": ["READ", "EVENTS"],
        "permissions": ["READ", "EVENTS"],
        "user": None,
        "tenant": {"id": f"ten_{owner.tenant_id}", "name": f"Tenant {owner.tenant_id}"},
        "membership": None,
        "memberships": [],
        "apiKey": {"name": "Reports", "hint": key.hint},
    }


LISTS = """{ viewer { tenant { members(first: 1) { totalCount pageInfo { hasNextPage } nodes { role user { email } } }
    invites { nodes { email role invitedBy { email } acceptedAt } }
    apiKeys { nodes { name scopes createdBy { email } revokedAt } } } } }"""


async def test_owner_lists_members_invitations_and_keys(services: Services) -> None:
    owner = await new_tenant(services)
    await new_member(services, owner.tenant_id, Role.VIEWER)
    await invite_member(owner.context(), NewInvite(email="ada@example.com", role=Role.ADMIN))
    await create_api_key(owner.context(), NewApiKey(name="Reports", scopes=[Scope.READ]))
    assert (await data(owner.context(), LISTS))["viewer"]["tenant"] == {
        "members": {
            "totalCount": 2,
            "pageInfo": {"hasNextPage": True},
            "nodes": [{"role": "OWNER", "user": {"email": owner.email}}],
        },
        "invites": {
            "nodes": [
                {"email": "ada@example.com", "role": "ADMIN", "invitedBy": {"email": owner.email}, "acceptedAt": None}
            ]
        },
        "apiKeys": {
            "nodes": [{"name": "Reports", "scopes": ["READ"], "createdBy": {"email": owner.email}, "revokedAt": None}]
        },
    }


async def test_invitations_and_keys_are_for_those_who_manage_them(services: Services) -> None:
    owner = await new_tenant(services)
    member = await new_member(services, owner.tenant_id, Role.MEMBER)
    assert await codes(member.context(), LISTS) == [
        ("FORBIDDEN", ["viewer", "tenant", "invites"]),
        ("FORBIDDEN", ["viewer", "tenant", "apiKeys"]),
    ]


async def test_api_key_sees_no_people(services: Services) -> None:
    owner = await new_tenant(services)
    key = key_context(owner, *Scope)
    assert await codes(key, "{ viewer { tenant { members { totalCount } } } }") == [
        ("FORBIDDEN", ["viewer", "tenant", "members"])
    ]
    async with services.database.read(owner.tenant_id) as session:
        record = await Memberships(session).of_user(owner.user_id)
    assert record is not None
    texts = [f"usr_{owner.user_id}", f"mem_{record.id}", f"ten_{owner.tenant_id}"]
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert await data(key, query, ids=texts) == {"nodes": [None, None, {"id": texts[2]}]}


async def test_lists_of_another_own_tenant_are_null(services: Services) -> None:
    actor, other = await new_tenant(services), await new_tenant(services)
    async with services.database.write(other.tenant_id) as session:
        await Memberships(session).insert({"user_id": actor.user_id, "role": Role.OWNER})
    query = "{ viewer { memberships { tenant { id members { totalCount } apiKeys { totalCount } } } } }"
    found = (await data(actor.context(), query))["viewer"]["memberships"]
    assert [membership["tenant"] for membership in found] == [
        {"id": f"ten_{actor.tenant_id}", "members": {"totalCount": 1}, "apiKeys": {"totalCount": 0}},
        {"id": f"ten_{other.tenant_id}", "members": None, "apiKeys": None},
    ]


async def identity_ids(owner: Actor) -> dict[str, str]:
    """One object of each type of identity in the owner's tenant."""
    invite, _ = await invite_member(owner.context(), NewInvite(email="ada@example.com", role=Role.VIEWER))
    key, _ = await create_api_key(owner.context(), NewApiKey(name="Reports", scopes=[Scope.READ]))
    async with owner.services.database.read(owner.tenant_id) as session:
        record = await Memberships(session).of_user(owner.user_id)
    assert record is not None
    return {
        "Tenant": f"ten_{owner.tenant_id}",
        "User": f"usr_{owner.user_id}",
        "Membership": f"mem_{record.id}",
        "Invite": f"inv_{invite.id}",
        "ApiKey": f"key_{key.id}",
    }


async def nodes(context: RequestContext, found: dict[str, str]) -> list[str | None]:
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename } }"
    answer = (await data(context, query, ids=list(found.values())))["nodes"]
    return [node and node["__typename"] for node in answer]


async def test_nodes_of_identity_are_shown_to_whom_they_are_due(services: Services) -> None:
    owner, other = await new_tenant(services), await new_tenant(services)
    found = await identity_ids(owner)
    member = await new_member(services, owner.tenant_id, Role.MEMBER)
    assert await nodes(owner.context(), found) == ["Tenant", "User", "Membership", "Invite", "ApiKey"]
    assert await nodes(member.context(), found) == ["Tenant", "User", "Membership", None, None]
    assert await nodes(other.context(), found) == [None] * 5
    assert await nodes(key_context(other, *Scope), found) == [None] * 5


async def test_former_member_is_no_node_any_more(services: Services) -> None:
    owner = await new_tenant(services)
    member = await new_member(services, owner.tenant_id, Role.ADMIN)
    invite, _ = await invite_member(member.context(), NewInvite(email="ada@example.com", role=Role.VIEWER))
    async with services.database.read(owner.tenant_id) as session:
        record = await Memberships(session).of_user(member.user_id)
    assert record is not None
    answer = await data(
        owner.context(),
        "mutation ($id: ID!) { removeMember(id: $id) { ... on RemoveMemberPayload { removedId } } }",
        id=f"mem_{record.id}",
    )
    assert answer == {"removeMember": {"removedId": f"mem_{record.id}"}}
    query = """query ($user: ID!, $invite: ID!) {
      user: node(id: $user) { id } invite: node(id: $invite) { ... on Invite { invitedBy { id } } } }"""
    assert await data(owner.context(), query, user=f"usr_{member.user_id}", invite=f"inv_{invite.id}") == {
        "user": None,
        "invite": {"invitedBy": None},
    }


async def test_a_member_joins_by_invitation_and_rises(services: Services) -> None:
    owner, account = await new_tenant(services), await new_account(services)
    invited = await data(
        owner.context(),
        """mutation ($email: String!) { inviteMember(input: {email: $email, role: VIEWER}) {
          ... on InviteMemberPayload { token invite { id email role expiresAt } } } }""",
        email=account.email,
    )
    joined = await data(
        account.context(),
        """mutation ($token: String!) { acceptInvite(input: {token: $token}) { ... on AcceptInvitePayload {
          membership { id role version tenant { id } user { email } } } } }""",
        token=invited["inviteMember"]["token"],
    )
    membership = joined["acceptInvite"]["membership"]
    assert membership == {
        "id": membership["id"],
        "role": "VIEWER",
        "version": 1,
        "tenant": {"id": f"ten_{owner.tenant_id}"},
        "user": {"email": account.email},
    }
    raised = await data(
        owner.context(),
        """mutation ($id: ID!) { changeRole(id: $id, version: 1, role: ADMIN) {
          ... on ChangeRolePayload { membership { role version } } } }""",
        id=membership["id"],
    )
    assert raised == {"changeRole": {"membership": {"role": "ADMIN", "version": 2}}}


async def test_api_key_is_shown_once_and_then_only_its_hint(services: Services) -> None:
    owner = await new_tenant(services)
    made = await data(
        owner.context(),
        """mutation { createApiKey(input: {name: "Reports", scopes: [READ]}) {
          ... on CreateApiKeyPayload { secret apiKey { id hint scopes } } } }""",
    )
    secret, key = made["createApiKey"]["secret"], made["createApiKey"]["apiKey"]
    assert secret.startswith(f"pgk_{owner.tenant_id}_")
    listed = await run(owner.context(), "{ viewer { tenant { apiKeys { nodes { id name hint scopes } } } } }")
    assert listed.errors is None
    assert secret not in str(listed.data)
    revoked = await data(
        owner.context(),
        "mutation ($id: ID!) { revokeApiKey(id: $id) { ... on RevokeApiKeyPayload { apiKey { id revokedAt } } } }",
        id=key["id"],
    )
    assert revoked["revokeApiKey"]["apiKey"]["revokedAt"] is not None


@pytest.mark.parametrize(
    ("mutation", "id_of"),
    [
        ('updateTenant(id: $id, version: 1, input: {name: "Taken"})', "Tenant"),
        ("changeRole(id: $id, version: 1, role: VIEWER)", "Membership"),
        ("removeMember(id: $id)", "Membership"),
        ("revokeInvite(id: $id)", "Invite"),
        ("revokeApiKey(id: $id)", "ApiKey"),
    ],
)
async def test_another_tenants_objects_are_not_found_and_stay(services: Services, mutation: str, id_of: str) -> None:
    owner, other = await new_tenant(services), await new_tenant(services)
    await new_member(services, owner.tenant_id, Role.OWNER)
    found = await identity_ids(owner)
    before = await data(owner.context(), LISTS)
    query = f"mutation ($id: ID!) {{ answer: {mutation} {{ ... on Error {{ code }} }} }}"
    assert await data(other.context(), query, id=found[id_of]) == {"answer": {"code": "NOT_FOUND"}}
    assert await data(owner.context(), LISTS) == before


@pytest.mark.parametrize(
    "mutation",
    [
        'createPodcast(input: {title: "A show"})',
        'inviteMember(input: {email: "ada@example.com", role: VIEWER})',
        'changeRole(id: "mem_1", version: 1, role: VIEWER)',
        'removeMember(id: "mem_1")',
        'revokeInvite(id: "inv_1")',
        'createApiKey(input: {name: "More", scopes: [READ]})',
        'revokeApiKey(id: "key_1")',
        'changeApiKeyBudget(id: "key_1")',
        "changePlan(plan: TEAM, version: 0)",
        "cancelPlan(version: 0)",
        "resumePlan(version: 0)",
        'createTenant(input: {name: "Mine"})',
        'updateTenant(id: "ten_1", version: 1, input: {name: "Mine"})',
        'acceptInvite(input: {token: "pgi_1_x"})',
    ],
)
async def test_api_key_of_scope_read_changes_nothing(services: Services, mutation: str) -> None:
    owner = await new_tenant(services)
    key = key_context(owner, Scope.READ)
    answer = await data(key, f"mutation {{ answer: {mutation} {{ ... on Error {{ code }} }} }}")
    assert answer == {"answer": {"code": "FORBIDDEN"}}


@pytest.mark.parametrize("role", list(Role))
async def test_permissions_of_each_role(services: Services, role: Role) -> None:
    actor = await new_tenant(services, role)
    answer = await data(actor.context(), "{ viewer { permissions } }")
    number = {Role.VIEWER: 2, Role.MEMBER: 5, Role.ADMIN: 8, Role.OWNER: 10}
    assert len(answer["viewer"]["permissions"]) == number[role]
