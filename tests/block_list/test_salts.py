from concurrent.futures import ThreadPoolExecutor

from wablock.block_list.events import Salts


def test_threads_that_take_salts_at_the_same_time_get_different_ones() -> None:
    salts = Salts()

    with ThreadPoolExecutor(4) as threads:
        taken = [salt for each in threads.map(lambda _: [salts() for _ in range(5_000)], range(4)) for salt in each]

    assert len(set(taken)) == 20_000
    assert {len(salt) for salt in taken} == {16}
