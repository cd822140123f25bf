"""What one version of a lesson's tasks came to under the fault, measured in this run."""

import json
from dataclasses import asdict, dataclass, field
from typing import Self


@dataclass(frozen=True)
class Bar:
    """One bar of a chart."""

    label: str
    value: float
    unit: str = ""


@dataclass
class Outcome:
    """Figures and a chart of one version, and what is wrong with it."""

    #: A word or two each, such as "lost": what was measured, as a person reads it.
    figures: dict[str, str] = field(default_factory=dict)
    chart_title: str = ""
    chart: list[Bar] = field(default_factory=list)
    #: One sentence for each promise that was broken. None: the practice holds.
    broken: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        """Return it as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Return what `to_json` wrote."""
        values = json.loads(line)
        return cls(**{**values, "chart": [Bar(**bar) for bar in values["chart"]]})
