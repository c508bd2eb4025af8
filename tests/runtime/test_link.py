"""The pipes to a fork server: what it said before it ended is not lost."""

import os
import sys
import time

import pytest

from stressor.campaign.link import Link, LinkLost


def test_the_last_message_of_a_server_that_is_gone_is_received() -> None:
    link = Link([sys.executable, "-c", "print('{\"refused\": 1}')"], os.environ)
    try:
        while link.exit_code() is None:
            pass  # so that message and end are there together
        assert link.receive(time.monotonic() + 10) == {"refused": 1}
        with pytest.raises(LinkLost):
            link.receive(time.monotonic() + 10)
    finally:
        link.close()
