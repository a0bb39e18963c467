"""What `start.sh` and `test.sh` run with the environment's Python: install what is missing, then open the studio."""

from __future__ import annotations

import sys

from zimage_lab.start import packages
from zimage_lab.start.messages import StartError

TESTS = "--install-for-tests"  # test.sh's
INSTALL = "--install-only"


def main(argv: list[str]) -> int:
    """Do it.

    Parameters
    ----------
    argv
        Arguments for `jupyter lab`, or one of the two above.

    Returns
    -------
    int
        Exit code.
    """
    try:
        packages.ensure(tests=TESTS in argv)
        if TESTS in argv or INSTALL in argv:
            return 0
        from zimage_lab.start import lab

        return lab.main(argv)
    except (StartError, OSError) as error:  # OSError: its words name the file
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
