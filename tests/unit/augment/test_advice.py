"""What is warned of, and what is not."""

from dataclasses import replace

import numpy as np
import pytest

from segcore.augment import CATALOG, Group, Pipeline, Step, presets
from segcore.augment.effect import Effect, PictureStatistics
from segcore.augment.linter.advice import advise, is_street
from segcore.labels import CAMVID11, CAMVID32, LabelMap, auto_palette

CELLS = LabelMap("cells", ("nucleus", "membrane"), auto_palette(2))
SIZE = (224, 320)


def of(*steps, labels=CAMVID11, size=SIZE, **more):
    return advise(Pipeline(tuple(steps)), labels=labels, size=size, **more)


def texts(*steps, **more):
    return [advice.text for advice in of(*steps, **more)]


def side(pixels, images=None, ignored=0, clipped=0):
    bins = np.zeros(32, np.int64)
    result = np.array(pixels, np.int64)
    return PictureStatistics(
        result, ignored, result.astype(bool) * 10 if images is None else np.array(images), bins, bins, clipped
    )


@pytest.mark.parametrize("labels", [CAMVID11, CAMVID32])
@pytest.mark.parametrize("name", ["none", "light", "driving", "assignment"])
def test_presets_are_not_warned_of(name, labels):
    assert advise(presets()[name], labels=labels, size=SIZE) == ()


def test_the_strong_preset_is_only_told_that_it_is_strong():
    (advice,) = advise(presets()["strong"], labels=CAMVID11, size=SIZE)
    assert advice.mild and advice.step is None and "Only 0.4 % of the images pass unchanged" in advice.text


def test_streets_are_told_by_their_classes():
    assert is_street(CAMVID11) and is_street(CAMVID32) and not is_street(CELLS)


def test_upside_down_only_matters_on_streets():
    assert "turns streets upside down" in texts(Step.create("VerticalFlip"))[0]
    assert texts(Step.create("VerticalFlip"), labels=CELLS) == texts(Step.create("VerticalFlip"), labels=None) == []


def test_what_is_switched_off_or_never_fires_is_passed_over():
    assert texts(Step.create("VerticalFlip", enabled=False), Step.create("VerticalFlip", 0.0)) == []
    assert texts(Group.create("OneOf", [Step.create("VerticalFlip")], enabled=False)) == []


def test_names_the_transform_by_its_place_in_the_whole_list():
    group = Group.create("OneOf", [Step.create("CLAHE"), Step.create("VerticalFlip")])
    assert [advice.step for advice in of(Step.create("HorizontalFlip"), group)] == [2]


@pytest.mark.parametrize(
    ("name", "key", "other"),
    [("Rotate", "limit", {}), ("Affine", "rotate", {"scale": (1, 1)})],
)
def test_tilts(name, key, other):
    assert texts(Step.create(name, **{key: (-45, 45)}, **other)) == []
    assert "by up to 90 degrees" in texts(Step.create(name, **{key: (-90, 20)}, **other))[0]
    assert "turns streets upside down" in texts(Step.create(name, **{key: (-180, 180)}, **other))[0]


def test_zooms_with_their_arithmetic():
    (far,) = texts(Step.create("Affine", scale=(0.4, 1.0)))
    assert "shrinks to 0.4 of the size" in far and "84 % of the picture is padding" in far
    (near,) = texts(Step.create("Affine", scale=(1.0, 3.0)))
    assert "enlarges up to 3 times: 11 % of the picture is left" in near
    assert texts(Step.create("Affine", scale=(0.5, 2.5))) == []
    assert "enlarges up to 5 times" in texts(Step.create("CropAndPad", percent=(-0.4, 0)))[0]


def test_holes_over_labels():
    wide = {"num_holes_range": (4, 4), "hole_height_range": (0.3, 0.3), "hole_width_range": (0.3, 0.3)}
    assert "hides about 36 % of the image and still trains" in texts(Step.create("CoarseDropout", **wide))[0]
    assert texts(Step.create("CoarseDropout", **wide, fill_mask="ignore")) == []
    assert "hides about 36 %" in texts(Step.create("GridDropout", ratio=0.6))[0]
    assert texts(Step.create("GridDropout", ratio=0.5)) == []


