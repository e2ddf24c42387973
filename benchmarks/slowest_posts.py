"""The 99th percentile of durable POSTs at half of the top rate, in times of one sync of the disk."""

from statistics import median

from benchmarks import questions
from benchmarks.figures import Figure, shown
from benchmarks.lists import Lists
from benchmarks.load import milliseconds_when_paced, requests_per_second
from benchmarks.machine import seconds_of_a_sync
from benchmarks.variants import running


def measure(rounds: int, lists: Lists) -> list[Figure]:
    tops, syncs, times = [], [], []
    with running("wablock", file=lists.folder / "paced.db") as server:
        for _ in shown(rounds, "POSTs at half of the top rate"):
            tops.append(requests_per_second(server.url, "single_post"))
            syncs.append(seconds_of_a_sync(lists.folder) * 1_000)
            times.append(milliseconds_when_paced(server.url, tops[-1] / 2))
    medians = {"ms": median(times), "ms of a sync": median(syncs), "top rate": median(tops)}
    return [Figure(questions.SLOWEST_POST, median(times) / median(syncs), medians)]
