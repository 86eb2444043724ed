"""Which of very many runs are compared."""

import pytest
from fixtures.runs import fake_folds, fake_run

from segcore.evaluation.comparison.shortlist import shortlist


@pytest.fixture
def many(store):
    """Eight runs of two seeds a recipe: the second seed of a recipe is much better than the first."""
    rights = {"a": (0.9, 0.95), "b": (0.2, 0.99), "c": (0.7, 0.75), "d": (0.3, 0.4)}
    for place, (recipe, (first, second)) in enumerate(rights.items()):
        shared = {"settings": {"lr": 0.1 * (place + 1)}, "epochs": 1}
        fake_run(store, f"{recipe}1", right=first, seed=0, **shared)
        fake_run(store, f"{recipe}2", right=second, seed=1, **shared)
    return store.list()


def ids(runs):
    return {run.id for run in runs}


def test_few_runs_are_all_kept(many):
    assert shortlist(many, "test", 8) == many


def test_the_best_are_kept_in_the_order_given_and_the_chosen_ones_in_any_case(many):
    assert ids(shortlist(many, "test", 3)) == {"a1", "a2", "b2"}
    kept = shortlist(many, "test", 3, chosen={"d1"})
    assert ids(kept) == {"a2", "b2", "d1"} and kept == [run for run in many if run in kept]


def test_the_seeds_of_a_recipe_are_kept_or_left_out_together(many):
    assert ids(shortlist(many, "test", 4, by_seed=True)) == {"a1", "a2", "c1", "c2"}
    assert ids(shortlist(many, "test", 3, by_seed=True, chosen={"b1"})) == {"b1", "b2", "a1", "a2"}


def test_what_is_found_is_kept_with_the_rest_of_its_recipe(many):
    def matches(run):
        return run.id == "d2"

    assert ids(shortlist(many, "test", 4, matches=matches)) == {"d2"}
    assert ids(shortlist(many, "test", 4, matches=matches, by_seed=True, chosen={"a2"})) == {"a1", "a2", "d1", "d2"}


def test_runs_on_different_data_are_not_ranked_against_each_other(store):
    for place in range(4):
        fake_run(store, f"easy{place}", dataset="easy", right=0.9 + 0.01 * place, seed=place, epochs=1)
        fake_run(store, f"hard{place}", dataset="hard", right=0.2 + 0.1 * place, seed=place, epochs=1)
    assert ids(shortlist(store.list(), "test", 4)) == {"easy2", "easy3", "hard2", "hard3"}


def test_folds_are_kept_together_by_their_mean(store):
    images = [f"frame_{index:03d}" for index in range(6)]
    fake_folds(store, "good", images, right=0.9)
    fake_folds(store, "bad", images, right=0.3, seed=1)
    assert ids(shortlist(store.list(), "val", 2)) == {"good-fold0", "good-fold1", "good-fold2"}


def test_runs_without_the_score_come_last(store):
    fake_run(store, "unscored", evaluated=False, tested=False, epochs=1)
    fake_run(store, "scored", right=0.2, epochs=1)
    assert ids(shortlist(store.list(), "test", 1)) == {"scored"}
    other = fake_run(store, "flipped", right=0.1, epochs=1, seed=1)
    (other.path / "evaluation" / "test").rename(other.path / "evaluation" / "test+flip")
    assert ids(shortlist(store.list(), "test+flip", 1)) == {"flipped"}
