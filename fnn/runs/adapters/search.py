"""The folder of a search: its trials as a table, and the best of them as a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from fnn import figures
from fnn.data import Prepared
from fnn.figures.sweeps.panels import varied_names
from fnn.files import write_bytes, write_record
from fnn.model import Model, save
from fnn.runs.adapters.member import member_fields, status_of
from fnn.runs.digests import FORMAT
from fnn.runs.folder import RunFolder, now
from fnn.runs.origin import MemberOrigin, Origin
from fnn.runs.recorder import Adapter, Recorder
from fnn.search import SearchResult
from fnn.sweeps.export import plain_frame
from fnn.sweeps.member_result import is_higher
from fnn.sweeps.test_protocol import MeasuredSetting, best_setting, sweep_headlines

MeasuredSearch: TypeAlias = tuple[SearchResult, MeasuredSetting | None]


@dataclass
class SearchAdapter(Adapter[MeasuredSearch]):
    """search.json at the beginning; config.json and the model are those of the best trial.

    `member_origin` gives the origin of a trial as a run by itself; `batch` is how many trials the
    figure shows as chosen at a time.
    """

    origin: Origin
    prepared: Prepared
    member_origin: MemberOrigin
    batch: int

    def begin(self, folder: RunFolder) -> None:
        call = self.origin.call
        record = {
            "command": self.origin.command,
            "options": self.origin.options,
            **({} if call is None else {"call": call}),
            "data": {"name": self.prepared.dataset.name},
            "started": now(),
        }
        write_record(folder.path / "search.json", FORMAT, record)

    def write_models(self, folder: RunFolder, result: MeasuredSearch) -> None:
        search, test = result
        if search.outcomes:
            table = plain_frame(search).rename_axis("trial")
            write_bytes(folder.path / "trials.csv", table.to_csv().encode())
        if test is not None:
            best = search.best().members[0]
            origin = self.member_origin(best.member)
            origin.write_config(folder, best.member.run, self.prepared)
            save(Model.of_member(best, self.prepared), folder.model_path)

    def write_result(self, folder: RunFolder, result: MeasuredSearch, seconds: float) -> None:
        search, test = result
        setting = best_setting(search)
        best = None if setting is None else setting.members[0]
        folder.write_result(
            status_of(best) if search.interrupted is None else "interrupted",
            metric=sweep_headlines(search)[0],
            test=None if test is None else test.means,
            test_rows=self.prepared.test_count,
            seconds=seconds,
            **member_fields(best),
            trials=len(search.outcomes),
            spent=search.spent,
            compared_by=search.metric,
        )

    def draw(self, folder: RunFolder, result: MeasuredSearch) -> None:
        search, _ = result
        if search.outcomes:
            _draw_settings(folder, search, self.prepared.dataset.name)
            _draw_search(folder, search, self.prepared.dataset.name, self.batch)


SearchRecorder = Recorder[MeasuredSearch]


def _draw_settings(folder: RunFolder, search: SearchResult, title: str) -> None:
    settings, path = search.settings(), folder.path / "settings.png"
    if varied_names(settings):
        figures.sweep(settings, path, metric=search.metric, every=True, title=title)


def _draw_search(folder: RunFolder, search: SearchResult, title: str, batch: int) -> None:
    metric, path = search.metric, folder.path / "search.png"
    if search.rungs:
        histories = [trial.history[metric] for trial in search.outcomes]
        rungs = [rung.epochs for rung in search.rungs[:-1]]
        figures.halving(histories, rungs, path, metric=metric, title=title)
        return
    values = [
        float("nan") if trial.status == "diverged" else trial.values[metric]
        for trial in search.outcomes
    ]
    higher = is_higher(metric)
    figures.search(values, path, metric=metric, higher=higher, batch=batch, title=title)
