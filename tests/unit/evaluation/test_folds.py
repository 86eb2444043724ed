"""Cross-validations against each other: each is one row, scored on the images of all its folds."""

import csv
import io

import numpy as np
import pytest
from fixtures.runs import fake_folds, fake_run, fake_truth

from segcore.evaluation.comparison import Comparison
from segcore.evaluation.comparison.table import to_csv
from segcore.evaluation.comparison.tidy_tables import total_confusion
from segcore.metrics import scores
from segcore.report import leaderboard

IDS = tuple("abcdefghijklmnopqrstuvwx")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    store = tmp_path_factory.mktemp("folds")
    good = fake_folds(store, "a-unet", IDS, model="unet", right=0.85)
    return good, fake_folds(store, "a-fcn8s", IDS, model="fcn8s", right=0.6)


def of(runs, split="val", **options):
    return Comparison.of(runs, split, **{"resamples": 400} | options)


def test_the_folds_of_a_recipe_are_one_row_scored_on_the_images_of_all(both):
    comparison = of([*both[0], *both[1]])
    assert [row.title for row in comparison.rows] == ["U-Net, 3 folds", "FCN-8s, 3 folds"]
    (pool,) = comparison.pools
    assert pool.ids == tuple(sorted(IDS)) and pool.where == "24 images" and len(pool.runs) == 6
    best = comparison.rows[0]
    joined = np.concatenate([run.evaluation("val").counts for run in both[0]])
    assert best.scores["miou"] == pytest.approx(scores(joined.sum(axis=0)).miou)
    assert total_confusion(comparison, best).tolist() == joined.sum(axis=0).tolist()
    of_folds = [run.evaluation("val").scores.miou for run in both[0]]
    assert best.parts == pytest.approx(of_folds) and best.parts_are == "folds"
    assert (best.mean, best.spread) == pytest.approx((np.mean(of_folds), np.std(of_folds, ddof=1)))
    assert best.runs == tuple(run.id for run in both[0])


def test_pairs_of_recipes_have_one_verdict(both):
    comparison = of([*both[0], *both[1]])
    pair = comparison.pair(both[0][2].id, both[1][1].id)  # whatever folds are named
    assert pair.images == 24 and pair.better == both[0][0].id
    (sentence,) = comparison.sentences()
    assert sentence.startswith("U-Net, 3 folds is better than FCN-8s, 3 folds by ")
    assert "not trained on it" in comparison.validation_note(0) and comparison.differences == ()
    assert not any("trained once" in text for text in comparison.caveats())
    assert any(text.startswith("3 folds show little of how trainings differ") for text in comparison.caveats())


def test_a_cross_validation_beside_them_changes_no_interval_of_single_runs(tmp_path):
    plain = [
        fake_run(tmp_path, name, model=name, ids=IDS, split="val", tested=False, right=right, seed=seed)
        for seed, (name, right) in enumerate((("fpn", 0.8), ("pspnet", 0.78)))
    ]
    alone = of(plain)
    beside = of([*plain, *fake_folds(tmp_path, "cv", IDS, model="fcn8s", right=0.7)])
    first, second = (run.id for run in plain)
    for comparison in (alone, beside):
        assert len(comparison.pools) == 1
    assert {row.id: row.interval for row in alone.rows}.items() <= {row.id: row.interval for row in beside.rows}.items()
    assert beside.pair(first, second).half_width == alone.pair(first, second).half_width
    among = [run.id for run in beside.runs]
    assert repr(alone.classes(among)[first]) == repr(beside.classes(among)[first])  # a class without score is NaN


def test_an_image_is_looked_up_in_the_fold_that_scored_it(both):
    comparison = of(both[0])
    row = comparison.rows[0]
    for sample_id in IDS[:4]:
        assert comparison.evaluation_of(row, sample_id).ids.count(sample_id) == 1
    values = dict(zip(comparison.pools[0].ids, comparison.image_values(row), strict=True))
    assert values["b"] == pytest.approx(both[0][1].evaluation("val").image_scores("b").miou)


