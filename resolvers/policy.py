"""Who may do what. Roles grant permissions to users, scopes grant them to API keys; nothing else does."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from persistence.ids import ApiKeyId, SessionId, TenantId, UserId
from resolvers.errors import Forbidden, Unauthenticated


class Role(StrEnum):
    """Each role may do what the one below it may, and more."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    MEMBER = "MEMBER"
    VIEWER = "VIEWER"


class Scope(StrEnum):
    READ = "read"
    WRITE = "write"
    EVENTS = "events"
    ATTRIBUTION = "attribution"


class Permission(StrEnum):
    READ = "read"
    WRITE = "write"
    EVENTS = "send events"
    ATTRIBUTION = "run attribution"
    SEE_MEMBERS = "see members"
    MANAGE_TENANT = "manage the tenant"
    MANAGE_MEMBERS = "manage members"
    MANAGE_OWNERS = "manage owners"
    MANAGE_API_KEYS = "manage API keys"
    MANAGE_BILLING = "manage the plan"


_VIEWER = frozenset({Permission.READ, Permission.SEE_MEMBERS})
_MEMBER = _VIEWER | {Permission.WRITE, Permission.EVENTS, Permission.ATTRIBUTION}
_ADMIN = _MEMBER | {Permission.MANAGE_TENANT, Permission.MANAGE_MEMBERS, Permission.MANAGE_API_KEYS}
_OWNER = _ADMIN | {Permission.MANAGE_OWNERS, Permission.MANAGE_BILLING}

_OF_ROLE: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.MEMBER: _MEMBER,
    Role.ADMIN: _ADMIN,
    Role.OWNER: _OWNER,
}


_OF_SCOPE: Mapping[Scope, Permission] = {
    Scope.READ: Permission.READ,
    Scope.WRITE: Permission.WRITE,
    Scope.EVENTS: Permission.EVENTS,
    Scope.ATTRIBUTION: Permission.ATTRIBUTION,
}

_ANY_OF: Mapping[Permission, frozenset[Scope]] = {
    permission: frozenset(scope for scope, given in _OF_SCOPE.items() if given is permission)
    for permission in Permission
}
"""The scopes that give a permission, each by itself."""


class Viewer(msgspec.Struct, frozen=True):
    """Who asks: a user, in one tenant or in none yet, or an API key, which is always of one tenant."""

    user_id: UserId | None = None
    session_id: SessionId | None = None
    """The user's login, whose end is the end of all that runs in it."""
    api_key_id: ApiKeyId | None = None
    tenant_id: TenantId | None = None
    role: Role | None = None
    scopes: frozenset[Scope] = frozenset()

    @property
    def rights(self) -> str:
        """A text that is the same for all who may do the same in the same tenant, for the same reason."""
        if self.role is not None:
            return f"role {self.role}"
        return f"scopes {' '.join(sorted(self.scopes))}"

    @property
    def name(self) -> str:
        """A text that no other viewer has."""
        return f"user {self.user_id}" if self.user_id is not None else f"key {self.api_key_id}"

    def may(self, permission: Permission) -> bool:
        """In their tenant; nothing without one."""
        if self.tenant_id is None:
            return False
        if self.role is not None:
            return permission in _OF_ROLE[self.role]
        return not self.scopes.isdisjoint(_ANY_OF[permission])

    @property
    def permissions(self) -> frozenset[Permission]:
        return frozenset(permission for permission in Permission if self.may(permission))


def permissions_of(role: Role) -> frozenset[Permission]:
    return _OF_ROLE[role]


def may_grant(own: Role, other: Role) -> bool:
    """Nobody grants or takes away a role above their own."""
    return _OF_ROLE[other] <= _OF_ROLE[own]


def tenant_for(viewer: Viewer | None, permission: Permission) -> TenantId:
    """The viewer's tenant, if the viewer may do this there. Raises Unauthenticated or Forbidden."""
    if viewer is None:
        raise Unauthenticated("Sign in, or send an API key in the Authorization header.")
    if viewer.tenant_id is None:
        raise no_tenant()
    if not viewer.may(permission):
        lacking = f"your role {viewer.role} does" if viewer.role is not None else "this API key's scopes do"
        raise Forbidden(f"This needs the permission to {permission.value}, which {lacking} not give.")
    return viewer.tenant_id


def no_tenant() -> Forbidden:
    return Forbidden("You belong to no tenant yet: create one with createTenant, or accept an invitation.")


def user_of(viewer: Viewer | None) -> UserId:
    """The signed-in user; an API key is nobody. Raises Unauthenticated or Forbidden."""
    if viewer is None:
        raise Unauthenticated("Sign in first.")
    if viewer.user_id is None:
        raise Forbidden("An API key cannot do this: sign in as a user.")
    return viewer.user_id
