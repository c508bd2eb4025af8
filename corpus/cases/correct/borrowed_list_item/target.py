"""A playlist whose first title is read while it is replaced."""

import playlist_fixed as case
from hypothesis import strategies as st

from stressor.targets import Target, operation


class Playlist(Target):
    def setup(self):
        return case.Playlist(["title number 1000", "title number 1001"])

    @operation
    def now_playing(self, playlist):
        title = playlist.now_playing()
        assert title.startswith("title number"), title
        return title

    @operation(number=st.integers(0, 9))
    def play(self, playlist, number):
        # Made here, so that the playlist has the only reference.
        playlist.play(f"title number {number}")
