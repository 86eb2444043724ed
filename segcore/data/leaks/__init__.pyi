from .checking import check as check
from .checking import leak_sentences as leak_sentences
from .cross_dataset import check_against as check_against
from .leak_report import Example as Example
from .leak_report import Finding as Finding
from .leak_report import LeakReport as LeakReport
from .report_storage import store as store
from .report_storage import stored as stored
