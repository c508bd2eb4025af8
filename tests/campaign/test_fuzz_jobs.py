"""Several jobs at once: they share one budget, and one of them follows up a failure."""

from random import Random

from stressor.model.trial import Trial
from tests.unit.fake_race import BUG, Odds, Race
from tests.unit.test_explore import CALM, FRAGILE, Notebook, campaign


def test_jobs_share_budget_and_count_together() -> None:
    jobs = (Race(Random(1), CALM), Race(Random(2), CALM), Race(Random(3), CALM))
    running = campaign(jobs[0])
    running.jobs = jobs

    report = running.run()

    assert sum(job.runs for job in jobs) == report.status.tally.trials == 30


def test_one_job_follows_up_what_several_find() -> None:
    notebook = Notebook()
    # All of them fail at once and always.
    jobs = tuple(Race(Random(seed), Odds(1.0, 1.0)) for seed in range(4))
    running = campaign(jobs[0], notebook)
    running.jobs = jobs

    report = running.run()

    assert [finding.signature for finding in report.findings] == [BUG]
    assert [trial.minimized for trial in notebook.kept] == [False, True]


def test_fault_of_one_job_stops_the_others_and_every_fault_is_told() -> None:
    def fails(plan: object) -> Trial:
        raise RuntimeError("no")

    running = campaign(Race(Random(1), FRAGILE))
    running.jobs = (fails, fails)

    report = running.run()

    assert 1 <= len(report.faults) <= 2
    assert report.status.tally.trials == 0
