import numpy as np

from segcore.report.image_selection import choose


def test_images_are_chosen_by_rule_and_shown_once():
    values = np.array(
        [[0.5, 0.2, 0.9, 0.6, np.nan, 0.40], [0.5, 0.3, 0.8, 0.2, 0.1, 0.45], [0.5, 0.1, 0.9, 0.5, 0.5, 0.40]]
    )
    chosen = choose(values, ["a", "b", "c"], 9, pair="the two best by validation")
    assert [(example.rule, example.place) for example in chosen[:4]] == [
        ("Typical", 3),
        ("Hardest", 1),
        ("Most different", 2),
        ("Most spread", 5),
    ]
    assert sorted(example.place for example in chosen) == [0, 1, 2, 3, 5]  # the one without a score is never shown
    assert "between a and b, the two best by validation" in chosen[2].detail
    assert choose(values, ["a", "b", "c"], 9)[2].detail.endswith("between a and b")
    assert [example.place for example in choose(values, ["a", "b", "c"], 2)] == [3, 1]
    assert choose(values, ["a", "b", "c"], 0) == []
    assert [example.rule for example in choose(values[:1], ["a"], 3)] == ["Typical", "Hardest", "Easiest"]
