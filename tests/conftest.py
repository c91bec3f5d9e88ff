"""Set the arithmetic of the engine's workers before torch is imported, and make small worlds for tests."""

import os

os.environ.update({"MKL_CBWR": "AVX2", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
