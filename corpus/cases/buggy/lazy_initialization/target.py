"""A palette whose index is first needed by several threads at once."""

import palette as case

NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


def SETUP():
    return case.Palette(NAMES)


def number(name):
    def operation(palette):
        found = palette.number(name)
        assert found == NAMES.index(name), (name, found)

    return operation


OPS = {name: number(name) for name in ("black", "yellow", "white")}
