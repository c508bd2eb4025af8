"""One `csv.reader` that all threads pull rows from: every row must be the row that is in the file."""

import csv
import itertools

from stressor.targets import Target, operation

LINE = '17,"a, quoted",,tail\n'
ROW = ["17", "a, quoted", "", "tail"]


class Reader(Target):
    def setup(self):
        return csv.reader(itertools.repeat(LINE))

    @operation(raises=csv.Error, weight=3)
    def pull(self, reader):
        row = next(reader)
        assert row == ROW, row

    @operation
    def lines_read(self, reader):
        assert reader.line_num >= 0