def test_colours():
    assert texts(Step.create("ToGray", 0.5)) == []
    assert "takes the colours from 80 % of the images" in texts(Step.create("ToGray", 0.8))[0]
    assert texts(Group.create("OneOf", [Step.create("ToGray", 0.8), Step.create("CLAHE", 0.8)], 1.0)) == []  # half
    assert "by up to 180 degrees" in texts(Step.create("HueSaturationValue", hue_shift_limit=(-90, 10)))[0]
    assert "by up to 108 degrees" in texts(Step.create("ColorJitter", hue=(-0.3, 0)))[0]


def test_bends():
    assert texts(Step.create("ElasticTransform", alpha=380, sigma=8)) == []
    assert "keep alpha below 96" in texts(Step.create("ElasticTransform", alpha=100, sigma=4))[0]
    assert "squeezes cells to 0.1" in texts(Step.create("GridDistortion", distort_limit=(-0.9, 0)))[0]


def test_a_bend_that_is_warned_of_folds():
    """The rule's threshold against the library: there a little of the picture runs backwards, far below it nothing."""
    from segcore.augment.compiled_pipeline import compiled_pipeline

    image, mask = np.zeros((200, 200, 3), np.uint8), np.zeros((200, 200), np.uint8)
    folded = {}
    for alpha in (100, 384):
        step = Step.create("ElasticTransform", 1.0, alpha=alpha, sigma=8)
        maps = [compiled_pipeline((step,))(image, mask, seed)[2][0][1]["map_x"] for seed in range(4)]
        folded[alpha] = float(np.mean([(np.diff(item, axis=1) < 0).mean() for item in maps]))
    assert folded[100] < 0.0005 < folded[384] < 0.02


def test_twice_in_a_row():
    (advice,) = of(Step.create("CLAHE", 0.1), Step.create("ToGray", enabled=False), Step.create("CLAHE", 0.2))
    assert advice.step == 2 and advice.mild and "follows itself" in advice.text
    assert texts(Step.create("CLAHE", 0.1), Step.create("ToGray", 0.1), Step.create("CLAHE", 0.1)) == []
    assert texts(Group.create("OneOf", [Step.create("CLAHE"), Step.create("CLAHE")])) == []


def test_noise_before_blur():
    noise, blur = Step.create("GaussNoise", 0.1), Step.create("MedianBlur", 0.1)
    (advice,) = of(noise, blur)
    assert advice.step == 0 and "GaussNoise comes before MedianBlur" in advice.text
    assert texts(blur, noise) == texts(Group.create("OneOf", [noise, blur])) == []
    (advice,) = of(Step.create("ToGray", 0.1), Group.create("OneOf", [noise]), Group.create("OneOf", [blur]))
    assert advice.step == 1


def test_no_plain_image():
    steps = [Step.create(name, 1.0) for name in ("HorizontalFlip", "RandomGamma", "CLAHE")]
    assert "No image passes unchanged (3.0 transforms each" in texts(*steps)[0]
    assert texts(*steps[:2]) == []


def test_serious_advice_comes_first():
    result = of(Step.create("GaussNoise", 0.1), Step.create("MedianBlur", 0.1), Step.create("VerticalFlip"))
    assert [advice.mild for advice in result] == [False, True]


def test_transforms_that_change_the_size():
    assert "turns streets on their side" in texts(Step.create("RandomRotate90"))[0]
    assert "2.0 times as wide, or as narrow" in texts(Step.create("Transpose"), labels=CELLS)[0]
    assert texts(Step.create("Transpose"), labels=CELLS, size=(256, 256)) == []
    crop = Step.create("RandomCrop", 1.0, height=160, width=160)
    assert "cuts out 160x160, and training brings it back to 224x320" in texts(crop)[0]
    assert "1.4 times as wide. Give it the shape of the picture, e.g. 160x229." in texts(crop)[0]
    sized = Step.create("RandomSizedCrop", 1.0, min_max_height=(80, 200), w2h_ratio=1.43)
    assert "enlarges up to 2.8 times" in texts(sized)[0] and len(texts(sized)) == 1
    assert "1.7 times as high" in texts(Step.create("Crop", 1.0, x_max=256, y_max=105))[0]
    assert "takes 256x200 of a picture of 224x320" in texts(Step.create("CenterCrop", height=256, width=200))[0]
    assert "enlarges up to 5 times" in texts(Step.create("RandomCropFromBorders", crop_left=0.4, crop_right=0.4))[0]
    assert texts(Step.create("RandomCrop", 1.0, height=112, width=160)) == []
    assert "only resizes" in texts(Step.create("RandomScale"))[0]
    assert texts(Step.create("RandomScale"), Step.create("RandomCrop", 1.0, height=112, width=160)) == []
    assert "3.5 times" in texts(Step.create("RandomResizedCrop", 1.0, scale=(0.08, 1.0)))[0]
    assert "tiles" in texts(Step.create("RandomGridShuffle"))[0]


