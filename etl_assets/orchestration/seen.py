"""What a look at a legacy source leaves in Dagster's history: its data version, and when it changed.

Each load looks before it reads, and notes which version it is going to load. Dagster compares that with the
last one seen: as long as a table is as it was when it was loaded, an observation leaves its assets in sync.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import (
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    get_input_data_version_tag,
)
from dagster._core.event_api import AssetRecordsFilter
from django.utils import timezone

from ..engine.failures import sentence
from ..engine.glance import Glance, glance_at
from .keys import source_key
from .specs import Registry, TransformerClass

CHANGED_AT = "dagster/last_updated_timestamp"
"""Dagster's own name: its freshness check reads it."""
SEEN = "seen"


def look_at(key: dg.AssetKey, registry: Registry) -> Glance:
    """Look at a legacy source as all of its readers do, so that each finds the same version."""
    return glance_at([one for one in registry.values() if source_key(one._meta) == key], registry)


def data_version(seen: Glance) -> dg.DataVersion:
    return dg.DataVersion(blake2b(json.dumps(seen.figures).encode(), digest_size=8).hexdigest())


def seen_metadata(instance: dg.DagsterInstance, key: dg.AssetKey, seen: Glance) -> dict[str, Any]:
    """Tell what was seen, and since when the source has been so."""
    changed_at = seen.changed_at or _first_seen(instance, key, seen)
    return {SEEN: str(seen), CHANGED_AT: dg.MetadataValue.timestamp(changed_at)}


def note_seen(
    context: dg.AssetExecutionContext, transformer: TransformerClass, registry: Registry
) -> Mapping[str, str]:
    """Record what a load is about to read; return tags by which its materialization says that it read this.

    It looks beforehand, so that a change during the load is one that the load may have missed.
    """
    meta = transformer._meta
    key = source_key(meta)
    try:
        seen = look_at(key, registry)
    except Exception as error:  # the load is about to meet it too, and it is the load that fails then
        context.log.warning(f"No data version of {key.to_user_string()}: {sentence(error, meta.database)}")
        return {}
    version = data_version(seen).value
    context.log_event(
        dg.AssetObservation(
            key,
            metadata=seen_metadata(context.instance, key, seen),
            tags={DATA_VERSION_TAG: version, DATA_VERSION_IS_USER_PROVIDED_TAG: "true"},
        )
    )
    return {get_input_data_version_tag(key): version}


def _first_seen(instance: dg.DagsterInstance, key: dg.AssetKey, seen: Glance) -> dt.datetime:
    """Date a source without a watermark: it changed when it was first seen as it is now."""
    records = instance.fetch_observations(AssetRecordsFilter(asset_key=key), limit=1).records
    last = records[0].asset_observation if records else None
    if (
        last is None
        or CHANGED_AT not in last.metadata
        or last.metadata.get(SEEN) != dg.TextMetadataValue(str(seen))
    ):
        return timezone.now()
    return dt.datetime.fromtimestamp(float(last.metadata[CHANGED_AT].value), dt.UTC)  # type: ignore[arg-type]
