"""``python -m harness``: runs the command and turns errors into one line and an exit status."""

from __future__ import annotations

import sys

from harness.errors import HarnessError


def main() -> None:
    """Run the command line; every error raised on purpose ends as a message and its exit status."""
    from harness.cli import app

    try:
        app(prog_name="harness")
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        print("interrupted: everything finished so far is stored", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
