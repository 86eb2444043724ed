from .config import TrainConfig as TrainConfig
from .config import build as build
from .engine import train as train
from .loaders import loaders as loaders
from .recipe_file import read_settings as read_settings
