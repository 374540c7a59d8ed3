"""A transformer's checks as Dagster's.

They belong to the asset's own step: a run makes them in its transaction, and yields what it found, also where
that failed it. Each can be executed by itself too, in a step that then loads nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import dagster as dg

from ..engine.checks import CheckResult, declared_checks
from ..engine.checks.alone import check_alone
from ..exceptions import EtlError
from ..transformer import Transformer
from .keys import asset_key
from .options import MigrationOptions


def build_check_specs(transformer: type[Transformer]) -> list[dg.AssetCheckSpec]:
    """Describe the checks of a transformer's asset."""
    meta = transformer._meta
    return [
        dg.AssetCheckSpec(
            one.name, asset=asset_key(meta.name), description=one.description, blocking=one.blocking
        )
        for one in declared_checks(meta)
    ]


def asset_check_results(
    results: Iterable[CheckResult], selected: Collection[dg.AssetCheckKey]
) -> Iterator[dg.AssetCheckResult]:
    """Turn what checks found into events of the step, for those that the step is to tell of."""
    wanted = {key.name: key for key in selected}
    for one in results:
        if one.name in wanted:
            yield dg.AssetCheckResult(
                passed=one.passed,
                asset_key=wanted[one.name].asset_key,
                check_name=one.name,
                severity=SEVERITIES[one.severity],
                description=f"{one.description}.",
                metadata=_metadata(one),
            )


def evaluate_alone(
    transformer: type[Transformer],
    registry: Mapping[str, type[Transformer]],
    selected: Collection[dg.AssetCheckKey],
    options: MigrationOptions,
) -> Iterator[dg.AssetCheckResult]:
    """Make the selected checks without a run."""
    names = [one.name for one in declared_checks(transformer._meta)]
    wanted = {key.name for key in selected}
    try:
        results = check_alone(
            transformer, registry, [name for name in names if name in wanted], options.run_options()
        )
        yield from asset_check_results(results, selected)
    except EtlError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


SEVERITIES = {"error": dg.AssetCheckSeverity.ERROR, "warning": dg.AssetCheckSeverity.WARN}


def _metadata(result: CheckResult) -> dict[str, Any]:
    """Give the figures as numbers, which the UI plots, and the rows at fault as a table."""
    metadata: dict[str, Any] = dict(result.figures)
    if result.samples:
        names = list(dict.fromkeys(name for row in result.samples for name in row))
        metadata["samples"] = dg.TableMetadataValue(
            [dg.TableRecord({name: _cell(row.get(name)) for name in names}) for row in result.samples],
            dg.TableSchema(columns=[dg.TableColumn(name) for name in names]),
        )
    return metadata


def _cell(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
