"""A plan for people: its calls level by level, and the generated functions."""

import ast
from collections.abc import Iterator, Mapping, Sequence

from gateway.execution.plan import Attribute, Call, Choice, Items, Leaves, Plan, Selection, Shape


def steps(plan: Plan) -> list[str]:
    """One line for each field that leads to objects or calls a resolver, indented by its level."""
    return ["query", *_steps(plan.root, 1)]


def functions(plan: Plan) -> list[str]:
    """The source of each generated function, below a comment that says for which objects it is."""
    return [f"# {_place(selection)}\n{_source(selection)}" for selection in plan.selections]


def _steps(selection: Selection, level: int) -> Iterator[str]:
    for column in selection.columns:
        below = _targets(column.shape)
        yield f"{'  ' * level}{column.key}: {_said(column.source, level)}"
        if len(below) == 1:
            yield from _steps(below[0], level + 1)
        else:
            for target in below:
                yield f"{'  ' * (level + 1)}... on {target.type_name}"
                yield from _steps(target, level + 2)


def _said(source: Attribute | Call, level: int) -> str:
    if isinstance(source, Attribute):
        return f"the attribute {source.name} of each"
    said = f"one call of {source.coordinate}" if level == 1 else f"one call of {source.coordinate} for all"
    if not source.waits:
        said += ", which waits for nothing"
    if source.reads is not None:
        said += f"; reads {', '.join(sorted(source.reads)) or 'nothing'}"
    return said


def _targets(shape: Shape) -> tuple[Selection, ...]:
    if isinstance(shape, Leaves):
        return ()
    if isinstance(shape, Items):
        return _targets(shape.item)
    return shape.target.selections if isinstance(shape.target, Choice) else (shape.target,)


def _place(selection: Selection) -> str:
    where = ".".join(selection.path) or "the operation"
    return f"{selection.type_name}, at {where}"


def _source(selection: Selection) -> str:
    """The function with the response keys and type names in their places, which are not in its text."""
    [made] = ast.parse(selection.text).body
    build = _Bound(selection.constants, selection.keys).visit(made).body[0]
    return ast.unparse(build)


class _Bound(ast.NodeTransformer):
    def __init__(self, constants: Mapping[str, str], keys: Sequence[str]) -> None:
        self._constants = constants
        self._keys = keys

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Name) and node.func.id == "row":
            return ast.Dict([ast.Constant(key) for key in self._keys], [self.visit(value) for value in node.args])
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self._constants[node.id]) if node.id in self._constants else node
