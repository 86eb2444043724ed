"""No file imports itself through others. import-linter holds the same of packages, but leaves their `__init__` out."""

import grimp
import networkx


def test_no_circle_of_files():
    """Imports inside functions count; those for type checkers alone do not."""
    graph = grimp.build_graph("segcore", exclude_type_checking_imports=True, cache_dir=None)
    imports = networkx.DiGraph(
        (name, imported) for name in graph.modules for imported in graph.find_modules_directly_imported_by(name)
    )
    imports.remove_edges_from([("segcore.training.engine", "segcore.training.ray.launcher")])  # until session.py stands
    circles = [sorted(part) for part in networkx.strongly_connected_components(imports) if len(part) > 1]
    assert not circles, "\n".join(" <-> ".join(circle) for circle in circles)
