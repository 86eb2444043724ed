"""Names, ids and colours of well-known class sets, as text, and how one set is merged into another."""

from __future__ import annotations

from collections.abc import Mapping

PRESET_NAMES = ("camvid32", "camvid11", "cityscapes19", "voc21", "ade150")  # a command line is parsed without numpy

# CamVid's label_colors.txt (Brostow, Fauqueur, Cipolla 2009), in the order of that file: `R G B name`.
CAMVID32_COLORS = """
64 128 64 Animal
192 0 128 Archway
0 128 192 Bicyclist
0 128 64 Bridge
128 0 0 Building
64 0 128 Car
64 0 192 CartLuggagePram
192 128 64 Child
192 192 128 Column_Pole
64 64 128 Fence
128 0 192 LaneMkgsDriv
192 0 64 LaneMkgsNonDriv
128 128 64 Misc_Text
192 0 192 MotorcycleScooter
128 64 64 OtherMoving
64 192 128 ParkingBlock
64 64 0 Pedestrian
128 64 128 Road
128 128 192 RoadShoulder
0 0 192 Sidewalk
192 128 128 SignSymbol
128 128 128 Sky
64 128 192 SUVPickupTruck
0 0 64 TrafficCone
0 64 64 TrafficLight
192 64 128 Train
128 128 0 Tree
192 128 192 Truck_Bus
64 0 64 Tunnel
192 192 0 VegetationMisc
0 0 0 Void
64 192 0 Wall
"""

# The 11 classes of SegNet's CamVid (Badrinarayanan, Kendall, Cipolla 2017) in its id order; its id 11 is void.
CAMVID11_COLORS = """
128 128 128 Sky
128 0 0 Building
192 192 128 Pole
128 64 128 Road
0 0 192 Pavement
128 128 0 Tree
192 128 128 SignSymbol
64 64 128 Fence
64 0 128 Car
64 64 0 Pedestrian
0 128 192 Bicyclist
0 0 0 Void
"""

# The labels of Cityscapes (Cordts et al. 2016): `R G B name` in the order of their ids, from 0. Those that are not
# evaluated end in `*`. Five of them are black in the colour masks, and polegroup has the colour of pole: a mask of
# colours can't tell these apart, so they have near-by colours of their own here, and black is unlabeled, grey is pole.
CITYSCAPES_COLORS = """
0 0 0 unlabeled*
0 0 1 ego vehicle*
0 1 0 rectification border*
1 0 0 out of roi*
0 1 1 static*
111 74 0 dynamic*
81 0 81 ground*
128 64 128 road
244 35 232 sidewalk
250 170 160 parking*
230 150 140 rail track*
70 70 70 building
102 102 156 wall
190 153 153 fence
180 165 180 guard rail*
150 100 100 bridge*
150 120 90 tunnel*
153 153 153 pole
153 153 154 polegroup*
250 170 30 traffic light
220 220 0 traffic sign
107 142 35 vegetation
152 251 152 terrain
70 130 180 sky
220 20 60 person
255 0 0 rider
0 0 142 car
0 0 70 truck
0 60 100 bus
0 0 90 caravan*
0 0 110 trailer*
0 80 100 train
0 0 230 motorcycle
119 11 32 bicycle
"""

# PASCAL VOC (Everingham et al. 2010) in its id order; 255 is void, drawn in VOC_VOID.
VOC21_NAMES = (
    "background, aeroplane, bicycle, bird, boat, bottle, bus, car, cat, chair, cow, diningtable, dog, horse, "
    "motorbike, person, pottedplant, sheep, sofa, train, tvmonitor"
)
VOC_VOID = (224, 224, 192)

# The 150 classes of ADE20K's scene parsing benchmark (Zhou et al. 2017), each by the first of its names; ids from 1.
ADE150_NAMES = """
wall, building, sky, floor, tree, ceiling, road, bed, windowpane, grass, cabinet, sidewalk, person, earth, door, table,
mountain, plant, curtain, chair, car, water, painting, sofa, shelf, house, sea, mirror, rug, field, armchair, seat,
fence, desk, rock, wardrobe, lamp, bathtub, railing, cushion, base, box, column, signboard, chest of drawers, counter,
sand, sink, skyscraper, fireplace, refrigerator, grandstand, path, stairs, runway, case, pool table, pillow,
screen door, stairway, river, bridge, bookcase, blind, coffee table, toilet, flower, book, hill, bench, countertop,
stove, palm, kitchen island, computer, swivel chair, boat, bar, arcade machine, hovel, bus, towel, light, truck, tower,
chandelier, awning, streetlight, booth, television receiver, airplane, dirt track, apparel, pole, land, bannister,
escalator, ottoman, bottle, buffet, poster, stage, van, ship, fountain, conveyer belt, canopy, washer, plaything,
swimming pool, stool, barrel, basket, waterfall, tent, bag, minibike, cradle, oven, ball, food, step, tank, trade name,
microwave, pot, animal, bicycle, lake, dishwasher, screen, blanket, sculpture, hood, sconce, vase, traffic light, tray,
ashcan, fan, pier, crt screen, plate, monitor, bulletin board, shower, radiator, glass, clock, flag
"""

# Target map -> target class -> the source classes merged into it (merged, not ignored; see docs/architecture.md).
GROUPINGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "camvid11": {
        "Building": ("Wall", "Bridge", "Tunnel", "Archway"),
        "Pole": ("Column_Pole", "TrafficCone"),
        "Road": ("LaneMkgsDriv", "LaneMkgsNonDriv"),
        "Pavement": ("Sidewalk", "ParkingBlock", "RoadShoulder"),
        "Tree": ("VegetationMisc",),
        "SignSymbol": ("Misc_Text", "TrafficLight"),
        "Car": ("SUVPickupTruck", "Truck_Bus", "Train", "OtherMoving"),
        "Pedestrian": ("Child", "CartLuggagePram", "Animal"),
        "Bicyclist": ("MotorcycleScooter",),
    },
    "cityscapes19": {
        "Void": tuple(line.split(maxsplit=3)[3][:-1] for line in CITYSCAPES_COLORS.split("\n") if line.endswith("*"))
    },
}

# Other spellings by tools, which differ by more than case, spaces and punctuation. Both sides as `plain_name` has them.
ALIASES: Mapping[str, str] = {"motorcycyclescooter": "motorcyclescooter"}  # CVAT's CamVid
