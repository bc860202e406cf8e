import torch

from ocrnet_mmdet.evaluation.speed import alternating_seconds, peak_mib, ratios


def test_the_first_round_warms_up_and_every_round_takes_each():
    order = []
    steps = {name: lambda name=name: order.append(name) for name in 'ab'}
    taken = alternating_seconds(steps, 2, 'cpu')
    assert order == ['a', 'b'] * 3 and taken.keys() == {'a', 'b'}


def test_the_peak_is_what_a_step_holds_at_once():
    def twice(count):
        parts = [torch.zeros(2**18) for _ in range(count)]  # 1 MiB each
        del parts
        torch.zeros(2**18)

    assert [round(peak_mib(lambda: twice(count), 'cpu'), 2) for count in (1, 3)] == [1, 3]


def test_ratios_are_ours_over_theirs():
    result = dict(ours=dict(seconds=1.0, mib=3.0), theirs=dict(seconds=2.0, mib=1.5))
    assert ratios(result, 'ours', 'theirs') == dict(seconds=0.5, mib=2.0)
