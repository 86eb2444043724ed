"""Weather: what is before the lens; the mask stays."""

from __future__ import annotations

from functools import partial

from segcore.augment.catalog.builder import NotOffered, advanced, choice, override, transform

WEATHER = "weather"
_weather = partial(transform, group=WEATHER)

TRANSFORMS = (
    _weather(
        "RandomFog",
        "Whitens the distance; slow.",
        "Fog {fog_coef_range}",
        fog_coef_range=override(0.0, 1.0, (0.1, 0.4), 0.05, help="How thick the fog is."),
        alpha_coef=override(0.0, 1.0, 0.08, 0.01, help="How much each patch of fog covers."),
    ),
    _weather(
        "RandomRain",
        "Streaks of rain under a darker sky.",
        "Rain ({rain_type}) slanted {slant_range}, brightness {brightness_coefficient}",
        slant_range=override(-20, 20, (-10, 10), 1, "degrees", "Slant of the streaks."),
        brightness_coefficient=override(0.3, 1.0, 0.8, 0.05, "times", "How dark it gets."),
        blur_value=override(1, 9, 3, 1, "pixels", "Blur of the wet picture."),
        rain_type=choice(
            "rain_type",
            ("default", "drizzle", "heavy", "torrential"),
            "How much it rains; drizzle has the fewest drops, torrential the most.",
        ),
        drop_length=advanced(
            1, 200, None, 1, "pixels", "Length of the streaks; less than the height.", none="an eighth of the height"
        ),
        drop_width=advanced(1, 10, unit="pixels", help="Width of the streaks."),
        drop_color=advanced(help="Colour of the streaks."),
    ),
    _weather(
        "RandomSnow",
        "Bleaches bright parts as snow does.",
        "Snow {snow_point_range}, brightness {brightness_coeff}",
        snow_point_range=override(0.0, 1.0, (0.1, 0.3), 0.05, help="Higher turns more of the picture white."),
        brightness_coeff=override(1.0, 5.0, 2.0, 0.1, "times", "How white it gets."),
        method=choice(
            "method", ("bleach", "texture"), "Bleach what is light, or lay a texture of snow over all.", advanced=True
        ),
    ),
    _weather(
        "RandomShadow",
        "Polygons of shadow on the lower half.",
        "Cast {num_shadows_limit}, darkness {shadow_intensity_range}",
        num_shadows_limit=override(1, 8, (1, 2), 1, "shadows", "How many."),
        shadow_intensity_range=override(0.0, 1.0, (0.3, 0.6), 0.05, help="0 is none, 1 is black."),
        shadow_roi=advanced(help="Where shadows fall."),
        shadow_dimension=advanced(high=10, unit="corners", help="Of a shadow."),
    ),
    _weather(
        "PlasmaShadow",
        "Shadows of clouds.",
        "Cast shadows of clouds, darkness {shadow_intensity_range}",
        shadow_intensity_range=override(help="0 is none, 1 is black."),
        roughness=advanced(0.1, 6.0, step=0.1, help="Below 1 is smooth, above 3 is rough."),
        plasma_size=NotOffered("is not offered: albumentations 2.0.8 ignores it."),
    ),
    _weather(
        "RandomSunFlare",
        "The sun in the lens, in the upper half.",
        "Sun flare of radius {src_radius}",
        src_radius=override(10, 600, 120, 10, "pixels", "Radius of the sun."),
        num_flare_circles_range=override(1, 20, (6, 10), 1, "circles", "Reflections in the lens."),
        flare_roi=advanced(help="Where the sun stands."),
        src_color=advanced(help="Colour of the sun."),
        angle_range=advanced(unit="turns", help="Direction of the reflections."),
        method=choice(
            "method",
            ("overlay", "physics_based"),
            "Circles laid over the picture, or a star with ghosts as in a real lens.",
            advanced=True,
        ),
    ),
    _weather(
        "RandomGravel",
        "Grey grains, as of dirt on the lens or gravel on the road.",
        "Strew gravel in {number_of_patches}",
        number_of_patches=override(high=20, unit="patches", help="How many."),
        gravel_roi=advanced(help="Where gravel lies."),
    ),
    _weather(
        "Spatter",
        "Drops of rain or splashes of mud on the lens.",
        "Spatter {mode} with strength {intensity}",
        mode=choice("mode", ("rain", "mud"), "What is on the lens."),
        intensity=override(help="How much it hides."),
        cutout_threshold=override(0.3, 0.95, step=0.01, help="Higher leaves fewer drops."),
        mean=advanced(help="Mean of the noise that drops are cut from."),
        std=advanced(help="Its standard deviation; larger makes more drops."),
        gauss_sigma=advanced(0.1, 10.0, step=0.1, unit="pixels", help="Size of the drops."),
        color=choice(
            "color",
            {"of_mode": None, "grey": (128, 128, 128), "brown": (101, 67, 33), "white": (255, 255, 255)},
            "Colour of the drops.",
            advanced=True,
        ),
    ),
)
