from . import metrics as metrics
from .data import open_dataset as open_dataset
from .evaluation import Predictor as Predictor
from .evaluation.comparison import Comparison as Comparison
from .evaluation.import_model import import_model as import_model
from .evaluation.imports import evaluate as evaluate
from .evaluation.imports import import_predictions as import_predictions
from .models import create_model as create_model
from .runs import RunStore as RunStore
from .runs import load_run as load_run

__version__: str
