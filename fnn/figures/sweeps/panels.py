"""What a sweep's panels hold: a name, its values, and the settings that stand at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fnn.figures.values import Scale, in_words


def varied_names(settings: Sequence[Any]) -> list[str]:
    """The names that have several values among these settings, in order; all if none has."""
    names = list(dict.fromkeys(name for setting in settings for name in setting.settings))
    varied = [
        name
        for name in names
        if len({in_words(setting.settings.get(name), None) for setting in settings}) > 1
    ]
    return varied or names


class Panel(NamedTuple):
    """One name: for each of its values the best setting, in order, and the others.

    scattered: whether the others are shown; best: of all.
    """

    name: str
    scale: Scale
    settings: list[Any]
    others: list[Any]
    scattered: bool
    best: Any

    def places(self, settings: Sequence[Any]) -> np.ndarray:
        """Where settings stand."""
        return np.array([self.scale.at(s.settings.get(self.name)) for s in settings], float)


def panels(settings: Sequence[Any], names: Sequence[str], every: bool) -> list[Panel]:
    """A panel a name; scattered with `every`, and where one of several names never repeats."""
    made = []
    for name in names:
        scale = Scale(setting.settings.get(name) for setting in settings)
        first: dict[int, Any] = {}
        for setting in settings:  # the best come first
            if setting is settings[0] or not was_pruned(setting):
                first.setdefault(scale.index(setting.settings.get(name)), setting)
        shown = {id(setting) for setting in first.values()}
        others = [setting for setting in settings if id(setting) not in shown]
        bests = [first[index] for index in sorted(first)]
        made.append(Panel(name, scale, bests, others, False, settings[0]))
    scattered = every or (len(names) > 1 and any(not panel.others for panel in made))
    return [panel._replace(scattered=scattered) for panel in made]


def was_pruned(setting: Any) -> bool:
    """Whether a search ended it early: it has been trained less than the others."""
    return all(member.status == "retired" for member in setting.members)


def measured(panel: Panel, metric: str) -> np.ndarray:
    """All that is shown: every seed, and of the others the means."""
    members = [member for setting in panel.settings for member in setting.members]
    values = [member.values.get(metric, np.nan) for member in members]
    return np.array(values + [s.mean for s in panel.others if panel.scattered], float)
