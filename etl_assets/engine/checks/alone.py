"""Checks by themselves, between runs: nothing is loaded, and nothing is kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from functools import partial

from django.db import transaction

from ... import conf
from ...exceptions import ConfigurationError
from ...transformer import Transformer
from ..load import Load
from ..options import RunOptions
from ..pipeline import rolled_back
from ..plan import Plan, make_plan
from ..progress import Silent
from ..rejects import RejectLog
from ..report import TransformerReport
from ..sources import configured, open_reader
from .declared import KEYS_UNIQUE, MATCHES_SOURCE, NO_ORPHANS, NULL_SHARE
from .kept import figures_of_last_success, last_kept, last_validation, rejected_before
from .matching import Matching, spread
from .result import CheckResult
from .run import cleaned
from .table import TargetTable


def check_alone(
    transformer: type[Transformer],
    registry: Mapping[str, type[Transformer]],
    names: Collection[str],
    options: RunOptions,
) -> Iterator[CheckResult]:
    """Make checks of a transformer's target as it is now; of what only a run can count, tell the last run's.

    What is wrong is an error whatever the validation mode: there is no run that a warning would let go on.

    Raises:
        ConfigurationError: a check is the run's own, and no run has made it yet.
    """
    plan = make_plan(transformer, registry)
    configured(plan.meta.using, plan.meta.label)
    table = TargetTable(plan, conf.load().sensitive_columns)
    for name in names:
        if name == KEYS_UNIQUE:
            yield table.keys_unique()
        elif name == NO_ORPHANS:
            yield table.no_orphans()
        elif name == NULL_SHARE:
            yield table.null_share(figures_of_last_success(plan.meta.name, NULL_SHARE))
        elif name == MATCHES_SOURCE:
            yield matches_source(plan, options)
        else:
            yield _of_last_run(plan.meta.name, name)


def matches_source(plan: Plan, options: RunOptions) -> CheckResult:
    """Read the source anew, or `options.match_rows` rows of it, clean them as the last run did, and look.

    Memory holds some thousand rows, however many there are.
    """
    validation = last_validation(plan.meta.name)
    as_then = RunOptions(validation=validation, dry_run=True, match_rows=options.match_rows)
    look_up = partial(rejected_before, plan.meta.name)
    with closing(RejectLog(plan.meta.name)) as rejects, open_reader(plan) as reader:
        report = TransformerReport(plan.meta.name, rejects=rejects)
        load = Load(plan, as_then, report, rejects, Silent(), None)
        rows = reader.count()
        matching = Matching(load.target, load.sensitive)
        with rolled_back(plan.meta.using):  # for the staging table: no row of the target is written
            load.target.open()
            for raw in spread(reader, rows, options.match_rows):
                with transaction.atomic(plan.meta.using):
                    matching.take(cleaned(load, reader.visible(raw)))
                matching.settle(look_up)
        return matching.result(rows, "error")


def _of_last_run(transformer: str, name: str) -> CheckResult:
    kept = last_kept(transformer, name)
    if kept is None:
        raise ConfigurationError(
            f"Only a run of {transformer!r} can tell about {name!r}, and none is recorded that did: "
            "run the transformer first."
        )
    return CheckResult(
        name,
        kept.passed,
        f"{kept.description} (run {kept.run.run_id[:8]})",
        "error" if kept.severity == "error" else "warning",
        kept.blocking,
        kept.figures,
        kept.samples,
    )
