"""Import before numpy: matrices this small are slower, and far slower on a busy machine, with threads in BLAS."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
