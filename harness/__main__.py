"""``python -m harness``: runs the command and turns errors into one line and an exit status."""

from __future__ import annotations

import errno
import os
import sys
import traceback

from harness.errors import HarnessError

FAILED = 3  # everything that is neither usage nor a scientific result, which alone is 1


def main() -> None:
    """Run the command line; every error raised on purpose ends as a message and its exit status."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a fifth of the time of `list` would go to starting threads
    from harness.cli import app

    try:
        app(prog_name="harness")
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        print("interrupted: everything finished so far is stored", file=sys.stderr)
        sys.exit(130)
    except SystemExit as stop:
        if isinstance(cause := stop.__context__, OSError) and cause.errno == errno.EPIPE:
            sys.exit(FAILED)  # typer's 1 for a reader that stopped reading would be a scientific result
        raise
    except Exception:  # whatever it is: Python would end with 1, which is kept for verdicts
        traceback.print_exc()
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
