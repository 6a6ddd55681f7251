"""Jobs that keep the jobs themselves in order."""

from ila.core import jobs, runs


@jobs.task(name="core.take_up_stalled_jobs", queue="upkeep", cron="* * * * *", retry=False)
def take_up_stalled_jobs(timestamp: int) -> int:  # noqa: ARG001 - the scheduler tells the time
    """What a killed worker had begun is done by another."""
    return runs.take_up_stalled_jobs()


@jobs.task(name="core.remove_old_runs", queue="upkeep", cron="41 2 * * *")
def remove_old_runs(timestamp: int) -> int:  # noqa: ARG001 - the scheduler tells the time
    """Records of runs are kept for a month."""
    return runs.remove_old_runs()
