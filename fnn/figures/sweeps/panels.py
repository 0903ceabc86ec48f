"""The panels of a sweep's figure: a name, its values, and the settings at each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fnn.figures.sweeps.settings import SweepSetting
from fnn.figures.values import Scale, in_words


def varied_names(settings: Sequence[SweepSetting]) -> list[str]:
    """The names that have several values among these settings, in order; all if none has."""
    names = list(dict.fromkeys(name for setting in settings for name in setting.settings))
    varying = [
        name
        for name in names
        if len({in_words(setting.settings.get(name), None) for setting in settings}) > 1
    ]
    return varying or names


class Panel(NamedTuple):
    """One name: for each of its values the best setting, in order, and the others.

    scattered: whether the others are drawn; best: of all.
    """

    name: str
    scale: Scale
    settings: list[SweepSetting]
    others: list[SweepSetting]
    scattered: bool
    best: SweepSetting

    def positions(self, settings: Sequence[SweepSetting]) -> np.ndarray:
        """The positions of settings along the axis."""
        return np.array([self.scale.at(s.settings.get(self.name)) for s in settings], float)


def panels(settings: Sequence[SweepSetting], names: Sequence[str], every: bool) -> list[Panel]:
    """A panel a name; scattered with `every`, and where one of several names never repeats."""
    result = []
    for name in names:
        scale = Scale(setting.settings.get(name) for setting in settings)
        best_of_value: dict[int, SweepSetting] = {}
        for setting in settings:  # the best come first
            if setting is settings[0] or not was_pruned(setting):
                best_of_value.setdefault(scale.index(setting.settings.get(name)), setting)
        drawn = {id(setting) for setting in best_of_value.values()}
        others = [setting for setting in settings if id(setting) not in drawn]
        best_settings = [best_of_value[index] for index in sorted(best_of_value)]
        result.append(Panel(name, scale, best_settings, others, False, settings[0]))
    scattered = every or (len(names) > 1 and any(not panel.others for panel in result))
    return [panel._replace(scattered=scattered) for panel in result]


def was_pruned(setting: SweepSetting) -> bool:
    """Whether a search ended the setting early, trained less than the others."""
    return all(member.status == "retired" for member in setting.members)


def drawn_values(panel: Panel, metric: str) -> np.ndarray:
    """All drawn values: every seed, and of the others the means."""
    members = [member for setting in panel.settings for member in setting.members]
    values = [member.values.get(metric, np.nan) for member in members]
    return np.array(values + [s.mean for s in panel.others if panel.scattered], float)
