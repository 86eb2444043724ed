from .loop import SearchPlan as SearchPlan
from .loop import search as search
from .search_space import Space as Space
from .space_file import read_space as read_space