def test_leaderboards_give_the_mean_and_spread_of_the_folds(both):
    comparison = of([*both[0], *both[1]])
    text = leaderboard.markdown(comparison)
    assert "mean ± sd of folds" in text and " of 3 |" in text and text.count("U-Net, 3 folds |") == 1
    first = next(csv.DictReader(io.StringIO(to_csv(comparison))))
    assert first["folds"] == "3" and first["images"] == "24" and first["runs"].count("fold") == 3
    assert float(first["mean_of_folds"]) == pytest.approx(comparison.rows[0].mean)


def test_folds_that_are_missing_or_were_trained_again_are_said(both, tmp_path):
    two_of_three = of([both[0][0], both[0][2]])
    assert [row.title for row in two_of_three.rows] == ["U-Net, 2 of 3 folds"]
    second = fake_folds(tmp_path, "b-unet", IDS, model="unet", right=0.85)[:2]
    comparison = of([*both[0], *second])
    assert sorted(row.title for row in comparison.rows) == ["U-Net (a), 3 folds", "U-Net (b), 2 of 3 folds"]
    pair = comparison.pair(both[0][0].id, second[1].id)
    assert pair.images == 16 and pair.has_interval  # those that both scored


def test_seeds_of_cross_validations_are_one_recipe(tmp_path):
    runs = [run for seed in (0, 1) for run in fake_folds(tmp_path, f"unet-seed{seed}", IDS, seed=seed, right=0.8)]
    comparison = of(runs)
    assert len(comparison.rows) == 2 and comparison.has_seeds
    (row,) = comparison.by_recipe.rows
    assert row.title == "U-Net, 2 seeds of 3 folds" and len(row.runs) == 6 and row.parts_are == "seeds"
    assert row.parts == tuple(
        one.scores["miou"] for one in (comparison.row(row.evaluated[0]), comparison.row(row.evaluated[1]))
    )


def test_on_images_that_all_folds_scored_a_row_is_their_mean(tmp_path):
    runs = [
        fake_run(tmp_path, f"unet-fold{fold}", ids=IDS, settings={"folds": 2, "fold": fold}, right=0.7 + fold / 10)
        for fold in (0, 1)
    ]
    (row,) = of(runs, "test").rows
    assert row.title == "U-Net, 2 folds" and row.parts_are == "folds" and row.images == 24
    assert row.scores["miou"] == pytest.approx(np.mean([run.evaluation("test").scores.miou for run in runs]))


def test_folds_are_no_seeds_on_images_that_all_scored(tmp_path):
    """Two cross-validations of three folds are two trainings, not six: folds share most of their training images."""
    runs = [
        fake_run(
            tmp_path,
            f"unet-seed{seed}-fold{fold}",
            ids=IDS,
            seed=seed,
            settings={"folds": 3, "fold": fold},
            right=0.7 + seed / 20 + fold / 50,
        )
        for seed in (0, 1)
        for fold in range(3)
    ]
    (row,) = of(runs, "test").by_recipe.rows
    assert row.title == "U-Net, 2 seeds of 3 folds" and row.parts_are == "seeds" and len(row.parts) == 2
    scores = [run.evaluation("test").scores.miou for run in runs]
    assert row.parts == pytest.approx((np.mean(scores[:3]), np.mean(scores[3:])))
    error = np.std(row.parts, ddof=1) / np.sqrt(2)
    assert row.interval.high - row.interval.low > 2 * 11 * error  # Student's t for one degree of freedom is 12.7
    one = of(runs[:3], "test").rows[0]
    assert one.parts == pytest.approx(scores[:3])  # of one cross-validation alone, its folds tell of training


def test_luck_of_training_widens_the_interval(tmp_path):
    rights = (0.5, 0.7, 0.9)  # of equally hard images, so trainings differ
    truths = [fake_truth(0)] * len(IDS)
    runs = [
        fake_run(
            tmp_path,
            f"unet-fold{fold}",
            ids=IDS[fold::3],
            truths=truths[fold::3],
            right=right,
            split="val",
            settings={"folds": 3, "fold": fold},
        )
        for fold, right in enumerate(rights)
    ]
    joined = of(runs).rows[0].interval
    spread = np.std([run.evaluation("val").scores.miou for run in runs], ddof=1)
    assert joined.high - joined.low > 4 * spread  # 2 x 4.3 / sqrt(3), Student's t for two degrees of freedom
