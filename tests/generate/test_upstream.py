"""segment_anything is used without torchvision."""

import subprocess
import sys


def test_models_are_built_without_torchvision_and_the_package_still_loads_whole():
    code = (
        "import sys\n"
        "from overseg.generate import upstream\n"
        "modeling, amg = upstream.import_part('modeling'), upstream.import_part('utils.amg')\n"
        "assert 'torchvision' not in sys.modules\n"
        "import segment_anything\n"
        "from segment_anything.modeling import Sam\n"
        "assert Sam is modeling.Sam and segment_anything.modeling is modeling is upstream.import_part('modeling')\n"
        "assert segment_anything.utils.amg is amg\n"
        "assert 'torchvision' not in sys.modules\n"
        "from segment_anything import SamPredictor\n"
        "assert 'torchvision' in sys.modules and SamPredictor.__init__.__globals__['Sam'] is Sam\n"
        "assert not hasattr(segment_anything, 'another')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
