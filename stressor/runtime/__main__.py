"""`python -m stressor.runtime launch|serve ORDERS`: how a host starts its fork server.

`launch` prepares the process and executes the same command again as `serve`: address randomization
can only be switched off for the next program, and what `launch` imported is gone then. ORDERS is
the JSON that `stressor.campaign.host` writes.
"""

import sys


def main() -> None:
    """Run one of the two stages; the rest of the command line is `startup.Orders`."""
    if len(sys.argv) != 3 or sys.argv[1] not in {"launch", "serve"}:
        sys.exit("stressor.runtime is started by stressor itself: see `stressor fuzz --help`")
    if sys.argv[1] == "launch":
        from stressor.runtime.launch import launch  # noqa: PLC0415 - not for the second stage

        launch(sys.argv[2])
    from stressor.runtime.server import serve  # noqa: PLC0415 - not for the first stage

    serve(sys.argv[2])


if __name__ == "__main__":
    main()
