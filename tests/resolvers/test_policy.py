"""Who may do what, as the refused are told."""

import pytest

from persistence.ids import ApiKeyId, TenantId
from resolvers.errors import Forbidden
from resolvers.policy import Permission, Scope, Viewer, tenant_for


@pytest.mark.parametrize(
    ("permission", "needed"), [(Permission.EVENTS, "send events"), (Permission.ATTRIBUTION, "run attribution")]
)
def test_what_a_key_lacks_is_told_in_words(permission: Permission, needed: str) -> None:
    key = Viewer(api_key_id=ApiKeyId(1), tenant_id=TenantId(1), scopes=frozenset({Scope.READ}))
    with pytest.raises(Forbidden) as caught:
        tenant_for(key, permission)
    assert str(caught.value) == f"This needs the permission to {needed}, which this API key's scopes do not give."
