"""What to say of an exception that ended a run, and whether to try again."""

from __future__ import annotations

from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
)

from ..exceptions import EtlError

SERVER_GONE = {2002, 2003, 2006, 2013, 2055}
"""MySQL's error numbers of a connection that could not be made or was lost."""


ROW_STATES = ("44", "45", "54000", "P0")
"""SQLSTATEs, or classes of them, that psycopg does not count as data errors: a view's check option, a
trigger's own code, a value too long for an index, and `RAISE EXCEPTION`."""


MYSQL_ROW_ERRORS = {1292, 1366, 1411, 1644, 3140}
"""MySQL's error numbers that its drivers do not count as data errors: a date or text that does not fit its
column, a trigger's SIGNAL, and JSON that is none."""


def is_row_at_fault(error: DatabaseError) -> bool:
    """Tell whether a database refused the values of a row, by a rule of its own or by a trigger."""
    if error.args and error.args[0] in MYSQL_ROW_ERRORS:
        return True
    state = getattr(error.__cause__, "sqlstate", None) or ""
    return isinstance(error, (IntegrityError, DataError, InternalError)) or state.startswith(ROW_STATES)


SEE_LOG = "See the log with --log-level DEBUG."


def sentence(error: BaseException, using: str, remedy: str = SEE_LOG) -> str:
    """Say in one sentence what went wrong, and what to do where that is known."""
    if isinstance(error, EtlError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "The run was interrupted: run it again."
    first = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
    if is_lost_connection(error):
        return f"The connection to a database was lost ({first}): see that the server is up, then run again."
    if "locked" in first and isinstance(error, OperationalError):
        return f"Database {using!r} is locked by another process: wait until it has finished, then run again."
    if isinstance(error, DatabaseError):
        return f"Database {using!r} refuses the work: {first}. {remedy}"
    return f"{type(error).__name__}: {first}. Run again with --traceback to see where."


def is_lost_connection(error: BaseException | None) -> bool:
    """Tell whether a server went away or could not be reached, so that trying again may help."""
    while error is not None:
        if isinstance(error, (OperationalError, InterfaceError)) or hasattr(error, "sqlstate"):
            state = getattr(error, "sqlstate", None)
            if state is not None and state.startswith(("08", "57P")):
                return True
            if type(error).__module__.startswith("psycopg") and state is None:
                # A server that says FATAL is there: a wrong password does not mend itself.
                refused = "FATAL:" in str(error) and "the database system is" not in str(error)
                return type(error).__name__ in ("OperationalError", "InterfaceError") and not refused
            if error.args and error.args[0] in SERVER_GONE:
                return True
        error = error.__cause__
    return False
