"""Complete terms for common families of clauses, to start a contract's own from."""

from dataclasses import dataclass
from importlib import resources

from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.terms import Terms


@dataclass(frozen=True)
class Preset:
    name: str
    text: str
    terms: Terms


def preset_names() -> tuple[str, ...]:
    folder = resources.files("dcim.sla") / "presets"
    return tuple(
        sorted(
            each.name.removesuffix(".yaml")
            for each in folder.iterdir()
            if each.name.endswith(".yaml")
        )
    )


def load_preset(name: str) -> Preset:
    """KeyError when there is none of that name."""
    if name not in preset_names():
        raise KeyError(name)
    text = (resources.files("dcim.sla") / "presets" / f"{name}.yaml").read_text("utf-8")
    return Preset(name, text, load_terms(text))
