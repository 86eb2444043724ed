"""Names of pipelines: presets, saved files, and what differs between those without a name."""

from segcore.augment import Pipeline, Step, presets
from segcore.augment.pipeline_names import pipeline_names, pipelines_in_words

FLIP, TURN = Step.create("HorizontalFlip"), Step.create("Rotate")


def test_a_saved_file_names_its_pipeline_and_never_a_preset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipelines").mkdir()
    own = Pipeline((FLIP, TURN))
    for name, text in (("own", own.to_yaml()), ("copy", presets()["light"].to_yaml()), ("broken", "transforms: 3")):
        (tmp_path / "pipelines" / f"{name}.yaml").write_text(text)
    assert pipelines_in_words([own, presets()["light"]]) == ["own", "light"]
    assert set(pipeline_names().values()) == {*presets(), "own"}


def test_pipelines_without_a_name_tell_what_the_others_lack():
    pipelines = [Pipeline((FLIP, Step.create("Rotate", 0.2))), Pipeline((FLIP, Step.create("Rotate", 0.9)))]
    assert pipelines_in_words(pipelines) == [
        "custom: 2 transforms (Rotate between -30 and 30 degrees, 20 % of the time)",
        "custom: 2 transforms (Rotate between -30 and 30 degrees, 90 % of the time)",
    ]


def test_pipelines_that_differ_in_order_alone_are_told_whole():
    first, second = pipelines_in_words([Pipeline((FLIP, TURN)), Pipeline((TURN, FLIP))])
    assert first != second and first.startswith("custom: 2 transforms (Flip left to right, half the time; Rotate")
