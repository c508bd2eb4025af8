"""Text for people and JSON for machines, made of finished trials. Decides nothing, runs nothing."""

from stressor.report.data import failure_data, summary_data
from stressor.report.failure import failure_report, failure_text, outcome_line
from stressor.report.plain import show
from stressor.report.replay import replay_command
from stressor.report.schedules import Covered
from stressor.report.summary import Found, Summary, Untried, summary_report

__all__ = [
    "Covered",
    "Found",
    "Summary",
    "Untried",
    "failure_data",
    "failure_report",
    "failure_text",
    "outcome_line",
    "replay_command",
    "show",
    "summary_data",
    "summary_report",
]
