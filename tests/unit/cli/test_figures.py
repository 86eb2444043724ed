"""`segcore figures`: a folder of figures for paper."""

import shutil

import pytest
from PIL import Image

from segcore.cli import main
from segcore.runs import RunStore


def figures(out, *words):
    assert main(["figures", *map(str, words), "--out", str(out)]) == 0
    return {path.name for path in out.iterdir()}


@pytest.fixture(scope="module")
def drawn(toy, tmp_path_factory):
    """The figures of two runs, with what the command printed."""
    out = tmp_path_factory.mktemp("figures") / "out"
    return out, figures(out, "unet", "fcn8s", "--runs", toy[1], "--width", "80", "--examples", "1")


def test_every_figure_of_a_report_is_there_with_its_caption(drawn):
    out, names = drawn
    curves = {f"curves-{name}.png" for name in ("loss", "miou", "pixel-accuracy")}
    pictures = {"samples.png", "predictions.png", "errors.png"}
    scores = {"scores.png", "classes.png", "confusion-unet.png", "confusion-fcn8s.png", "cost-parameters.png"}
    assert curves | pictures | scores | {"captions.md", "export.json"} <= names
    captions = (out / "captions.md").read_text()
    assert all(f"`{name}`: " in captions for name in names if name.endswith(".png"))
    for name in curves | pictures | scores:
        with Image.open(out / name) as picture:
            assert abs(picture.width - 80 / 25.4 * 300) < 40, name


def test_without_the_data_the_charts_are_drawn_and_the_reason_is_said(toy, tmp_path, capsys):
    shutil.copytree(toy[1] / "unet", tmp_path / "runs" / "unet")
    config = tmp_path / "runs" / "unet" / "summary.json"
    config.write_text(config.read_text().replace(str(toy[0]), str(tmp_path / "gone")))
    names = figures(tmp_path / "out", "--runs", tmp_path / "runs", "--format", "svg")
    assert {"curves-loss.svg", "classes.svg"} <= names and "samples.svg" not in names
    assert "No pictures. " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "gif"], "No format of figures 'gif'. Choose one of png, svg, pdf."),
        (["--width", "4000"], "--width is 4000; expected 40 to 400 millimetres."),
        (["--examples", "0"], "--examples is 0; expected 1 to 8."),
    ],
)
def test_what_can_not_be_drawn_is_refused_before_any_work(toy, tmp_path, capsys, words, message):
    assert main(["figures", "--runs", str(toy[1]), "--out", str(tmp_path / "out"), *words]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_in_a_notebook_runs_and_comparisons_are_tables_and_charts(toy):
    from segcore import Comparison

    runs = RunStore(toy[1]).list()
    run = next(run for run in runs if run.id == "unet")
    assert repr(run).startswith("<Run unet: U-Net on toy, finished; val mIoU 0.")
    assert "<td>U-Net</td>" in run._repr_html_() and "test mIoU" not in run._repr_html_()
    assert len(run.plot_curves().hconcat) == 3
    evaluation = run.evaluation("test")
    assert repr(evaluation) == "<Evaluation of unet on test: 3 images>"
    assert "IoU Road" in evaluation._repr_html_()
    comparison = Comparison.of(runs, "test", resamples=100)
    assert repr(comparison).startswith("<Comparison by mIoU on test: ")
    assert comparison._repr_html_().count("<tr>") == 4 and "pixel accuracy" in comparison._repr_html_()
    marks = comparison.plot(
        palette={row.title: f"#00000{place}" for place, row in enumerate(comparison.rows)}
    ).to_dict()
    assert {"#000000", "#000001"} <= set(marks["layer"][0]["encoding"]["color"]["scale"]["range"])
    assert [layer["mark"]["type"] for layer in marks["layer"]] == ["rule", "circle"]
