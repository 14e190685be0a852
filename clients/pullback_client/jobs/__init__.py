"""Jobs of a server: followed, waited for, cancelled."""

from __future__ import annotations

from pullback_client.jobs.events import JobEvent, JobState, Portion, Progress
from pullback_client.jobs.job import JOB_TIMEOUT, OUTAGE_TIMEOUT, Job

__all__ = ["JOB_TIMEOUT", "OUTAGE_TIMEOUT", "Job", "JobEvent", "JobState", "Portion", "Progress"]
