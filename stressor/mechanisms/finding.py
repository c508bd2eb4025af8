"""The words in which runs of models are told: data of the corpus, and so of `stressor.model`."""

from stressor.model.finding import Broken, Finding, Run, Taken

__all__ = ["Broken", "Finding", "Run", "Taken"]
