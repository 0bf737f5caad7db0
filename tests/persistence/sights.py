"""What operations know of the database, as tests want it."""

from persistence.positions import Position


class ScriptedSight:
    """Implements `persistence.sight.Sight`: `floors` by tenant, `writing` are the tenants that are being written."""

    def __init__(self, position: Position = 0) -> None:
        self.position = position
        self.token: Position = 0
        self.primary = False
        self.floors: dict[int, Position] = {}
        self.writing: set[int] = set()

    def floor(self, tenant_id: int) -> Position:
        return max(self.floors.get(tenant_id, 0), self.token)

    def pending(self, tenant_id: int) -> bool:
        return tenant_id in self.writing

    def wrote(self, position: Position) -> None:
        self.token = max(self.token, position)
