from .config import TrainConfig as TrainConfig
from .engine import train as train
