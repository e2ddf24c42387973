"""The sum of the counts of several workers."""

from prometheus_client.parser import text_string_to_metric_families

from wablock.server.metrics import Metrics
from wablock.server.summed_counts import Counts, lasting, summed, text


def _series(counts: Counts) -> dict[str, float]:
    """The counts as Prometheus reads them."""
    read = text_string_to_metric_families(text(counts).decode())
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value for family in read for sample in family.samples
    }


def _one_and_another() -> tuple[Metrics, Metrics]:
    one, another = Metrics(), Metrics()
    one.answered("check", 200, None, 0.002)
    one.answered("send", 200, None, 0.002)
    for _ in range(2):
        another.answered("check", 200, None, 0.2)
    return one, another


def test_counts_of_both_workers_are_added() -> None:
    one, another = _one_and_another()

    series = _series(summed([one.counts(), another.counts()]))

    assert series["wablock_requests_total[('code', ''), ('operation', 'check'), ('status', '200')]"] == 3
    assert series["wablock_request_seconds_count[('operation', 'check')]"] == 3
    assert series["wablock_request_seconds_bucket[('le', '0.0025'), ('operation', 'check')]"] == 1
    assert series["wablock_request_seconds_bucket[('le', '0.25'), ('operation', 'check')]"] == 3


def test_a_count_of_one_worker_alone_is_there() -> None:
    one, another = _one_and_another()

    series = _series(summed([another.counts(), one.counts()]))

    assert series["wablock_requests_total[('code', ''), ('operation', 'send'), ('status', '200')]"] == 1


def test_a_sum_has_every_metric_of_one_and_no_times() -> None:
    one, another = _one_and_another()

    names = {metric.name for metric in summed([one.counts(), another.counts()])}
    series = _series(summed([one.counts(), another.counts()]))

    assert names == {metric.name for metric in one.counts()}
    assert not [name for name in series if "_created" in name]


def test_the_buckets_of_a_sum_stay_in_order() -> None:
    one, another = _one_and_another()

    exposition = text(summed([one.counts(), another.counts()])).decode()

    bounds = [
        line.split('le="')[1].split('"')[0]
        for line in exposition.splitlines()
        if 'operation="send"' in line and "le=" in line
    ]
    assert bounds == sorted(bounds, key=float)
    assert bounds[-1] == "+Inf"


def test_open_connections_of_an_ended_worker_are_not_counted() -> None:
    ended = Metrics()
    ended.connection_opened()
    ended.answered("check", 200, None, 0.002)

    series = _series(summed([lasting(ended.counts()), Metrics().counts()]))

    assert series["wablock_connections[]"] == 0
    assert series["wablock_request_seconds_count[('operation', 'check')]"] == 1
