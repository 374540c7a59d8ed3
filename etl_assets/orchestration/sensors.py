"""One Dagster sensor for each legacy source: what changed there is loaded, with all that depends on it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from hashlib import blake2b
from typing import Any

import dagster as dg
from dagster._core.storage.tags import SENSOR_NAME_TAG
from django.db import close_old_connections

from .. import conf
from ..analysis.whereabouts import unreachable
from ..engine.failures import is_lost_connection, sentence
from ..engine.glance import Glance, glance_at
from ..exceptions import EtlError, SourceError
from .keys import asset_key, source_key
from .launched import run_at_work
from .specs import Registry, TransformerClass
from .tags import CHANGE


def build_sensors(
    registry: Registry, *, job: str, only: Collection[str] | None = None
) -> list[dg.SensorDefinition]:
    """Make a sensor for each legacy source. `SENSORS` switches them on.

    Args:
        registry: all transformers, by name.
        job: name of the job that loads them.
        only: names of those that are assets here; None for all.
    """
    return [
        _Watch(key, readers, registry, only).sensor(job)
        for key, readers in readers_by_source(registry, only).items()
    ]


def readers_by_source(
    registry: Registry, only: Collection[str] | None = None
) -> dict[dg.AssetKey, list[TransformerClass]]:
    """Return the transformers that read each legacy source."""
    found: dict[dg.AssetKey, list[TransformerClass]] = {}
    for name, one in registry.items():
        if only is None or name in only:
            found.setdefault(source_key(one._meta), []).append(one)
    return found


def name_after(prefix: str, key: dg.AssetKey) -> str:
    """Make a name that Dagster takes of a legacy source's key."""
    return "__".join([prefix, *key.path]).replace("-", "__")


class _Watch:
    """What one sensor does at each tick."""

    def __init__(
        self,
        key: dg.AssetKey,
        readers: Sequence[TransformerClass],
        registry: Registry,
        only: Collection[str] | None,
    ) -> None:
        self.name = name_after("watch", key)
        self.readers = readers
        self.registry = registry
        self.loaded = _with_downstream(readers, registry, only)

    def sensor(self, job: str) -> dg.SensorDefinition:
        config = conf.load()
        running, stopped = dg.DefaultSensorStatus.RUNNING, dg.DefaultSensorStatus.STOPPED
        names = ", ".join(one._meta.name for one in self.loaded)
        return dg.SensorDefinition(
            name=self.name,
            evaluation_fn=self.tick,
            job_name=job,
            minimum_interval_seconds=config.sensor_interval,
            default_status=running if config.sensors_enabled else stopped,
            description=f"Looks whether {self.source} has changed, and then loads {names}.",
        )

    @property
    def source(self) -> str:
        meta = self.readers[0]._meta
        label = f"the query of {meta.name!r}" if meta.source_label == "query" else repr(meta.source_label)
        return f"{label} in database {meta.database!r}"

    def tick(self, context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Launch what has changed since the cursor. The first tick launches: nobody knows what was loaded."""
        close_old_connections()
        try:
            return self._look(context)
        finally:
            close_old_connections()

    def _look(self, context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        before = _read_cursor(context.cursor)
        database = self.readers[0]._meta.database
        try:
            now = glance_at(self.readers, self.registry)
        except EtlError:
            raise  # a table that is gone does not come back by itself: the tick fails, and says why
        except Exception as error:
            if not is_lost_connection(error):
                raise SourceError(sentence(error, database)) from error
            return dg.SkipReason(unreachable(database, error))
        if before["figures"] == now.figures:
            return dg.SkipReason(f"Nothing has changed in {self.source}: still {now}.")
        run_id = run_at_work(context.instance, SENSOR_NAME_TAG, self.name, self.loaded)
        if run_id is not None:
            return dg.SkipReason(
                f"There is news in {self.source}: {now}. It waits for the end of run {run_id}, which this "
                "sensor launched before."
            )
        return self._launch(before, now)

    def _launch(self, before: dict[str, Any], now: Glance) -> dg.SensorResult:
        cursor = json.dumps({"figures": now.figures, "launched": before["launched"] + 1})
        # A source may come back to figures that it has had before, so that these alone are no key.
        digest = blake2b(cursor.encode(), digest_size=8).hexdigest()
        request = dg.RunRequest(
            run_key=f"{self.name}:{before['launched'] + 1}:{digest}",
            asset_selection=[asset_key(one._meta.name) for one in self.loaded],
            tags={CHANGE: f"{self.source}: {now}"},
        )
        return dg.SensorResult(run_requests=[request], cursor=cursor)


def _read_cursor(cursor: str | None) -> dict[str, Any]:
    return dict(json.loads(cursor)) if cursor else {"figures": None, "launched": 0}


def _with_downstream(
    readers: Sequence[TransformerClass], registry: Registry, only: Collection[str] | None
) -> list[TransformerClass]:
    """Return the transformers and all that depend on them, in the registry's order."""
    names = {one._meta.name for one in readers}
    for name, one in registry.items():  # upstream comes first there
        if names & set(one._meta.upstream):
            names.add(name)
    return [one for name, one in registry.items() if name in names and (only is None or name in only)]
