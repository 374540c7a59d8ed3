"""What `etl` found, told on the screen or in a file."""

from __future__ import annotations

import json
from typing import TextIO

from ..files import replaced, write_json
from ..screen import Screen
from .inspection import Finding, Request


def tell(finding: Finding, request: Request, out: TextIO, *, color: bool | None) -> None:
    """Write the file that was asked for, and print what was asked for."""
    with Screen(out, color=color) as screen:
        if request.output is not None:
            _write(finding, request)
            if request.format is None:
                screen.line(f"Wrote {request.output}")
                return
        if (request.format or ("table" if out.isatty() else "json")) == "json":
            # Of an encoding that lacks a character, JSON has its own escapes.
            is_unicode = screen.can_write("\N{ELECTRIC LIGHT BULB}")
            screen.line(json.dumps(finding.result, indent=2, ensure_ascii=not is_unicode, allow_nan=False))
        else:
            from ..analysis.render.terminal import layout

            screen.show(layout(finding.action, finding.result, finding.sources))


def _write(finding: Finding, request: Request) -> None:
    assert request.output is not None
    if request.output.suffix.lower() == ".json":
        write_json(request.output, finding.result)
        return
    from ..analysis.render.page import page

    text = page(finding.action, finding.subject, finding.database, finding.result, finding.sources)
    with replaced(request.output) as new:
        new.write_text(text, encoding="utf-8")
