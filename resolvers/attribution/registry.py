"""Every attribution model by its kind, and the check of what a client chose."""

import functools
import importlib
import pkgutil
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType, ModuleType

import msgspec

from resolvers.attribution import models as models_package
from resolvers.attribution.model import Model, Parameters, ParameterSpec
from resolvers.attribution.paths import Credits, PathCounts, SinglePath, Touch, TouchShare
from resolvers.errors import invalid

_ORDER = ("FIRST_TOUCH", "LAST_TOUCH", "LINEAR", "TIME_DECAY", "POSITION_BASED", "MARKOV", "SHAPLEY")
"""How they are listed; a model that is not here comes after them, by name."""

_NUMBER = re.compile(r"\d{1,12}(\.\d{1,12})?", re.ASCII)
_FLAGS = {"true": True, "false": False}


class ChosenModel(msgspec.Struct, frozen=True):
    """A model with its parameters; equal choices compute the same bytes."""

    model: Model
    parameters: Mapping[str, str]
    """Every parameter, given or not, as canonical text, sorted by name."""
    checked: Parameters

    @property
    def kind(self) -> str:
        return self.model.kind

    @property
    def version(self) -> int:
        return self.model.version

    def credits(self, paths: PathCounts) -> Credits:
        """What each node earned; ValueError without the ages that the model needs."""
        return self.model.credits(paths, self.checked)

    def divided(self, paths: Sequence[SinglePath], weights: Mapping[int, Decimal] | None = None) -> list[list[int]]:
        """What each touch of each path earned, in 10^-12 of its conversion; `weights` as for `explain`."""
        return self.model.divided(paths, weights, self.checked)

    def explain(self, path: Sequence[Touch], weights: Mapping[int, Decimal] | None = None) -> list[TouchShare]:
        """What each touch of one path, oldest first, earned; `weights` are those of `Credits`, by node."""
        return self.model.explain(path, weights, self.checked)


@functools.cache
def models() -> Mapping[str, Model]:
    """The models of this process by kind."""
    return discovered(models_package)


def discovered(package: ModuleType) -> Mapping[str, Model]:
    """The `MODEL` of each module of a package, by kind; ValueError where a module has none or two are of one kind."""
    found: dict[str, Model] = {}
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        model = getattr(importlib.import_module(module.name), "MODEL", None)
        if not isinstance(model, Model) or model.kind in found:
            raise ValueError(f"{module.name} does not define a MODEL of a kind of its own")
        found[model.kind] = model
    ranks = {kind: rank for rank, kind in enumerate(_ORDER)}
    kinds = sorted(found, key=lambda kind: (ranks.get(kind, len(ranks)), kind))
    return MappingProxyType({kind: found[kind] for kind in kinds})


def chosen(kind: str, version: int | None, parameters: Mapping[str, str], *path: str) -> ChosenModel:
    """The model of this kind; a version of None is the current one.

    Raises InvalidInput: UNKNOWN_MODEL, UNKNOWN_PARAMETER, INVALID_PARAMETER. `path` is where the choice stands in the
    input; the names kind, version and parameters are added to it.
    """
    model = models().get(kind)
    if model is None:
        raise invalid("UNKNOWN_MODEL", f"There is no such model: choose one of {', '.join(models())}.", *path, "kind")
    if version not in {None, model.version}:
        sentence = f"{kind} is at version {model.version}: leave the version out, or name this one."
        raise invalid("UNKNOWN_MODEL", sentence, *path, "version")
    specs = {spec.name: spec for spec in model.parameters}
    for name in parameters:
        if name not in specs:
            taken = f"it takes {', '.join(specs)}" if specs else "it takes none"
            sentence = f"{kind} has no parameter of this name: {taken}."
            raise invalid("UNKNOWN_PARAMETER", sentence, *path, "parameters", name[:100])
    texts = {name: parameters.get(name, specs[name].default) for name in sorted(specs)}
    checked = Parameters(
        numbers={name: _number(specs[name], text, path) for name, text in texts.items() if not _is_flag(specs[name])},
        flags={name: _flag(specs[name], text, path) for name, text in texts.items() if _is_flag(specs[name])},
    )
    if (contradiction := model.contradiction(checked)) is not None:
        name, sentence = contradiction
        raise invalid("INVALID_PARAMETER", sentence, *path, "parameters", name)
    canonical = {name: texts[name] if _is_flag(specs[name]) else f"{checked.numbers[name]:f}" for name in texts}
    return ChosenModel(model, MappingProxyType(canonical), checked)


def _is_flag(spec: ParameterSpec) -> bool:
    return spec.kind == "boolean"


def _flag(spec: ParameterSpec, text: str, path: tuple[str, ...]) -> bool:
    if text not in _FLAGS:
        raise invalid("INVALID_PARAMETER", f"{spec.name} is true or false.", *path, "parameters", spec.name)
    return _FLAGS[text]


def _number(spec: ParameterSpec, text: str, path: tuple[str, ...]) -> Decimal:
    number = Decimal(text) if _NUMBER.fullmatch(text) else None
    low, high = spec.minimum, spec.maximum
    if number is None or (low is not None and number < low) or (high is not None and number > high):
        bounds = f"from {0 if low is None else low}" + ("" if high is None else f" to {high}")
        sentence = f"{spec.name} is a number {bounds}, with at most 12 decimals."
        raise invalid("INVALID_PARAMETER", sentence, *path, "parameters", spec.name)
    return number.normalize()