def test_only_what_can_follow_on_the_same_image_counts_as_later():
    resize, scale = Step.create("Resize", 1.0, height=112, width=160), Step.create("RandomScale", 0.5)
    crop = Step.create("RandomCrop", 1.0, height=160, width=160)

    def output(*steps):
        return [(advice.step, advice.text.split(",")[0]) for advice in of(*steps)]

    resized, cut = "Resize only resizes", "RandomCrop cuts out 160x160"
    assert output(Group.create("OneOf", [resize, crop])) == [(1, cut), (0, resized)]
    assert output(Group.create("OneOf", [crop, resize])) == [(0, cut), (1, resized)]
    assert output(Group.create("SomeOf", [crop, resize], n=1)) == [(0, cut), (1, resized)]
    assert output(Group.create("SomeOf", [crop, resize], n=2)) == [(1, resized)]
    # Members of members of one group do follow one another, and what comes after the group follows all of them.
    assert output(Group.create("OneOf", [Group.create("SomeOf", [scale, crop], n=2), Step.create("CLAHE")])) == [
        (1, cut)
    ]
    after = Group.create("OneOf", [Step.create("Resize", 1.0, height=224, width=320), Step.create("CLAHE")])
    assert output(Group.create("OneOf", [crop, Step.create("CLAHE")]), after) == [(2, resized)]
    assert output(crop, Group.create("OneOf", [resize], 0.0)) == [(0, cut)]


def test_colours_no_camera_makes():
    for name in ("InvertImg", "ChannelShuffle", "Solarize"):
        assert "validation never looks like this" in texts(Step.create(name))[0]
    assert "leaves 4 levels" in texts(Step.create("Posterize", num_bits=(2, 6)))[0]
    assert texts(Step.create("Posterize", num_bits=(4, 6))) == []


def test_steps_in_the_image():
    (advice,) = of(Step.create("Rotate", limit=(-5, 5), interpolation="nearest"))
    assert advice.mild and "nearest neighbour" in advice.text


@pytest.mark.parametrize("name", CATALOG)
def test_says_something_or_nothing_of_every_transform(name):
    for labels in (CAMVID11, CELLS, None):
        for size in (SIZE, None):
            assert len(of(Step.create(name, 0.1), labels=labels, size=size)) <= 2


MEASURED = replace(Effect.empty(11), seconds=(0.02,) * 10)


def test_a_class_that_is_cut_out():
    before = side([1000] * 10 + [10], images=[10] * 11)
    after = side([1000] * 10 + [4], images=[10] * 10 + [4])
    (advice,) = of(effect=replace(MEASURED, before=before, after=after))
    assert advice.step is None
    assert advice.text.startswith("Cut out of more than half of the images that show it: Bicyclist (60 %).")
    few = side([1000] * 10 + [10], images=[10] * 10 + [4])
    assert texts(effect=replace(MEASURED, before=few, after=side([1000] * 10 + [0]))) == []


def test_a_class_that_shrinks():
    effect = replace(MEASURED, before=side([1000] * 11), after=side([1000] * 10 + [400]))
    assert texts(effect=effect) == ["More than half of its share of the pixels is lost: Bicyclist (58 %)."]


def test_pixels_lost_and_clipped():
    effect = replace(MEASURED, before=side([100] * 11), after=side([70] * 11, ignored=330))
    assert "30 % of the labelled pixels are lost to padding" in texts(effect=effect)[0]
    effect = replace(MEASURED, before=side([100] * 11), after=side([100] * 11, clipped=330))
    assert "30 % of the pixels come out black or white (0 % before)" in texts(effect=effect)[0]


def test_too_slow_for_the_training_it_feeds():
    (text,) = texts(effect=MEASURED, images_per_second=120, model="PSPNet")
    assert "PSPNet trained at 120, which takes 3 workers. Train with --workers 3" in text
    assert texts(effect=MEASURED, images_per_second=40, model="PSPNet") == []


def test_mistakes_are_told():
    effect = replace(MEASURED, invented=(7,), failures=(("RandomCrop can't take a picture.", 3),))
    first, second = texts(effect=effect)
    assert "ids that were not in them before: 7" in first
    assert second == "3 of 13 examples failed: RandomCrop can't take a picture."
